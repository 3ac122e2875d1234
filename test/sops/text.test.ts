import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { byteLength, decodeText, encodeText, isValidText, trimSpace } from "../../src/sops/text.ts"

describe("bytes as text", () => {
  it("any bytes come back as they were", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const text = decodeText(bytes)
        expect(Buffer.from(encodeText(text))).toEqual(Buffer.from(bytes))
        expect(byteLength(text)).toBe(bytes.length)
      }),
    )
  })

  it("any text with bytes in it is what its parts are, halves of pairs are U+FFFD", () => {
    const piece = fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("\udc7f", "\udc00", "\ufffd", "😀"))
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const bytes = pieces.map((text) => Buffer.from(text, "utf8"))
        const joined = `${pieces.map((text) => `\udc80${text}`).join("")}\udcff`
        const wanted = Buffer.concat([...bytes.flatMap((part) => [Buffer.of(0x80), part]), Buffer.of(0xff)])
        expect(Buffer.from(encodeText(joined))).toEqual(wanted)
      }),
    )
  })

  it("10 MB that are no UTF-8 come back as they were, in linear time", () => {
    const bytes = new Uint8Array(10_000_000).fill(0xff)
    const start = performance.now()
    expect(Buffer.compare(encodeText(decodeText(bytes)), bytes)).toBe(0)
    expect(performance.now() - start).toBeLessThan(5000)
  })

  it("any well-formed text comes back as it was, and counts as valid", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        expect(decodeText(encodeText(text))).toBe(text)
        expect(isValidText(text)).toBe(true)
      }),
    )
  })

  it.each([
    { name: "a byte that starts nothing", bytes: [0x61, 0xff, 0x62], text: "a\udcffb" },
    { name: "an overlong slash", bytes: [0xc0, 0xaf], text: "\udcc0\udcaf" },
    { name: "a half of a surrogate pair", bytes: [0xed, 0xa0, 0x80], text: "\udced\udca0\udc80" },
    { name: "a sequence cut short", bytes: [0xe2, 0x98], text: "\udce2\udc98" },
    { name: "a byte-order mark", bytes: [0xef, 0xbb, 0xbf], text: "\ufeff" },
  ])("$name is kept", ({ bytes, text }) => {
    expect(decodeText(Uint8Array.from(bytes))).toBe(text)
  })

  it("trims what Go takes for space: NEL, but no byte-order mark", () => {
    expect(trimSpace("\u0085\u00a0 a b\t\r\n\u3000")).toBe("a b")
    expect(trimSpace("\ufeffa")).toBe("\ufeffa")
  })
})
