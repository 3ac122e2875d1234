import { describe, expect, it } from "vitest"
import { WrongUsage } from "../../src/cli/failures.ts"
import { parseVirtualReader } from "../../src/cli/virtual-reader.ts"

describe("virtual:FILE", () => {
  it.each([
    ["virtual:key.json", { file: "key.json", touch: null, ecdhDelay: null, faults: [] }],
    ["virtual:k?touch=never", { file: "k", touch: "never", ecdhDelay: null, faults: [] }],
    ["virtual:k?touch=250&ecdh-delay=100", { file: "k", touch: 250, ecdhDelay: 100, faults: [] }],
    [
      "virtual:k?fault=removed@5&fault=busy@0",
      { file: "k", touch: null, ecdhDelay: null, faults: ["removed@5", "busy@0"] },
    ],
  ])("%s is read", (text, wanted) => {
    expect(parseVirtualReader(text)).toEqual(wanted)
  })

  it.each(["virtual:k?touch=soon", "virtual:k?ecdh-delay=-1", "virtual:k?pin=123456", "virtual:k?touch"])(
    "%s is refused",
    (text) => {
      expect(() => parseVirtualReader(text)).toThrow(WrongUsage)
    },
  )
})
