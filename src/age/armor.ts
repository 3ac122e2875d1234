/**
 * ASCII armor: strict PEM, read and written piece by piece. [C2SP age]: C2SP/age.md, "ASCII armor"; [RFC 7468] 3, figure 3.
 * Only white space may stand before and after it, and lines may end in CRLF.
 */
import { base64 } from "@scure/base"
import { lineText } from "./byte-source.ts"
import { ArmorMalformed } from "./failures.ts"

const begin = "-----BEGIN AGE ENCRYPTED FILE-----"
const end = "-----END AGE ENCRYPTED FILE-----"
const columns = 64
/** Bytes on a full line. */
const lineLength = 48

const ascii = new TextEncoder()
const nothing = new Uint8Array(0)
/** Not all at once: what an expression has matched so far stays in memory. */
const fullLines = /(?:[A-Za-z0-9+/]{64}\r?\n){1,1024}/y

/** Whether a file that begins with these bytes is armored. */
export function looksArmored(bytes: Uint8Array): boolean {
  return /^[ \t\r\n]*-----BEGIN AGE/.test(lineText(bytes))
}

/** Reads armor; pieces may be cut anywhere. */
class ArmorDecoder {
  #state: "before" | "body" | "last line" | "after" = "before"
  #text = ""
  #line = 1

  /**
   * Takes a piece of the armored file.
   * @returns the bytes that it completes, perhaps none
   * @throws ArmorMalformed with the line
   */
  push(piece: Uint8Array): Uint8Array {
    this.#text += lineText(piece)
    const parts: Uint8Array[] = []
    for (;;) {
      const part = this.#step(false)
      if (part === null) return join(parts)
      parts.push(part)
    }
  }

  /**
   * Says that no piece follows.
   * @throws ArmorMalformed when the END line is missing
   */
  end(): Uint8Array {
    const parts: Uint8Array[] = []
    for (let part = this.#step(true); part !== null; part = this.#step(true)) parts.push(part)
    if (this.#state === "before") throw this.#malformed(`file does not begin with ${begin}`)
    if (this.#state !== "after") throw this.#malformed(`file ends before ${end}`)
    return join(parts)
  }

  /** Reads one line, or many full ones. @returns null when it needs more text */
  #step(ended: boolean): Uint8Array | null {
    if (this.#state === "before" || this.#state === "after") this.#skipWhiteSpace()
    if (this.#text === "") return null
    if (this.#state === "body") {
      const lines = this.#fullLines()
      if (lines !== null) return lines
    }
    const line = this.#nextLine(ended)
    return line === null ? null : this.#take(line)
  }

  #skipWhiteSpace(): void {
    const kept = this.#text.search(/[^ \t\r\n]/)
    const skipped = kept === -1 ? this.#text : this.#text.slice(0, kept)
    this.#line += skipped.split("\n").length - 1
    this.#text = this.#text.slice(skipped.length)
    if (this.#state === "after" && this.#text !== "") throw this.#malformed("text follows the END line")
  }

  #fullLines(): Uint8Array | null {
    fullLines.lastIndex = 0
    const lines = fullLines.exec(this.#text)?.[0]
    if (lines === undefined) return null
    this.#text = this.#text.slice(lines.length)
    const joined = lines.replace(/[\r\n]+/g, "")
    this.#line += joined.length / columns
    return new Uint8Array(Buffer.from(joined, "base64"))
  }

  #nextLine(ended: boolean): string | null {
    const feed = this.#text.indexOf("\n")
    const line = feed === -1 ? this.#text : this.#text.slice(0, feed)
    // One for the carriage return, which is not known to be one before the line feed is there.
    if (line.length > columns + 1) throw this.#malformed(`line is longer than ${columns} columns`)
    if (feed === -1 && !ended) return null
    this.#text = feed === -1 ? "" : this.#text.slice(feed + 1)
    return feed !== -1 && line.endsWith("\r") ? line.slice(0, -1) : line
  }

  #take(line: string): Uint8Array {
    if (this.#state === "before") {
      if (line !== begin) throw this.#malformed(`expected ${begin}`)
      this.#state = "body"
    } else if (line === end) this.#state = "after"
    else if (this.#state === "last line") throw this.#malformed(`expected ${end} after the short line`)
    else return this.#lastLine(line)
    this.#line++
    return nothing
  }

  #lastLine(line: string): Uint8Array {
    const bytes = decodePadded(line)
    if (bytes === null) throw this.#malformed("expected 64 columns of base64, or fewer and padded on the last line")
    this.#state = "last line"
    this.#line++
    return bytes
  }

  #malformed(what: string): ArmorMalformed {
    return new ArmorMalformed(what, this.#line)
  }
}

function decodePadded(line: string): Uint8Array | null {
  if (line === "" || line.length > columns) return null
  try {
    return base64.decode(line)
  } catch {
    return null
  }
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const [only = nothing, ...more] = parts.filter((part) => part.length > 0)
  return more.length === 0 ? only : new Uint8Array(Buffer.concat([only, ...more]))
}

/** Reads an armored file. @throws ArmorMalformed */
export async function* decodeArmor(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const decoder = new ArmorDecoder()
  for await (const piece of pieces) {
    const bytes = decoder.push(piece)
    if (bytes.length > 0) yield bytes
  }
  const rest = decoder.end()
  if (rest.length > 0) yield rest
}

function bodyLines(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    .toString("base64")
    .replace(/.{1,64}/g, "$&\n")
}

/** Writes an armored file. */
export async function* encodeArmor(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield ascii.encode(`${begin}\n`)
  let rest: Uint8Array = nothing
  for await (const piece of pieces) {
    const bytes = rest.length === 0 ? piece : join([rest, piece])
    const whole = bytes.length - (bytes.length % lineLength)
    rest = bytes.slice(whole)
    if (whole > 0) yield ascii.encode(bodyLines(bytes.subarray(0, whole)))
  }
  yield ascii.encode(`${bodyLines(rest)}${end}\n`)
}
