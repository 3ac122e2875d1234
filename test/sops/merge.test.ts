import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { mergeDocuments } from "../../src/sops/merge.ts"
import { emitYamlDocuments, parseYamlDocuments } from "../../src/sops/stores/yaml.ts"
import { branch, comment, type Documents, entry, list, type Value } from "../../src/sops/tree.ts"

const read = (text: string): Documents => parseYamlDocuments(Buffer.from(text))
const write = (documents: Documents): string => Buffer.from(emitYamlDocuments(documents)).toString()

function merge(base: string | null, ours: string, theirs: string, commentsSelect = false) {
  const { documents, conflicts } = mergeDocuments(
    base === null ? null : read(base),
    read(ours),
    read(theirs),
    commentsSelect,
  )
  const places = conflicts.map(({ keyPath, ours: own, theirs: other }) => `${keyPath.join(".")}: ${own}/${other}`)
  return { text: write(documents), conflicts: places }
}

describe("a merge takes what each side did", () => {
  it.each([
    {
      what: "different keys changed",
      base: "a: 1\nb: 1\n",
      ours: "a: 2\nb: 1\n",
      theirs: "a: 1\nb: 2\n",
      merged: "a: 2\nb: 2\n",
    },
    {
      what: "different keys added at one place, ours first",
      base: "a: 1\nz: 1\n",
      ours: "a: 1\no: 1\nz: 1\n",
      theirs: "a: 1\nt: 1\nz: 1\n",
      merged: "a: 1\no: 1\nt: 1\nz: 1\n",
    },
    {
      what: "a document added, and another one changed",
      base: "a: 1\n---\nb: 1\n",
      ours: "a: 2\n---\nb: 1\n",
      theirs: "a: 1\n---\nb: 2\n---\nc: 1\n",
      merged: "a: 2\n---\nb: 2\n---\nc: 1\n",
    },
    {
      what: "a document removed, and another one changed",
      base: "a: 1\n---\nb: 1\n---\nc: 1\n",
      ours: "b: 1\n---\nc: 1\n",
      theirs: "a: 1\n---\nb: 1\n---\nc: 2\n",
      merged: "b: 1\n---\nc: 2\n",
    },
    {
      what: "a document put in front of one that the other side changed",
      base: "a: 1\n",
      ours: "x: 1\n---\na: 1\n",
      theirs: "a: 1\nb: 1\n",
      merged: "x: 1\n---\na: 1\nb: 1\n",
    },
    {
      what: "the same document, added by both",
      base: "a: 1\n",
      ours: "a: 1\n---\nb: 1\n",
      theirs: "a: 1\n---\nb: 1\n",
      merged: "a: 1\n---\nb: 1\n",
    },
    {
      what: "keys added in a map that both made",
      base: "a: 1\n",
      ours: "a: 1\nm:\n    o: 1\n",
      theirs: "a: 1\nm:\n    t: 1\n",
      merged: "a: 1\nm:\n    o: 1\n    t: 1\n",
    },
    {
      what: "one removed, another changed",
      base: "a: 1\nb: 1\nc: 1\n",
      ours: "b: 1\nc: 1\n",
      theirs: "a: 1\nb: 1\nc: 2\n",
      merged: "b: 1\nc: 2\n",
    },
    {
      what: "the same change on both sides",
      base: "a: 1\nb: 1\n",
      ours: "a: 2\n",
      theirs: "a: 2\n",
      merged: "a: 2\n",
    },
    {
      what: "their order, where ours is as it was",
      base: "a: 1\nb: 1\nc: 1\n",
      ours: "a: 1\nb: 1\nc: 2\n",
      theirs: "c: 1\nb: 1\na: 1\n",
      merged: "c: 2\nb: 1\na: 1\n",
    },
    {
      what: "comments with the keys that they stand above",
      base: "a: 1\n# z\nz: 1\n",
      ours: "a: 1\n# of ours\no: 1\n# z\nz: 1\n",
      theirs: "a: 1\n# of theirs\nt: 1\n# other z\nz: 1\n",
      merged: "a: 1\n# of ours\no: 1\n# of theirs\nt: 1\n# other z\nz: 1\n",
    },
    {
      what: "different stretches of a list",
      base: "l:\n    - 1\n    - 2\n    - 3\n",
      ours: "l:\n    - 2\n    - 3\n",
      theirs: "l:\n    - 1\n    - 2\n    - 4\n    - 5\n",
      merged: "l:\n    - 2\n    - 4\n    - 5\n",
    },
    {
      what: "different keys of one item of a list",
      base: "l:\n    - a: 1\n      b: 1\n    - c\n",
      ours: "l:\n    - a: 2\n      b: 1\n    - c\n",
      theirs: "l:\n    - a: 1\n      b: 2\n    - c\n",
      merged: "l:\n    - a: 2\n      b: 2\n    - c\n",
    },
    {
      what: "each document by itself",
      base: "a: 1\n---\nb: 1\n",
      ours: "a: 2\n---\nb: 1\n",
      theirs: "a: 1\n---\nb: 2\n",
      merged: "a: 2\n---\nb: 2\n",
    },
    {
      what: "files that each side made",
      base: null,
      ours: "a: 1\nb: 1\n",
      theirs: "b: 1\nc: 1\n",
      merged: "a: 1\nb: 1\nc: 1\n",
    },
  ])("$what", ({ base, ours, theirs, merged }) => {
    expect(merge(base, ours, theirs)).toEqual({ text: merged, conflicts: [] })
  })
})

