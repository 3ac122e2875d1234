import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { Failure } from "../../../src/failure.ts"
import { SyntaxInvalid } from "../../../src/sops/failures.ts"
import { emitYamlDocuments, parseYamlDocuments } from "../../../src/sops/stores/yaml.ts"
import { branch, comment, entry, list, NULL, str, type Value } from "../../../src/sops/tree.ts"
import { parseYaml } from "../../../src/sops/yaml/parser.ts"
import { fuzzRuns } from "../../fuzz-runs.ts"

const documents = (text: string) => parseYamlDocuments(Buffer.from(text))
const rewritten = (text: string): string => Buffer.from(emitYamlDocuments(documents(text))).toString()

describe("YAML", () => {
  it.each([
    {
      what: "flow collections",
      text: "a: {b: [1, two, {c: d}], e}\n",
      out: "a:\n    b:\n        - 1\n        - two\n        - c: d\n    e: null\n",
    },
    { what: "a pair in a flow list", text: "a: [b: c, d]\n", out: "a:\n    - b: c\n    - d\n" },
    {
      what: "lists that are not indented",
      text: "a:\n- b\n-   - c\n    - d\n",
      out: "a:\n    - b\n    - - c\n      - d\n",
    },
    { what: "keys with a question mark", text: "? a\n: b\n? |\n  c\n: d\n", out: "a: b\n? |\n    c\n: d\n" },
    { what: "aliases, unfolded", text: "a: &x\n  b: 1\nc: *x\n", out: "a:\n    b: 1\nc:\n    b: 1\n" },
    {
      what: "merge keys, which stay keys",
      text: "a: &x {b: 1}\nc:\n  <<: *x\n",
      out: "a:\n    b: 1\nc:\n    !!merge <<:\n        b: 1\n",
    },
    {
      what: "tags",
      text: "a: !!str 1\nb: !!float 2\nc: !!binary aGk=\nd: !own x\ne: ! 3\n",
      out: 'a: "1"\nb: 2\nc: hi\nd: x\ne: 3\n',
    },
    {
      what: "folded texts",
      text: 'a: >-\n  one\n  two\n\n  three\nb: plain\n  goes on\nc: "x\\\n  y"\n',
      out: "a: |-\n    one two\n    three\nb: plain goes on\nc: xy\n",
    },
    { what: "block headers", text: "a: |2+\n    x\n\nb: |-\n  y\nc: |\n", out: 'a: |4+\n      x\n\nb: "y"\nc: ""\n' },
    { what: "documents", text: "%YAML 1.1\n---\na: 1\n...\n---\nb: 2\n", out: "a: 1\n---\nb: 2\n" },
    { what: "Windows line breaks", text: "a: 1\r\nb: |\r\n  x\r\n  y\r\n", out: "a: 1\nb: |\n    x\n    y\n" },
    { what: "a byte-order mark", text: "\ufeffa: 1\n", out: "a: 1\n" },
    {
      what: "numbers in all their forms",
      text: "a: [0x1F, 0o17, 017, 0b11, 1_000, +5, 08, 1e3, .5, -.inf, 9223372036854775808]\n",
      out: "a:\n    - 31\n    - 15\n    - 15\n    - 3\n    - 1000\n    - 5\n    - 8\n    - 1000\n    - 0.5\n    - -.inf\n    - 9223372036854775808\n",
    },
    {
      what: "timestamps",
      text: "a: [2024-01-02, 2024-1-2 3:4:5.60, 2024-01-02t03:04:05+02:00, 2024-02-30]\n",
      out: "a:\n    - 2024-01-02T00:00:00Z\n    - 2024-01-02T03:04:05.6Z\n    - 2024-01-02T03:04:05+02:00\n    - 2024-02-30\n",
    },
  ])("reads $what", ({ text, out }) => {
    expect(rewritten(text)).toBe(out)
  })

  it.each([
    { what: "above the first key", text: "# a\n\n# b\nk: 1\n", items: ["# a", "# b", "k"] },
    { what: "at the end of a line", text: "k: 1 # a\nl: 2\n", items: ["#inline a", "k", "l"] },
    { what: "after a key whose value is below", text: "k: # a\n  l: 1\n", items: ["# a", "k"] },
    { what: "below the last key", text: "k: 1\n# a\n", items: ["k", "# a"] },
    { what: "between keys", text: "k: 1\n# a\nl: 2\n", items: ["k", "# a", "l"] },
  ])("keeps a comment $what", ({ text, items }) => {
    const shown = documents(text)[0]!.items.map((item) =>
      item.type === "comment" ? `#${item.inline ? "inline" : ""}${item.value}` : item.key,
    )
    expect(shown).toEqual(items)
  })

  it.each([
    { what: "a tab as indentation", text: "a:\n\tb: 1\n", line: 2 },
    { what: "an open quote", text: 'a: "x\n', line: 1 },
    { what: "an open list", text: "a: [1,\n", line: 2 },
    { what: "two colons on a line", text: "a: b: c\n", line: 1 },
    { what: "a key twice", text: "a: 1\nb:\n  c: 1\n  c: 2\n", line: 4 },
    { what: "an unknown anchor", text: "a: *x\n", line: 1 },
    { what: "an anchor inside itself", text: "a: &x\n  b: *x\n", line: 2 },
    { what: "a control character", text: "a: 1\nb: \u0001\n", line: 2 },
    { what: "bytes that are no UTF-8", text: "a: \udcff\n", line: 1 },
    { what: "another YAML", text: "%YAML 3.0\n---\na: 1\n", line: 1 },
    { what: "a tag that does not fit", text: "a: 1\nb: !!int x\n", line: 2 },
    { what: "a merge of no map", text: "a: 1\n<<: x\n", line: 2 },
    { what: "conflict markers", text: "a: 1\n<<<<<<< HEAD\nb: 1\n=======\nb: 2\n>>>>>>> x\n", line: 2 },
  ])("refuses $what, with the line", ({ text, line }) => {
    const bytes = text.includes("\udcff") ? Buffer.from([...Buffer.from("a: "), 0xff, 0x0a]) : Buffer.from(text)
    const failure = ((): unknown => {
      try {
        return parseYamlDocuments(bytes)
      } catch (cause) {
        return cause
      }
    })()
    expect(failure).toBeInstanceOf(SyntaxInvalid)
    expect((failure as SyntaxInvalid).where.line).toBe(line)
  })

  it("aliases that multiply without end are refused before they fill the memory", () => {
    const levels = Array.from(
      { length: 9 },
      (_, index) => `l${index + 1}: &l${index + 1} [${`*l${index}, `.repeat(9)}]`,
    )
    expect(() => documents(`l0: &l0 [x, x, x, x, x, x, x, x, x]\n${levels.join("\n")}\n`)).toThrow(SyntaxInvalid)
  })

  it.each([
    { what: "flow lists", text: "[".repeat(20_000) },
    { what: "blocks", text: Array.from({ length: 3000 }, (_, depth) => `${" ".repeat(depth)}a:\n`).join("") },
    { what: "lists", text: `${"- ".repeat(3000)}x\n` },
  ])("$what that are nested without end are refused", ({ text }) => {
    expect(() => parseYaml(text)).toThrow(SyntaxInvalid)
  })

  it("takes time in proportion to its length", () => {
    const time = (keys: number): number => {
      const text = Array.from({ length: keys }, (_, index) => `key${index}: value ${index} # c\n`).join("")
      const start = performance.now()
      documents(text)
      return performance.now() - start
    }
    time(2000)
    expect(time(40_000)).toBeLessThan(40 * Math.max(time(4000), 2))
  })

  it("arbitrary texts give documents or a failure", () => {
    const piece = fc.constantFrom(
      ..."a:|> -|?|#c\n|\n|  |[|]|{|}|,|&x |*x|!!int |!|'|\"|\\|%|@|`|---\n|...\n|1|~|<<|\t|\r\n|é|😀|\u2028|:|x: y\n|- z\n|>-\n|2+|\ufeff".split(
        "|",
      ),
      "|",
      "|\n",
    )
    fc.assert(
      fc.property(
        fc.oneof(
          fc.array(piece, { maxLength: 25 }).map((pieces) => pieces.join("")),
          fc.string({ unit: "binary" }),
        ),
        (text) => {
          try {
            documents(text)
          } catch (failure) {
            expect(failure).toBeInstanceOf(Failure)
          }
        },
      ),
      { numRuns: fuzzRuns },
    )
  })
})

