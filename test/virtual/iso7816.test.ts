import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { encodeAnswer, parseCommand, refuse, triesLeft } from "../../src/virtual/iso7816.ts"
import { fuzzRuns } from "../fuzz-runs.ts"
import { hex } from "./selected.ts"

describe("parseCommand", () => {
  it.each([
    { what: "nothing but a header", apdu: "00fd0000", data: "", le: null, extended: false },
    { what: "a short Le", apdu: "00fd000003", data: "", le: 3, extended: false },
    { what: "a short Le of 256", apdu: "00fd000000", data: "", le: 256, extended: false },
    { what: "short data", apdu: "0020008002abcd", data: "abcd", le: null, extended: false },
    { what: "short data and Le", apdu: "0020008002abcd00", data: "abcd", le: 256, extended: false },
    { what: "an extended Le", apdu: "00fd0000000102", data: "", le: 258, extended: true },
    { what: "an extended Le of 65536", apdu: "00fd0000000000", data: "", le: 65536, extended: true },
    { what: "extended data", apdu: "00200080000002abcd", data: "abcd", le: null, extended: true },
    { what: "extended data and Le", apdu: "00200080000002abcd0000", data: "abcd", le: 65536, extended: true },
  ])("reads $what", ({ apdu, data, le, extended }) => {
    const command = parseCommand(hex(apdu))
    expect(command).toMatchObject({ le, extended })
    expect(Buffer.from(command?.data ?? []).toString("hex")).toBe(data)
  })

  it.each([
    { what: "half a header", apdu: "00fd00" },
    { what: "less data than announced", apdu: "0020008003abcd" },
    { what: "more than Le behind the data", apdu: "0020008002abcd0000" },
    { what: "an extended length without data", apdu: "002000800000020102030405" },
    { what: "half an extended length", apdu: "0020008000ab" },
  ])("refuses $what", ({ apdu }) => expect(parseCommand(hex(apdu))).toBeNull())

  it("reads any bytes into a command whose parts are in them, or none", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const command = parseCommand(bytes)
        if (command === null) return
        expect([command.cla, command.ins, command.p1, command.p2]).toEqual(Array.from(bytes.subarray(0, 4)))
        expect(Buffer.from(bytes).includes(Buffer.from(command.data))).toBe(true)
        expect(command.le ?? 1).toBeGreaterThan(0)
      }),
      { numRuns: fuzzRuns },
    )
  })
})

it("an answer ends with its status word, and tries above fifteen are said as fifteen", () => {
  expect(encodeAnswer(refuse(0x6a82))).toEqual(hex("6a82"))
  expect(encodeAnswer({ sw: 0x9000, data: hex("0102") })).toEqual(hex("01029000"))
  expect(triesLeft(2).sw).toBe(0x63c2)
  expect(triesLeft(255).sw).toBe(0x63cf)
})
