/** The text header of an age file. [C2SP age]: C2SP/age.md, "Header". */
import { hkdfSha256, hmacSha256 } from "#primitives"
import { decodeBase64, encodeBase64 } from "./base64.ts"
import { type ByteSource, lineText } from "./byte-source.ts"
import { HeaderMacMismatch, HeaderMalformed, StanzaMalformed } from "./failures.ts"
import { encodeStanza, type FileKey, type Stanza, StanzaReader } from "./stanza.ts"

/** The stanzas in their order, and the MAC over them (32 bytes). */
export type Header = Readonly<{ stanzas: readonly Stanza[]; mac: Uint8Array }>

const versionLine = "age-encryption.org/v1"
const ascii = new TextEncoder()
const none = new Uint8Array(0)

/** Longest line that is read; an mlkem768p256tag stanza's is 1,572 bytes. */
export const longestLine = 1 << 16
/** Longest header that is read, in bytes: enough for 100,000 recipients. */
const longestHeader = 1 << 24

/** Reads a header, line by line. */
class HeaderReader {
  readonly #stanzas: Stanza[] = []
  readonly #stanza = new StanzaReader()
  #line = 0
  #length = 0

  /**
   * Takes the next line, without its line feed.
   * @returns the header when this line ends it
   * @throws HeaderMalformed with the line
   */
  line(text: string): Header | null {
    this.#line++
    this.#length += text.length + 1
    try {
      return this.#next(text)
    } catch (failure) {
      throw failure instanceof HeaderMalformed ? failure.within({ line: this.#line }) : failure
    }
  }

  #next(text: string): Header | null {
    if (this.#length > longestHeader) throw new HeaderMalformed(`header is longer than ${longestHeader} bytes`)
    if (this.#line === 1) {
      if (text === versionLine) return null
      if (text.startsWith("age-encryption.org/"))
        throw new HeaderMalformed("file is of a version of age other than v1, or has a damaged first line", {
          hint: "a newer ts-age-yk may know it",
        })
      throw new HeaderMalformed("not an age file: it does not begin with age-encryption.org/v1", { hint: undefined })
    }
    if (!this.#stanza.idle || !text.startsWith("---")) {
      const stanza = this.#stanza.line(text)
      if (stanza !== null) this.#stanzas.push(stanza)
      return null
    }
    if (this.#stanzas.length === 0) throw new HeaderMalformed("header has no stanza")
    // Three marks, a space, 43 characters of base64: nothing else.
    const mac = text.startsWith("--- ") ? decodeBase64(text.slice(4)) : null
    if (mac?.length !== 32)
      throw new HeaderMalformed("header MAC is not 32 bytes of canonical unpadded base64 after one space")
    return { stanzas: this.#stanzas, mac }
  }
}

/**
 * Parses the header that `bytes` begin with.
 * @returns the header, and where the payload begins
 * @throws HeaderMalformed
 */
export function parseHeader(bytes: Uint8Array): { header: Header; length: number } {
  const reader = new HeaderReader()
  for (let offset = 0; ; ) {
    const end = bytes.indexOf(0x0a, offset)
    if (end === -1) throw new HeaderMalformed("file ends within the header")
    const header = reader.line(lineText(bytes.subarray(offset, end)))
    offset = end + 1
    if (header !== null) return { header, length: offset }
  }
}

/**
 * Reads the header that a source begins with, and leaves the payload in it.
 * @throws HeaderMalformed
 */
export async function readHeader(source: ByteSource): Promise<Header> {
  const reader = new HeaderReader()
  for (;;) {
    const line = await source.line(longestLine)
    if (line === "too long") throw new HeaderMalformed(`header line is longer than ${longestLine} bytes`)
    if (line?.terminated !== true) throw new HeaderMalformed("file ends within the header")
    const header = reader.line(line.text)
    if (header !== null) return header
  }
}

/** Everything up to and including the `---` mark, which the MAC covers. */
function macInput(stanzas: readonly Stanza[]): string {
  return `${versionLine}\n${stanzas.map(encodeStanza).join("")}---`
}

function headerMac(covered: string, fileKey: FileKey): Uint8Array<ArrayBuffer> {
  // [C2SP age] "Header MAC": HMAC key = HKDF-SHA-256(ikm = file key, salt = empty, info = "header")
  const key = fileKey.use((bytes) => hkdfSha256(bytes, none, ascii.encode("header"), 32))
  const mac = hmacSha256(key, ascii.encode(covered))
  key.fill(0)
  return mac
}

/**
 * Makes the header of a new file.
 * @throws RangeError when there is no stanza, or one that cannot be written
 */
export function makeHeader(stanzas: readonly Stanza[], fileKey: FileKey): Header {
  if (stanzas.length === 0) throw new RangeError(`"stanzas" expected at least one, got none`)
  return { stanzas, mac: headerMac(macInput(stanzas), fileKey) }
}

/** The bytes of a header, its last line feed included. */
export function encodeHeader(header: Header): Uint8Array<ArrayBuffer> {
  return ascii.encode(`${macInput(header.stanzas)} ${encodeBase64(header.mac)}\n`)
}

/**
 * Checks that the header is the one that was made with this file key. The parser takes only canonical forms, so what was read
 * encodes to the same bytes.
 * @throws HeaderMacMismatch
 */
export function verifyHeader(header: Header, fileKey: FileKey): void {
  const expected = headerMac(macInput(header.stanzas), fileKey)
  let difference = expected.length ^ header.mac.length
  for (const [index, byte] of expected.entries()) difference |= byte ^ (header.mac[index] ?? 0)
  if (difference !== 0) throw new HeaderMacMismatch()
}

/**
 * Checks what must hold across stanzas.
 * @throws StanzaMalformed when a passphrase stanza has company ([C2SP age] "scrypt recipient stanza")
 */
export function checkCompany(stanzas: readonly Stanza[]): void {
  if (stanzas.length > 1 && stanzas.some((stanza) => stanza.args[0] === "scrypt"))
    throw new StanzaMalformed("scrypt", "it must be the only stanza of its file")
}