const leaf: fc.Arbitrary<Value> = fc.oneof(
  fc
    .constantFrom(
      "",
      " a",
      "a ",
      "\n",
      "\na",
      " a\nb",
      "a\n\n",
      "\ta\nb",
      "a\tb",
      "<<",
      "yes",
      "1",
      "~",
      "2024-01-02",
      "é😀",
      "\u2028",
      "a\u2028b",
      "\u0085",
      "\ufeffx",
      "# c",
      "a: b",
      "- a",
      "\r\n",
      "x".repeat(200),
    )
    .map(str),
  fc.string({ unit: "grapheme" }).map(str),
  fc
    .string({ unit: "binary", maxLength: 4 })
    .filter((text) => !/[\ud800-\udfff]/u.test(text))
    .map(str),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }).map((value): Value => ({ type: "int", value })),
  fc
    .double({ noNaN: true })
    .filter((value) => !Number.isInteger(value))
    .map((value): Value => ({ type: "float", value })),
  fc.boolean().map((value): Value => ({ type: "bool", value })),
  fc.constant(NULL),
)
const key = fc.oneof(
  fc.constantFrom("", "a b", "<<", "1", "~", "a\nb", " a", "?", "- x", "#", "x".repeat(150), "é", "\ta\nb"),
  fc.string({ unit: "grapheme", maxLength: 8 }),
)
const tree = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    leaf,
    fc.array(tie("value"), { maxLength: 4 }).map(list),
    fc
      .uniqueArray(fc.tuple(key, tie("value")), { maxLength: 4, selector: ([name]) => name })
      .map((pairs) => branch(pairs.map(([name, value]) => entry(name, value)))),
  ),
})).value

