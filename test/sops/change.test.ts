import { describe, expect, it } from "vitest"
import { parseSetValue, setValue, unsetValue } from "../../src/sops/change.ts"
import { KeyPathInvalid, KeyPathMissing, SetValueInvalid } from "../../src/sops/failures.ts"
import { parseKeyPath } from "../../src/sops/key-path.ts"
import { emitYamlDocuments, parseYamlDocuments } from "../../src/sops/stores/yaml.ts"
import type { Branch } from "../../src/sops/tree.ts"

const document = (text: string): Branch => parseYamlDocuments(Buffer.from(text))[0]!
const yaml = (branch: Branch): string => Buffer.from(emitYamlDocuments([branch])).toString()

describe("set", () => {
  it.each([
    { before: "a: 1\n", path: '["a"]', value: "2", after: "a: 2\n" },
    { before: "a: 1\n", path: '["b"]', value: '"x"', after: "a: 1\nb: x\n" },
    { before: "a: 1\n", path: '["b"]["c"][0]', value: "true", after: "a: 1\nb:\n    c:\n        - true\n" },
    { before: "a:\n    - 1\n    - 2\n", path: '["a"][1]', value: "null", after: "a:\n    - 1\n    - null\n" },
    { before: "a:\n    - 1\n", path: '["a"][7]', value: "2", after: "a:\n    - 1\n    - 2\n" },
    { before: "a:\n    - 1\n", path: '["a"][7]["b"]', value: "2", after: "a:\n    - 1\n    - b: 2\n" },
    { before: "a: text\n", path: '["a"]["b"]', value: "2", after: "a:\n    b: 2\n" },
    {
      before: "# head\na: 1 # tail\nb: 2\n",
      path: '["a"]',
      value: '{"x": [1.5]}',
      after: "# head\n# tail\na:\n    x:\n        - 1.5\nb: 2\n",
    },
  ])("$path of $before", ({ before, path, value, after }) => {
    const result = setValue(document(before), parseKeyPath(path), parseSetValue(value))
    expect(yaml(result.document)).toBe(after)
    expect(result.changed).toBe(true)
  })

  it("says when nothing changes, and an integer stays one", () => {
    expect(setValue(document("a: 5\n"), ["a"], parseSetValue("5")).changed).toBe(false)
    expect(setValue(document("a: 5\n"), ["a"], parseSetValue("5.0")).changed).toBe(true)
    expect(parseSetValue("9007199254740993")).toEqual({ type: "int", value: 9007199254740993n })
  })

  it.each(["", "{", "1 2", "yes", "'x'"])("%s is no value", (text) => {
    expect(() => parseSetValue(text)).toThrow(SetValueInvalid)
  })

  it.each([
    { path: "[0]", failure: KeyPathMissing },
    { path: '["l"]["k"]', failure: KeyPathMissing },
    { path: "", failure: KeyPathInvalid },
  ])("a path that goes the wrong way, $path, is refused", ({ path, failure }) => {
    expect(() => setValue(document("l: [1]\n"), parseKeyPath(path), parseSetValue("1"))).toThrow(failure)
  })

  it("leaves the document that it was given alone", () => {
    const before = document("a:\n    b: 1\n")
    setValue(before, ["a", "b"], parseSetValue("2"))
    expect(yaml(before)).toBe("a:\n    b: 1\n")
  })
})

describe("unset", () => {
  it.each([
    { before: "a: 1\nb: 2\n", path: '["a"]', after: "b: 2\n" },
    { before: "a:\n    b: 1\n", path: '["a"]["b"]', after: "a: {}\n" },
    { before: "a:\n    - 1\n    - 2\n", path: '["a"][0]', after: "a:\n    - 2\n" },
  ])("$path of $before", ({ before, path, after }) => {
    expect(yaml(unsetValue(document(before), parseKeyPath(path)))).toBe(after)
  })

  it.each(['["x"]', '["a"]["x"]', '["l"][5]', '["l"]["x"]', "[0]"])("%s, which is not there, is refused", (path) => {
    expect(() => unsetValue(document("a: 1\nl: [1]\n"), parseKeyPath(path))).toThrow(KeyPathMissing)
  })
})