describe("what both sides changed stays ours, and is told", () => {
  it.each([
    { base: "a: 1\n", ours: "a: 2\n", theirs: "a: 3\n", conflict: "a: changed/changed" },
    { base: "b: 1\n", ours: "b: 1\na: 2\n", theirs: "b: 1\na: 3\n", conflict: "a: added/added" },
    { base: "a: 1\nb: 1\n", ours: "b: 1\n", theirs: "a: 2\nb: 1\n", conflict: "a: removed/changed" },
    { base: "a: 1\nb: 1\n", ours: "a: 2\nb: 1\n", theirs: "b: 1\n", conflict: "a: changed/removed" },
    { base: "m:\n    a: 1\n", ours: "m: 1\n", theirs: "m:\n    a: 2\n", conflict: "m: changed/changed" },
    {
      base: "l:\n    - 1\n",
      ours: "l:\n    - 1\n    - 2\n",
      theirs: "l:\n    - 1\n    - 3\n",
      conflict: "l: changed/changed",
    },
    {
      // What looks like a change of the first item is none: items have moved.
      base: "l:\n    - n: a\n    - n: b\n",
      ours: "l:\n    - n: b\n    - n: c\n",
      theirs: "l:\n    - n: a\n      q: 1\n    - n: b\n",
      conflict: "l: changed/changed",
    },
    { base: "a: 1\n", ours: "a: 2\n---\nb: 1\n", theirs: "a: 3\n", conflict: ": changed/changed" },
    { base: "a: 1\n", ours: "a: 1\n---\nb: 1\n", theirs: "a: 1\n---\nc: 1\n", conflict: ": changed/changed" },
    { base: "a: 1\n", ours: "x: 1\n---\na: 2\n", theirs: "a: 1\nb: 1\n", conflict: ": changed/changed" },
  ])("$conflict", ({ base, ours, theirs, conflict }) => {
    expect(merge(base, ours, theirs)).toEqual({ text: write(read(ours)), conflicts: [conflict] })
  })

  it("and what does not touch it is merged all the same", () => {
    expect(merge("a: 1\nb: 1\n", "a: 2\nb: 1\n", "a: 3\nb: 2\n")).toEqual({
      text: "a: 2\nb: 2\n",
      conflicts: ["a: changed/changed"],
    })
  })
})

describe("where comments say what is encrypted", () => {
  it("a comment and its value are one", () => {
    expect(merge("# secret\na: 1\n", "a: 1\n", "# secret\na: 2\n")).toEqual({ text: "a: 2\n", conflicts: [] })
    expect(merge("# secret\na: 1\n", "a: 1\n", "# secret\na: 2\n", true)).toEqual({
      text: "a: 1\n",
      conflicts: ["a: changed/changed"],
    })
  })

  it("no comment comes to stand above another key", () => {
    const { text } = merge("p: 1\nq: 1\n", "p: 1\n# plain\nq: 1\n", "p: 1\nx: 1\nq: 1\n", true)
    expect(text).toBe("p: 1\nx: 1\n# plain\nq: 1\n")
  })
})

const leaf = fc.constantFrom<Value>(
  { type: "int", value: 1n },
  { type: "int", value: 2n },
  { type: "str", value: "x" },
  { type: "null" },
)
const { value: values } = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    leaf,
    fc.array(tie("value"), { maxLength: 3 }).map(list),
    maps(tie("value")),
  ),
}))

function maps(value: fc.Arbitrary<Value>): fc.Arbitrary<Value & { type: "map" }> {
  const part = fc.tuple(fc.constantFrom("a", "b", "c", "d", "e", "f"), value, fc.option(fc.constantFrom("c", "d")))
  return fc
    .uniqueArray(part, { selector: ([key]) => key, maxLength: 5 })
    .map((parts) =>
      branch(parts.flatMap(([key, of, above]) => [...(above === null ? [] : [comment(above)]), entry(key, of)])),
    )
}

const documents = maps(values).map((map): Documents => [map])

describe("of any documents", () => {
  it("a side that changed nothing leaves the other as it is", () => {
    fc.assert(
      fc.property(documents, documents, fc.boolean(), (base, side, select) => {
        expect(mergeDocuments(base, side, base, select)).toEqual({ documents: side, conflicts: [] })
        expect(mergeDocuments(base, base, side, select)).toEqual({ documents: side, conflicts: [] })
        expect(mergeDocuments(base, side, side, select)).toEqual({ documents: side, conflicts: [] })
      }),
    )
  })

  it("what the sides did to different keys is all there, and nothing else", () => {
    const keyed = maps(values).map(({ items }) => items)
    fc.assert(
      fc.property(keyed, values, values, values, (items, before, own, other) => {
        const with_ = (mine: Value, yours: Value): Documents => [
          branch([entry("ours", mine), ...items, entry("theirs", yours)]),
        ]
        expect(mergeDocuments(with_(before, before), with_(own, before), with_(before, other), false)).toEqual({
          documents: with_(own, other),
          conflicts: [],
        })
      }),
    )
  })

  it("the two sides disagree on the same, whichever of them is ours", () => {
    fc.assert(
      fc.property(documents, documents, documents, (base, one, other) => {
        const places = (ours: Documents, theirs: Documents): string[] =>
          mergeDocuments(base, ours, theirs, false)
            .conflicts.map(({ keyPath }) => JSON.stringify(keyPath))
            .toSorted()
        expect(places(one, other)).toEqual(places(other, one))
      }),
    )
  })
})
