/** One recipient stanza of an age header. [C2SP age]: C2SP/age.md, "Recipient stanza". */
import type { Secret } from "../secret.ts"
import { decodeBase64, encodeBase64 } from "./base64.ts"
import { HeaderMalformed, StanzaMalformed } from "./failures.ts"

/** Type and arguments (`args[0]` is the type), and the body. Compatible with age-encryption's `Stanza`. */
export type Stanza = Readonly<{ args: readonly string[]; body: Uint8Array }>

/** The 16 bytes that a file's stanzas wrap. */
export type FileKey = Secret<"file key">

/** [C2SP age] "ABNF definition of file header": 1*VCHAR, with single spaces between. */
const argumentLine = /^-> ([!-~]+(?: [!-~]+)*)$/
const columns = 64

/**
 * Reads one stanza, line by line; the plugin protocol is made of the same stanzas.
 */
export class StanzaReader {
  #args: readonly string[] | null = null
  #body = ""

  /** Whether it stands between stanzas. */
  get idle(): boolean {
    return this.#args === null
  }

  /**
   * Takes the next line, without its line feed.
   * @returns the stanza when this line ends it, null when more lines belong to it
   * @throws HeaderMalformed
   */
  line(text: string): Stanza | null {
    if (this.#args === null) {
      const args = argumentLine.exec(text)?.[1]
      if (args === undefined)
        throw new HeaderMalformed("expected a stanza: an arrow, a type and arguments, each after one space")
      this.#args = args.split(" ")
      return null
    }
    if (text.length > columns)
      throw new HeaderMalformed(`stanza body line is ${text.length} columns long, at most ${columns} are allowed`)
    this.#body += text
    if (text.length === columns) return null
    const body = decodeBase64(this.#body)
    if (body === null) throw new HeaderMalformed("stanza body is not canonical unpadded base64")
    const stanza = { args: this.#args, body }
    this.#args = null
    this.#body = ""
    return stanza
  }
}

/**
 * Encodes a stanza; a body of a multiple of 48 bytes ends with an empty line.
 * @throws RangeError when an argument is empty or has a character that is not visible ASCII
 */
export function encodeStanza(stanza: Stanza): string {
  const first = `-> ${stanza.args.join(" ")}`
  if (stanza.args.length === 0 || stanza.args.some((argument) => !/^[!-~]+$/.test(argument)))
    throw new RangeError(`"args" expected visible ASCII without spaces, got ${JSON.stringify(stanza.args)}`)
  const body = encodeBase64(stanza.body)
  const lines = [first]
  for (let offset = 0; offset <= body.length; offset += columns) lines.push(body.slice(offset, offset + columns))
  return `${lines.join("\n")}\n`
}

/**
 * Checks the shape that a type demands of its stanzas.
 * @param argumentCount - without the type
 * @param bodyLength - in bytes; checked before any decryption, against partitioning oracles
 * @throws StanzaMalformed
 */
export function expectShape(stanza: Stanza, argumentCount: number, bodyLength: number): void {
  const type = stanza.args[0] ?? ""
  if (stanza.args.length !== argumentCount + 1)
    throw new StanzaMalformed(type, `expected ${argumentCount} arguments, got ${stanza.args.length - 1}`)
  if (stanza.body.length !== bodyLength)
    throw new StanzaMalformed(type, `expected a body of ${bodyLength} bytes, got ${stanza.body.length}`)
}

/**
 * Decodes an argument that is base64 of `length` bytes.
 * @param index - 1 for the first one after the type
 * @throws StanzaMalformed
 */
export function binaryArgument(stanza: Stanza, index: number, length: number): Uint8Array {
  const type = stanza.args[0] ?? ""
  const bytes = decodeBase64(stanza.args[index] ?? "")
  if (bytes === null) throw new StanzaMalformed(type, `argument ${index} is not canonical unpadded base64`)
  if (bytes.length !== length)
    throw new StanzaMalformed(type, `argument ${index} is ${bytes.length} bytes long, expected ${length}`)
  return bytes
}
