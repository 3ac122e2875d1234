import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { Failure } from "../../src/failure.ts"
import { KeyPathInvalid, KeyPathMissing } from "../../src/sops/failures.ts"
import { parseKeyPath, valueAt } from "../../src/sops/key-path.ts"
import { parseYamlDocuments } from "../../src/sops/stores/yaml.ts"
import { fuzzRuns } from "../fuzz-runs.ts"

describe("a key path", () => {
  it.each([
    { text: '["a"]["b"][0]', path: ["a", "b", 0] },
    { text: "['a']", path: ["a"] },
    { text: '["a:b c"]', path: ["a:b c"] },
    { text: '[""]', path: [""] },
    { text: "", path: [] },
  ])("$text is read", ({ text, path }) => {
    expect(parseKeyPath(text)).toEqual(path)
  })

  it.each(['["a"', "a", '["a"]x', "[x]", "[-1]", "[]", '["]', "[1.5]"])("%s is refused", (text) => {
    expect(() => parseKeyPath(text)).toThrow(KeyPathInvalid)
  })

  it("arbitrary texts give a path or a failure", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[[\]"'a0]{0,12}$/), (text) => {
        try {
          parseKeyPath(text)
        } catch (failure) {
          expect(failure).toBeInstanceOf(Failure)
        }
      }),
      { numRuns: fuzzRuns },
    )
  })

  const document = parseYamlDocuments(Buffer.from("a:\n  - x\n  - b: 1\nc: 2\n"))[0]!

  it("is followed through maps and lists", () => {
    expect(valueAt(document, ["a", 1, "b"])).toEqual({ type: "int", value: 1n })
  })

  it.each([
    { path: ["d"], at: ["d"], what: "there is no such key" },
    { path: ["a", 2, "b"], at: ["a", 2], what: "the list has 2 items" },
    { path: ["c", "d"], at: ["c", "d"], what: "is not in a map" },
    { path: ["c", 0], at: ["c", 0], what: "is not in a list" },
    { path: [0], at: [0], what: "is not in a list" },
  ])("$path leads nowhere, and the failure says where it ends", ({ path, at, what }) => {
    const failure = ((): unknown => {
      try {
        return valueAt(document, path)
      } catch (cause) {
        return cause
      }
    })()
    expect(failure).toBeInstanceOf(KeyPathMissing)
    expect((failure as KeyPathMissing).message).toBe(what)
    expect((failure as KeyPathMissing).where.keyPath).toEqual(at)
  })
})
