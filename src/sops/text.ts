/**
 * Bytes as text and back without loss. SOPS treats text as bytes, so a value may be any bytes; here such a value is a string in
 * which each byte that is not valid UTF-8 stands as one lone surrogate U+DC80..U+DCFF, the scheme of Python's PEP 383.
 */
import { isUtf8 } from "node:buffer"

/** Decodes bytes; bytes that are no UTF-8 become U+DC80..U+DCFF. A byte-order mark stays. */
export function decodeText(bytes: Uint8Array): string {
  if (isUtf8(bytes)) return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8")
  // No sequence has more units of UTF-16 than bytes.
  const units = Buffer.alloc(2 * bytes.length)
  let end = 0
  for (let at = 0; at < bytes.length; ) {
    const length = sequenceLength(bytes, at)
    const point = length === 0 ? 0xdc00 + bytes[at]! : pointOf(bytes, at, length)
    if (point > 0xffff) end = units.writeUInt16LE(0xd800 + ((point - 0x10000) >> 10), end)
    end = units.writeUInt16LE(point > 0xffff ? 0xdc00 + (point & 0x3ff) : point, end)
    at += Math.max(length, 1)
  }
  return units.toString("utf16le", 0, end)
}

/** The code point of a well-formed sequence. [RFC 3629] section 3. */
function pointOf(bytes: Uint8Array, at: number, length: number): number {
  if (length === 1) return bytes[at]!
  let point = bytes[at]! & (0xff >> (length + 1))
  for (let i = 1; i < length; i++) point = (point << 6) | (bytes[at + i]! & 0x3f)
  return point
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
  // A unit of UTF-16 has at most three bytes, and two that make a pair have four.
  const bytes = Buffer.alloc(3 * text.length)
  let end = 0
  for (let at = 0; at < text.length; at++) {
    const point = text.codePointAt(at)!
    if (point > 0xffff) at += 1
    end = point >= 0xdc80 && point <= 0xdcff ? bytes.writeUInt8(point - 0xdc00, end) : writePoint(bytes, point, end)
  }
  return bytes.subarray(0, end)
}

/** Writes a code point as UTF-8, U+FFFD for half of a pair, as Buffer does. @returns where it ends */
function writePoint(bytes: Buffer, point: number, at: number): number {
  if (point < 0x80) return bytes.writeUInt8(point, at)
  const tail = (shift: number): number => 0x80 | ((point >> shift) & 0x3f)
  if (point < 0x800) return bytes.writeUInt16BE(((0xc0 | (point >> 6)) << 8) | tail(0), at)
  if (point > 0xffff)
    return bytes.writeUInt32BE((0xf0 | (point >> 18)) * 0x1000000 + ((tail(12) << 16) | (tail(6) << 8) | tail(0)), at)
  if (point >= 0xd800 && point <= 0xdfff) return writePoint(bytes, 0xfffd, at)
  return bytes.writeUIntBE(((0xe0 | (point >> 12)) << 16) | (tail(6) << 8) | tail(0), at, 3)
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
