import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { AnswerMalformed } from "../../src/apdu/failures.ts"
import { decodeTlvs, encodeTlv, findTlv, unwrapTlv } from "../../src/apdu/tlv.ts"

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"))
const hex = (data: Uint8Array): string => Buffer.from(data).toString("hex")

/** Tags in the encodings that cards use: one byte, or two to three with the low five bits set. */
const tag = fc.oneof(
  fc.integer({ min: 1, max: 0xff }).filter((value) => (value & 0x1f) !== 0x1f),
  fc.constantFrom(0x7f49, 0x5fc102, 0x5fff01),
)

describe("BER-TLV", () => {
  it("what is encoded decodes to the same objects", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(tag, fc.uint8Array({ maxLength: 400 })), { maxLength: 8 }), (objects) => {
        const encoded = Buffer.concat(objects.map(([name, value]) => encodeTlv(name, value)))
        const decoded = decodeTlvs(new Uint8Array(encoded))
        expect(decoded.map(({ tag: name, value }) => [name, hex(value)])).toEqual(
          objects.map(([name, value]) => [name, hex(value)]),
        )
      }),
    )
  })

  it.each([
    { what: "a length of 200", encoded: `53 81c8 ${"00".repeat(200)}`, length: 200 },
    { what: "a length of 300", encoded: `53 82012c ${"00".repeat(300)}`, length: 300 },
    { what: "a length that is not minimal", encoded: `53 8144 ${"00".repeat(0x44)}`, length: 0x44 },
    { what: "a length that is not minimal by two bytes", encoded: `53 820005 ${"00".repeat(5)}`, length: 5 },
    { what: "an empty value", encoded: "53 00", length: 0 },
  ])("takes $what", ({ encoded, length }) => {
    expect(unwrapTlv(bytes(encoded.replaceAll(" ", "")), 0x53).length).toBe(length)
  })

  it.each([
    { what: "a tag alone", encoded: "53" },
    { what: "a tag that is cut short", encoded: "5fc1" },
    { what: "a tag of five bytes", encoded: "5fffffff01" },
    { what: "an indefinite length", encoded: "53800000" },
    { what: "a length of five bytes", encoded: "53850000000001ff" },
    { what: "a length that is cut short", encoded: "5382ff" },
    { what: "a value that is cut short", encoded: "530401" },
    { what: "a length of four gigabytes", encoded: "5384ffffffff00" },
  ])("refuses $what", ({ encoded }) => {
    expect(() => decodeTlvs(bytes(encoded))).toThrow(AnswerMalformed)
  })

  it("refuses to unwrap another object, or one with something behind it", () => {
    expect(() => unwrapTlv(bytes("5400"), 0x53)).toThrow("expected one data object 53, got 54")
    expect(() => unwrapTlv(bytes("53005300"), 0x53)).toThrow(AnswerMalformed)
    expect(() => unwrapTlv(new Uint8Array(), 0x53)).toThrow("got none")
  })

  it("finds the first object of a tag", () => {
    expect(hex(findTlv(decodeTlvs(bytes("5301aa5301bb")), 0x53) ?? new Uint8Array())).toBe("aa")
    expect(findTlv(decodeTlvs(bytes("5301aa")), 0x54)).toBeNull()
  })
})
