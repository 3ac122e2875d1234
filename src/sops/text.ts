/**
 * Bytes as text and back without loss. SOPS treats text as bytes, so a value may be any bytes; here such a value is a string in
 * which each byte that is not valid UTF-8 stands as one lone surrogate U+DC80..U+DCFF, the scheme of Python's PEP 383.
 */
import { isUtf8 } from "node:buffer"

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/** Decodes bytes; bytes that are no UTF-8 become U+DC80..U+DCFF. A byte-order mark stays. */
export function decodeText(bytes: Uint8Array): string {
  if (isUtf8(bytes)) return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8")
  const parts: string[] = []
  let start = 0
  let at = 0
  while (at < bytes.length) {
    const length = sequenceLength(bytes, at)
    if (length > 0) {
      at += length
      continue
    }
    if (at > start) parts.push(decoder.decode(bytes.subarray(start, at)))
    parts.push(String.fromCharCode(0xdc00 + bytes[at]!))
    at += 1
    start = at
  }
  if (at > start) parts.push(decoder.decode(bytes.subarray(start, at)))
  return parts.join("")
}

/** Length of the well-formed UTF-8 sequence at a position, 0 if there is none. [RFC 3629] section 4. */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const lead = bytes[at]!
  if (lead < 0x80) return 1
  if (lead < 0xc2 || lead > 0xf4) return 0
  const length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4
  if (at + length > bytes.length) return 0
  const second = bytes[at + 1]!
  const low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80
  const high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf
  if (second < low || second > high) return 0
  for (let i = 2; i < length; i++) if ((bytes[at + i]! & 0xc0) !== 0x80) return 0
  return length
}

const escapedByte = /[\udc80-\udcff]/u

/** Whether text stands for bytes that are valid UTF-8. */
export function isValidText(text: string): boolean {
  return !escapedByte.test(text)
}

/** The inverse of `decodeText`. */
export function encodeText(text: string): Uint8Array {
  if (isValidText(text)) return Buffer.from(text, "utf8")
  const parts: Uint8Array[] = []
  for (const piece of text.split(/([\udc80-\udcff]+)/u)) {
    if (escapedByte.test(piece)) parts.push(Uint8Array.from(piece, (unit) => unit.charCodeAt(0) - 0xdc00))
    else parts.push(Buffer.from(piece, "utf8"))
  }
  return Buffer.concat(parts)
}

/** Length in bytes. */
export function byteLength(text: string): number {
  return isValidText(text) ? Buffer.byteLength(text, "utf8") : encodeText(text).length
}

/** Go's `unicode.IsSpace`, which is not JavaScript's `\s`: NEL counts, the byte-order mark does not. */
const space = "[\\t\\n\\v\\f\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]"
const leading = new RegExp(`^${space}+`)
const isSpace = new RegExp(space)

/** Go's `strings.TrimLeftFunc(s, unicode.IsSpace)`. */
export function trimStart(text: string): string {
  return text.replace(leading, "")
}

/** Go's `strings.TrimSpace`. */
export function trimSpace(text: string): string {
  let end = text.length
  while (end > 0 && isSpace.test(text[end - 1]!)) end -= 1
  return trimStart(text.slice(0, end))
}
