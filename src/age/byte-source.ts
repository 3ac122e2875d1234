/** Bytes that arrive in pieces of any size, read as lines and blocks: headers and payloads, files and the plugin protocol. */
import { concat } from "../apdu/tlv.ts"

/** What is read: everything at once, or piece by piece. */
export type Bytes = Uint8Array | AsyncIterable<Uint8Array>

/** A line without its line feed, each byte a character. `terminated` is false when the bytes end before a line feed. */
export type Line = Readonly<{ text: string; terminated: boolean }>

const nothing = new Uint8Array(0)

/** Reads bytes in order. One call at a time; `close` tells the source that no more is wanted. */
export class ByteSource {
  readonly #pieces: AsyncIterator<Uint8Array> | null
  #piece: Uint8Array = nothing
  #done = false

  constructor(bytes: Bytes) {
    if (bytes instanceof Uint8Array) {
      this.#pieces = null
      this.#piece = bytes
      this.#done = true
    } else this.#pieces = bytes[Symbol.asyncIterator]()
  }

  /** Whether nothing is left. Waits for a piece when none is at hand. */
  async ended(): Promise<boolean> {
    while (this.#piece.length === 0 && !this.#done) await this.#more()
    return this.#piece.length === 0
  }

  /** How many bytes can be taken without waiting, and as a view. */
  get atHand(): number {
    return this.#piece.length
  }

  /**
   * Looks ahead, without taking.
   * @returns at most `length` bytes; fewer only at the end
   */
  async peek(length: number): Promise<Uint8Array> {
    await this.#gather(length)
    return this.#piece.subarray(0, length)
  }

  /** Takes `length` bytes; fewer only at the end. A view, unless they straddle pieces. */
  async take(length: number): Promise<Uint8Array> {
    await this.ended()
    if (this.#piece.length >= length || this.#done) return this.#cut(length)
    const taken = new Uint8Array(length)
    for (let filled = 0; ; ) {
      const part = this.#cut(length - filled)
      taken.set(part, filled)
      filled += part.length
      if (filled === length || !(await this.#more())) return taken.subarray(0, filled)
    }
  }

  /** Takes what is at hand, and waits when nothing is. @returns null at the end */
  async piece(): Promise<Uint8Array | null> {
    return (await this.ended()) ? null : this.#cut(this.#piece.length)
  }

  /**
   * Takes a line.
   * @returns null at the end; "too long" when no line feed comes within `limit` bytes
   */
  async line(limit: number): Promise<Line | "too long" | null> {
    for (let searched = 0; ; ) {
      const end = this.#piece.indexOf(0x0a, searched)
      if (end > limit || (end === -1 && this.#piece.length > limit)) return "too long"
      if (end !== -1) return { text: lineText(this.#cut(end + 1).subarray(0, end)), terminated: true }
      searched = this.#piece.length
      if (this.#done) return searched === 0 ? null : { text: lineText(this.#cut(searched)), terminated: false }
      await this.#more()
    }
  }

  /** Lets go of the source. */
  async close(): Promise<void> {
    this.#piece = nothing
    if (this.#done) return
    this.#done = true
    await this.#pieces?.return?.()
  }

  #cut(length: number): Uint8Array {
    const taken = this.#piece.subarray(0, length)
    this.#piece = this.#piece.subarray(length)
    return taken
  }

  async #gather(length: number): Promise<void> {
    if (this.#piece.length >= length) return
    // Pieces of a byte each must not make this quadratic: they are joined once.
    const parts: Uint8Array[] = []
    for (let total = 0; ; ) {
      if (this.#piece.length > 0) parts.push(this.#piece)
      total += this.#piece.length
      this.#piece = nothing
      if (total >= length || !(await this.#more())) break
    }
    this.#piece = parts.length === 1 ? (parts[0] ?? nothing) : concat(...parts)
  }

  /** @returns false at the end */
  async #more(): Promise<boolean> {
    const next = this.#done ? undefined : await this.#pieces?.next()
    if (next === undefined || next.done === true) this.#done = true
    else this.#piece = this.#piece.length === 0 ? next.value : concat(this.#piece, next.value)
    return !this.#done
  }
}

/** Bytes as text, each byte a character: what is not ASCII is then refused by whoever expects ASCII. */
export function lineText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1")
}
