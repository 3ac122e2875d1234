/**
 * The payload of an age file: STREAM over ChaCha20-Poly1305, chunk by chunk, in constant memory. [C2SP age]: C2SP/age.md, "Payload".
 */
import {
  chacha20poly1305Open,
  chacha20poly1305SealInto,
  hkdfSha256,
  randomBytes,
  roomBelow,
  uninitialised,
} from "#primitives"
import type { ByteSource } from "./byte-source.ts"
import { HeaderMalformed, PayloadDamaged } from "./failures.ts"
import type { FileKey } from "./stanza.ts"

/** Length of a chunk of plaintext, in bytes. */
const chunkLength = 64 * 1024
const tagLength = 16
const sealedLength = chunkLength + tagLength
const nonceLength = 16
/** How many chunks that are at hand are sealed into one piece: what takes the pieces is called as many times less often. */
const chunksATime = 16

/** Memory is prepared for payloads of more chunks: for others it would take longer than it saves. */
const longPayload = 256

const nothing = new Uint8Array(0)
const info = new TextEncoder().encode("payload")

/** The length of the payload that so many bytes of plaintext make, nonce included. */
export function payloadLength(plaintext: number): number {
  return nonceLength + plaintext + tagLength * Math.max(1, Math.ceil(plaintext / chunkLength))
}

/** Counter (11 bytes, big endian) and the mark of the final chunk. */
class ChunkNonce {
  readonly bytes = new Uint8Array(12)
  readonly #view = new DataView(this.bytes.buffer)

  set(counter: number, last: boolean): Uint8Array {
    this.#view.setBigUint64(3, BigInt(counter))
    this.bytes[11] = last ? 1 : 0
    return this.bytes
  }
}

function payloadKey(fileKey: FileKey, nonce: Uint8Array): Uint8Array {
  return fileKey.use((bytes) => hkdfSha256(bytes, nonce, info, 32))
}

/** Whether a piece may be kept, or is overwritten when the one after it is asked for. Memory that is used again costs nothing to get. */
export type Pieces = "to keep" | "until the next"

/**
 * Encrypts a payload.
 * @param fileKey - is used at once, and may be let go of then
 * @param nonce - 16 bytes, fresh by default; given only to repeat a known file
 * @returns the nonce, and the sealed chunks, several in a piece where several were at hand
 */
export function sealPayload(
  source: ByteSource,
  fileKey: FileKey,
  pieces: Pieces = "to keep",
  nonce: Uint8Array = randomBytes(nonceLength),
): AsyncGenerator<Uint8Array> {
  return sealChunks(source, payloadKey(fileKey, nonce), nonce, pieces)
}

async function* sealChunks(
  source: ByteSource,
  key: Uint8Array,
  nonce: Uint8Array,
  pieces: Pieces,
): AsyncGenerator<Uint8Array> {
  const chunkNonce = new ChunkNonce()
  const held: unknown[] = []
  const reused = pieces === "to keep" ? null : uninitialised(chunksATime * sealedLength)
  try {
    yield nonce
    for (let counter = 0, ended = false; !ended; ) {
      const chunks = [await source.take(chunkLength)]
      while (chunks.length < chunksATime && source.atHand >= chunkLength) chunks.push(await source.take(chunkLength))
      ended = await source.ended()
      if (reused !== null && held.length === 0 && counter >= longPayload) held.push(roomBelow())
      const length = chunks.reduce((sum, chunk) => sum + chunk.length + tagLength, 0)
      const sealed = reused?.subarray(0, length) ?? uninitialised(length)
      for (const [index, chunk] of chunks.entries()) {
        const nonceOfChunk = chunkNonce.set(counter, ended && index === chunks.length - 1)
        chacha20poly1305SealInto(key, nonceOfChunk, chunk, sealed.subarray(index * sealedLength))
        counter++
      }
      yield sealed
    }
  } finally {
    key.fill(0)
    held.length = 0
    await source.close()
  }
}

/**
 * Decrypts a payload. What comes out is authentic, but only the end of the iteration says that nothing is missing.
 * @param source - stands at the nonce
 * @param fileKey - is used at once, and may be let go of then
 * @throws HeaderMalformed when the nonce is cut short; while it is iterated, PayloadDamaged after all whole chunks before the
 * damage have been given
 */
export async function openPayload(source: ByteSource, fileKey: FileKey): Promise<AsyncGenerator<Uint8Array>> {
  const nonce = await source.take(nonceLength)
  if (nonce.length < nonceLength) throw new HeaderMalformed("file ends within the nonce behind the header")
  return openChunks(source, payloadKey(fileKey, nonce))
}

async function* openChunks(source: ByteSource, key: Uint8Array): AsyncGenerator<Uint8Array> {
  const opener = new ChunkOpener(key)
  try {
    for (let ended = false; !ended; ) {
      const chunk = await source.take(sealedLength)
      ended = await source.ended()
      const { opened, damage } = opener.next(chunk, ended)
      // As the cipher gave it: copying into larger pieces costs more than handing these on does.
      if (opened.length > 0) yield opened
      if (damage !== null) throw damage
    }
  } finally {
    key.fill(0)
    await source.close()
  }
}

/** Opens chunks in their order. */
class ChunkOpener {
  readonly #key: Uint8Array
  readonly #nonce = new ChunkNonce()
  #counter = 0

  constructor(key: Uint8Array) {
    this.#key = key
  }

  /** @returns what opened, and what stopped it */
  next(chunk: Uint8Array, last: boolean): { opened: Uint8Array; damage: PayloadDamaged | null } {
    const result = this.#next(chunk, last)
    this.#counter++
    return result
  }

  #next(chunk: Uint8Array, last: boolean): { opened: Uint8Array; damage: PayloadDamaged | null } {
    const opened = this.#chunk(chunk, last)
    if (opened !== null) {
      const empty = opened.length === 0 && this.#counter > 0
      return { opened, damage: empty ? this.#damage("the final chunk is empty") : null }
    }
    // A chunk that opens with the other mark is whole: what is wrong is what follows it, or does not.
    const other = this.#chunk(chunk, !last)
    if (other === null) return { opened: nothing, damage: this.#damage("payload was changed or cut short") }
    if (!last) return { opened: other, damage: this.#damage("bytes follow the final chunk") }
    // Only a full chunk may lack the mark of the final one.
    const full = chunk.length === sealedLength
    return { opened: full ? other : nothing, damage: this.#damage("payload is cut short: the final chunk is missing") }
  }

  #chunk(chunk: Uint8Array, last: boolean): Uint8Array | null {
    return chacha20poly1305Open(this.#key, this.#nonce.set(this.#counter, last), chunk)
  }

  #damage(what: string): PayloadDamaged {
    return new PayloadDamaged(what, this.#counter)
  }
}
