import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { ByteSource } from "../../src/age/byte-source.ts"
import { PayloadDamaged } from "../../src/age/failures.ts"
import { decryptStream, encryptBytes, encryptStream } from "../../src/age/file.ts"
import { generateFileKey } from "../../src/age/file-key.ts"
import { openWith } from "../../src/age/open.ts"
import { openPayload, payloadLength, sealPayload } from "../../src/age/payload.ts"
import { X25519Identity } from "../../src/age/x25519.ts"
import { drain, inPieces } from "./pieces.ts"

const chunk = 65536
const own = X25519Identity.generate()
const counting = (length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, index) => (index * 7 + (index >> 8)) & 0xff)

describe("a payload", () => {
  it.each([0, 1, chunk - 1, chunk, chunk + 1, 2 * chunk, 16 * chunk, 16 * chunk + 1, 17 * chunk + 5])(
    "of %i bytes comes out as it went in, however it arrives",
    async (length) => {
      using fileKey = generateFileKey()
      const plaintext = counting(length)
      for (const size of [1 << 20, 65552, 10_007]) {
        const sealed = await drain(sealPayload(new ByteSource(inPieces(plaintext, size)), fileKey))
        expect(sealed.bytes.length).toBe(payloadLength(length))
        const opened = await drain(await openPayload(new ByteSource(inPieces(sealed.bytes, size)), fileKey))
        expect(opened.failure).toBeNull()
        expect(Buffer.from(opened.bytes).equals(plaintext)).toBe(true)
      }
    },
  )

  it("is the same in pieces that last until the next", async () => {
    using fileKey = generateFileKey()
    const nonce = new Uint8Array(16).fill(9)
    const plaintext = counting(280 * chunk + 3)
    const sealed = async (pieces: "to keep" | "until the next"): Promise<Buffer> => {
      const taken: Uint8Array[] = []
      const source = new ByteSource(inPieces(plaintext, 1 << 21))
      for await (const piece of sealPayload(source, fileKey, pieces, nonce)) taken.push(piece.slice())
      return Buffer.concat(taken)
    }
    expect((await sealed("until the next")).equals(await sealed("to keep"))).toBe(true)
  })

  it("that was changed anywhere gives the whole chunks before, and then the failure that names the chunk", async () => {
    using fileKey = generateFileKey()
    const plaintext = counting(3 * chunk + 10)
    const { bytes } = await drain(sealPayload(new ByteSource(plaintext), fileKey))
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 16, max: bytes.length - 1 }),
        fc.integer({ min: 1, max: 255 }),
        async (at, change) => {
          const changed = bytes.with(at, (bytes[at] ?? 0) ^ change)
          const opened = await drain(await openPayload(new ByteSource(changed), fileKey))
          const damaged = Math.floor((at - 16) / (chunk + 16))
          expect(opened.failure instanceof PayloadDamaged && opened.failure.chunk).toBe(damaged)
          expect(Buffer.from(opened.bytes).equals(plaintext.subarray(0, damaged * chunk))).toBe(true)
        },
      ),
      { numRuns: 30 },
    )
  })

  it("that was cut short anywhere ends with a failure", async () => {
    using fileKey = generateFileKey()
    const { bytes } = await drain(sealPayload(new ByteSource(counting(2 * chunk)), fileKey))
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 16, max: bytes.length - 1 }), async (at) => {
        const opened = await drain(await openPayload(new ByteSource(bytes.subarray(0, at)), fileKey))
        expect(opened.failure).toBeInstanceOf(PayloadDamaged)
      }),
      { numRuns: 30 },
    )
  })

  it("is never held whole: what is not asked for is not read", async () => {
    let given = 0
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (;;) {
        await Promise.resolve()
        given++
        yield new Uint8Array(1 << 20)
      }
    }
    const pieces = (await encryptStream(endless(), [own.recipient]))[Symbol.asyncIterator]()
    for (let taken = 0; taken < 20; taken++) await pieces.next()
    expect(given).toBeLessThan(25)
    await pieces.return?.()
  })

  it("lets go of its source when nobody wants the rest", async () => {
    const file = await encryptBytes(counting(20 * chunk), [own.recipient], "armored")
    let closed = false
    async function* source(): AsyncGenerator<Uint8Array> {
      try {
        for (let offset = 0; offset < file.length; offset += chunk) {
          await Promise.resolve()
          yield file.subarray(offset, offset + chunk)
        }
      } finally {
        closed = true
      }
    }
    for await (const piece of await decryptStream(source(), openWith([own]))) {
      expect(piece.length).toBeGreaterThan(0)
      break
    }
    expect(closed).toBe(true)
  })
})