describe("writing YAML", () => {
  it("what is written reads back as the same tree, whatever is in it", () => {
    fc.assert(
      fc.property(tree, fc.constantFrom(2, 4, 7), (value, indent) => {
        const document = branch([entry("top", value)])
        const text = emitYamlDocuments([document], { indent })
        expect(parseYamlDocuments(text)).toEqual([document])
      }),
      { numRuns: fuzzRuns },
    )
  })

  it("bytes that are no text are written as !!binary, and come back", () => {
    for (const value of ["\udcff", "a\udc80b", "\udcff".repeat(100)]) {
      const document = branch([entry("a", str(value))])
      const bytes = emitYamlDocuments([document])
      expect(Buffer.from(bytes).toString()).toMatch(/^a: !!binary /)
      expect(parseYamlDocuments(bytes)).toEqual([document])
    }
  })

  it("keeps the comment at the head of a list where the first item has one too, which go-yaml loses", () => {
    const items = list([comment(" list"), branch([comment(" item"), entry("a", str("x"))])])
    const document = branch([entry("b", items)])
    const lines = ["b:", "    # list", "    # item", "    - a: x", ""]
    expect(Buffer.from(emitYamlDocuments([document])).toString()).toBe(lines.join("\n"))
    const asSops = Buffer.from(emitYamlDocuments([document], { hints: "as sops" })).toString()
    expect(asSops).toBe(lines.filter((line) => !line.includes("list")).join("\n"))
  })

  it.each(["{}", "[]"])("keeps %s on the line of its dash when the item before has a comment on its line", (empty) => {
    expect(rewritten(`a:\n    - [x] # t\n    - ${empty} # u\n`)).toBe(`a:\n    - - x\n    # t\n    - ${empty} # u\n`)
  })

  it("keeps the comment of an empty map, which go-yaml writes between its braces and loses there", () => {
    const text = "a:\n    b: {} # c\n"
    expect(rewritten(text)).toBe(text)
    expect(Buffer.from(emitYamlDocuments(documents(text), { hints: "as sops" })).toString()).toContain("{\n")
  })

  it("refuses aliases that stand for more text than there can be memory", () => {
    const lines = `x: &x ${"s".repeat(1_000_000)}\ny: [${"*x, ".repeat(150)}]\n`
    expect(() => documents(lines)).toThrow("aliases unfold to more than")
    expect(documents(lines.replaceAll("*x, ".repeat(100), ""))).toHaveLength(1)
  })

  it("takes 200,000 lines of comments, deep and shallow by turns, in linear time", () => {
    const comments = Array.from({ length: 200_000 }, (_, index) => `${" ".repeat(index % 4)}# c${index}\n`)
    const text = `${comments.slice(0, 150_000).join("").replace(/^ +/gm, "")}a:\n  b:\n${comments.join("")}c: 1\n`
    const start = performance.now()
    expect(rewritten(text).match(/#/g)).toHaveLength(350_000)
    expect(performance.now() - start).toBeLessThan(4000)
  })

  it("comments stand above, beside and below what they stand with in the tree", () => {
    const items = list([comment(" in"), str("y"), comment(" last")])
    const head = [comment(" head"), comment(" beside", true), entry("a", str("x"))]
    const document = branch([...head, entry("b", items), comment(" foot")])
    expect(Buffer.from(emitYamlDocuments([document])).toString()).toBe(
      '# head\na: x # beside\nb:\n    # in\n    - "y"\n    # last\n# foot\n',
    )
  })
})
