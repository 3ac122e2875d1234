import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { formatFixed, formatGeneral, parseBool, parseFloat64, parseInt64, untypedText } from "../../src/sops/value.ts"

describe("Go's texts for numbers", () => {
  const rows = [
    { value: 0, fixed: "0", general: "0" },
    { value: -0, fixed: "-0", general: "-0" },
    { value: 1, fixed: "1", general: "1" },
    { value: -2.25, fixed: "-2.25", general: "-2.25" },
    { value: 123456.75, fixed: "123456.75", general: "123456.75" },
    { value: 1e6, fixed: "1000000", general: "1e+06" },
    { value: 10000000000.5, fixed: "10000000000.5", general: "1.00000000005e+10" },
    { value: 0.0001, fixed: "0.0001", general: "0.0001" },
    { value: 0.00001, fixed: "0.00001", general: "1e-05" },
    { value: 1e21, fixed: `1${"0".repeat(21)}`, general: "1e+21" },
    { value: 5e-324, fixed: `0.${"0".repeat(323)}5`, general: "5e-324" },
    { value: Number.POSITIVE_INFINITY, fixed: "+Inf", general: "+Inf" },
    { value: Number.NaN, fixed: "NaN", general: "NaN" },
  ]
  it.each(rows)("$value is $fixed without an exponent and $general with one", ({ value, fixed, general }) => {
    expect(formatFixed(value)).toBe(fixed)
    expect(formatGeneral(value)).toBe(general)
  })

  it("what is written without an exponent reads back as the same number", () => {
    fc.assert(
      fc.property(fc.double(), (value) => {
        expect(parseFloat64(formatFixed(value))).toEqual(value)
        if (Number.isFinite(value)) expect(Number(formatGeneral(value))).toBe(value)
      }),
    )
  })

  it.each([
    { text: "42", value: 42n },
    { text: "+7", value: 7n },
    { text: "-9223372036854775808", value: -9223372036854775808n },
    { text: "9223372036854775808", value: null },
    { text: "1.0", value: null },
    { text: "0x1", value: null },
    { text: "", value: null },
  ])("$text as an integer of 64 bits is $value", ({ text, value }) => {
    expect(parseInt64(text)).toBe(value)
  })

  it.each(["1e400", "0x1p-2x", "", "1_0", "--1", "infinit"])("%s is no float", (text) => {
    expect(parseFloat64(text)).toBeNull()
  })

  it("booleans have twelve spellings and no more", () => {
    expect(["1", "t", "T", "true", "TRUE", "True"].map(parseBool)).toEqual(Array(6).fill(true))
    expect(["0", "f", "F", "false", "FALSE", "False"].map(parseBool)).toEqual(Array(6).fill(false))
    expect(["yes", "tRUE", ""].map(parseBool)).toEqual([null, null, null])
  })

  it("formats without types write floats so that they cannot be taken for integers", () => {
    expect(untypedText({ type: "float", value: 1 })).toBe("1.0")
    expect(untypedText({ type: "float", value: 1e21 })).toBe("1E+21")
    expect(untypedText({ type: "bool", value: true })).toBe("true")
    expect(untypedText({ type: "time", value: "2024-01-02T10:11:12.5Z" })).toBe("2024-01-02T10:11:12Z")
  })
})
