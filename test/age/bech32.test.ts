import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { decodeBech32, encodeBech32 } from "../../src/age/bech32.ts"
import { fuzzRuns } from "../fuzz-runs.ts"

const example = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj"

describe("bech32", () => {
  it("reads the example of the specification", () => {
    const decoded = decodeBech32(example)
    expect(decoded?.hrp).toBe("age")
    expect(decoded?.bytes.length).toBe(32)
  })

  it("keeps the case of the human-readable part", () => {
    const identity = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX"
    expect(decodeBech32(identity)).toEqual({ hrp: "AGE-SECRET-KEY-", bytes: new Uint8Array(32).fill(0x42) })
    expect(encodeBech32("AGE-SECRET-KEY-", new Uint8Array(32).fill(0x42))).toBe(identity)
  })

  it.each([
    { what: "mixed case", text: example.replace("z", "Z") },
    { what: "a wrong checksum", text: `${example.slice(0, -1)}q` },
    { what: "a foreign character", text: example.replace("z", "b") },
    { what: "no separator", text: "agezvkyg2l" },
    { what: "an empty part", text: "1zvkyg2lqzraa" },
    { what: "nothing", text: "" },
    { what: "a line feed", text: `${example}\n` },
    { what: "bech32m", text: "abcdef1l7aum6echk45nj3s0wdvt2fg8x9yrzpqzd3ryx" },
  ])("refuses $what", ({ text }) => {
    expect(decodeBech32(text)).toBeNull()
  })

  it("has no limit of 90 characters", () => {
    const bytes = new Uint8Array(1249).fill(5)
    expect(decodeBech32(encodeBech32("age1tagpq", bytes))).toEqual({ hrp: "age1tagpq", bytes })
  })

  it("refuses to write a part of mixed case", () => {
    expect(() => encodeBech32("Age", new Uint8Array(1))).toThrow(RangeError)
  })

  it("gives null, or what encodes to the same text, whatever it is given", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc
            .tuple(fc.constantFrom("age", "AGE-PLUGIN-X-"), fc.uint8Array())
            .map(([hrp, bytes]) => encodeBech32(hrp, bytes)),
          fc
            .tuple(fc.nat({ max: 60 }), fc.string({ maxLength: 1 }))
            .map(([at, put]) => example.slice(0, at) + put + example.slice(at + 1)),
        ),
        (text) => {
          const decoded = decodeBech32(text)
          if (decoded !== null) expect(encodeBech32(decoded.hrp, decoded.bytes)).toBe(text)
        },
      ),
      { numRuns: fuzzRuns },
    )
  })
})
