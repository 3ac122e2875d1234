/** The wire encoding of SSH. [RFC 4251] 5: strings with a length of 32 bits before them, and big integers as such strings. */
import { concat } from "../apdu/tlv.ts"

/** Reads one field after the other; whoever reads past the end gets null, and so does whoever reads on. */
export class WireReader {
  #rest: Uint8Array

  constructor(bytes: Uint8Array) {
    this.#rest = bytes
  }

  /** What is left. */
  get rest(): Uint8Array {
    return this.#rest
  }

  take(length: number): Uint8Array | null {
    if (length > this.#rest.length) {
      this.#rest = new Uint8Array(0)
      return null
    }
    const taken = this.#rest.subarray(0, length)
    this.#rest = this.#rest.subarray(length)
    return taken
  }

  number(): number | null {
    const bytes = this.take(4)
    return bytes === null ? null : new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0)
  }

  string(): Uint8Array | null {
    const length = this.number()
    return length === null ? null : this.take(length)
  }

  text(): string | null {
    const bytes = this.string()
    return bytes === null ? null : new TextDecoder().decode(bytes)
  }

  /** A positive big integer, big endian, without leading zeroes. Null for a negative one too. */
  integer(): Uint8Array | null {
    const bytes = this.string()
    if (bytes === null || ((bytes[0] ?? 0) & 0x80) !== 0) return null
    const start = bytes.findIndex((byte) => byte !== 0)
    return start === -1 ? bytes.subarray(bytes.length) : bytes.subarray(start)
  }
}

/** A string with its length before it. */
export function wireString(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const length = new Uint8Array(4)
  new DataView(length.buffer).setUint32(0, bytes.length)
  return concat(length, bytes)
}

/** A positive big integer: a zero stands before a set top bit. */
export function wireInteger(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return wireString(((bytes[0] ?? 0) & 0x80) === 0 ? bytes : concat(Uint8Array.of(0), bytes))
}
