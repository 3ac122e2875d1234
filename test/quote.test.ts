import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { printable, quote } from "../src/quote.ts"

describe("text from outside", () => {
  it.each([
    { what: "an escape sequence", text: "\u001b[2J", shown: "\\x1b[2J" },
    {
      what: "a C1 control, which is one byte of an escape sequence to some terminals",
      text: "\u009b2J",
      shown: "\\x9b2J",
    },
    { what: "a direction mark", text: "a\u202etxt.exe", shown: "a\\u202etxt.exe" },
    { what: "a zero-width character", text: "a\u200bb", shown: "a\\u200bb" },
    { what: "line ends and tabs", text: "a\r\n\tb", shown: "a\\r\\n\\tb" },
    { what: "DEL", text: "\u007f", shown: "\\x7f" },
    { what: "a lone surrogate", text: "\ud800", shown: "\\ud800" },
    { what: "a character of a plane that is not assigned", text: "\u{e0001}", shown: "\\U000e0001" },
    {
      what: "a secret key",
      text: "x AGE-SECRET-KEY-1QQ9Z, age-secret-key-pq-1ab",
      shown: "x AGE-SECRET-KEY-1…, age-secret-key-pq-1…",
    },
    { what: "letters of any script, and emoji", text: "äöü漢字🔑", shown: "äöü漢字🔑" },
  ])("with $what is shown as it can be read", ({ text, shown }) => {
    expect(printable(text)).toBe(shown)
    expect(quote(text)).toBe(`"${shown}"`)
  })

  it("keeps its quotes and backslashes apart from ours", () => {
    expect(quote('a"b\\c')).toBe('"a\\"b\\\\c"')
  })

  it("is cut, and says so", () => {
    expect(quote("x".repeat(200), 10)).toBe('"xxxxxxxxxx…"')
  })

  it("never has a control character left", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(printable(text)).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u)
      }),
      { numRuns: 1000 },
    )
  })
})
