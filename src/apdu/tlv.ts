/**
 * BER-TLV, as smart cards use it. [7816-4]: ISO/IEC 7816-4:2013, 5.2.2; [X.690]: ITU-T X.690.
 * Tags are numbers as the standards print them (0x7f49, 0x5fc105); lengths need not be minimal, since real cards send `81 44`.
 */
import { AnswerMalformed } from "./failures.ts"

/** One data object: its tag as a number of up to four bytes, and its value (a view, not a copy). */
export type Tlv = Readonly<{ tag: number; value: Uint8Array }>

/** Joins byte strings. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(parts.reduce((total, part) => total + part.length, 0))
  let offset = 0
  for (const part of parts) {
    joined.set(part, offset)
    offset += part.length
  }
  return joined
}

function tagBytes(tag: number): number[] {
  const bytes: number[] = []
  for (let rest = tag; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256)
  return bytes.length === 0 ? [0] : bytes
}

function lengthBytes(length: number): number[] {
  if (length < 0x80) return [length]
  if (length < 0x100) return [0x81, length]
  if (length < 0x10000) return [0x82, length >> 8, length & 0xff]
  throw new RangeError(`"value" expected at most 65535 bytes, got ${length}`)
}

/** Encodes one data object with a minimal length; several values are joined. */
export function encodeTlv(tag: number, ...values: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const value = concat(...values)
  return concat(Uint8Array.from([...tagBytes(tag), ...lengthBytes(value.length)]), value)
}

/**
 * Reads one data object at `offset`.
 * @returns the object and the offset behind it
 * @throws AnswerMalformed when it is cut short, or its tag or length is of a form that no card uses
 */
function readTlv(bytes: Uint8Array, offset: number): { tlv: Tlv; next: number } {
  const byteAt = (position: number): number => {
    const byte = bytes[position]
    if (byte === undefined) throw new AnswerMalformed(`a data object is cut short at byte ${position}`)
    return byte
  }
  let position = offset
  let tag = byteAt(position++)
  if ((tag & 0x1f) === 0x1f) {
    // [X.690] 8.1.2.4: more tag bytes follow while their top bit is set.
    for (let more = true; more; ) {
      const byte = byteAt(position++)
      tag = tag * 256 + byte
      more = (byte & 0x80) !== 0
      if (position - offset > 4) throw new AnswerMalformed(`the tag at byte ${offset} is longer than four bytes`)
    }
  }
  let length = byteAt(position++)
  if (length >= 0x80) {
    const count = length & 0x7f
    // [7816-4] 5.2.2.2: 80 (indefinite) is not used, more than four length bytes are reserved.
    if (count === 0 || count > 4) throw new AnswerMalformed(`the length at byte ${position - 1} is of an unknown form`)
    length = 0
    for (let index = 0; index < count; index++) length = length * 256 + byteAt(position++)
  }
  if (length > bytes.length - position)
    throw new AnswerMalformed(
      `the data object at byte ${offset} wants ${length} bytes, ${bytes.length - position} are there`,
    )
  return { tlv: { tag, value: bytes.subarray(position, position + length) }, next: position + length }
}

/**
 * Decodes data objects that stand one behind the other and fill `bytes`.
 * @throws AnswerMalformed when they do not
 */
export function decodeTlvs(bytes: Uint8Array): Tlv[] {
  const objects: Tlv[] = []
  for (let offset = 0; offset < bytes.length; ) {
    const { tlv, next } = readTlv(bytes, offset)
    objects.push(tlv)
    offset = next
  }
  return objects
}

/** The value of the first object with this tag, or null. */
export function findTlv(objects: readonly Tlv[], tag: number): Uint8Array | null {
  return objects.find((object) => object.tag === tag)?.value ?? null
}

/**
 * Unwraps bytes that are one data object with this tag and nothing else.
 * @throws AnswerMalformed when they are not
 */
export function unwrapTlv(bytes: Uint8Array, tag: number): Uint8Array {
  const objects = decodeTlvs(bytes)
  const [only] = objects
  if (only === undefined || objects.length !== 1 || only.tag !== tag)
    throw new AnswerMalformed(
      `expected one data object ${tag.toString(16)}, got ${objects.map((object) => object.tag.toString(16)).join(", ") || "none"}`,
    )
  return only.value
}
