import { describe, expect, it } from "vitest"
import { p256Decompress, p256KeyPair } from "#primitives"
import { dhkemP256SharedSecret, hpkeOpenFileKey, hpkeSealFileKey, kemIds, keySchedule } from "../../src/age/hpke.ts"
import { Secret } from "../../src/secret.ts"

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex")
const info = new TextEncoder().encode("age-encryption.org/p256tag")

/** A known answer, computed with a second implementation: scalars of 11… and 22…, file key 000102…0f. */
function agreed(): { enc: Uint8Array; shared: Secret<"shared secret"> } {
  const ephemeral = p256KeyPair(new Uint8Array(32).fill(0x11))
  const recipient = p256KeyPair(new Uint8Array(32).fill(0x22))
  const dh = recipient.agree(ephemeral.publicPoint)
  if (dh === null) throw new TypeError("the point is on the curve")
  return {
    enc: ephemeral.publicPoint,
    shared: dhkemP256SharedSecret(dh, ephemeral.publicPoint, recipient.publicPoint),
  }
}

describe("HPKE as p256tag uses it", () => {
  it("derives the known shared secret, key and nonce", () => {
    const { shared } = agreed()
    expect(shared.use(hex)).toBe("1274868c8112b51af6ec2bbe17bba23ca59e04dc132fb2c5e4e24d592a1988e9")
    const { key, nonce } = keySchedule(kemIds.dhkemP256, shared, info)
    expect(hex(key)).toBe("54282c629502b0aea5235ba88ed88f0c6e352288647fadaba4e143f2ba20e71e")
    expect(hex(nonce)).toBe("5ee102c836779999eae18b2d")
  })

  it("seals to the known body and opens it", () => {
    const fileKey = Secret.owning(
      "file key",
      Uint8Array.from({ length: 16 }, (_, index) => index),
    )
    const sealed = hpkeSealFileKey(kemIds.dhkemP256, agreed().shared, info, fileKey)
    expect(Buffer.from(sealed).toString("base64")).toBe("6JkelLAPkMKID7u8ZAoTV1kI/Shbub+KhVSx508gxbI=")
    const opened = hpkeOpenFileKey(kemIds.dhkemP256, agreed().shared, info, sealed)
    expect(opened?.use(hex)).toBe(fileKey.use(hex))
  })

  it("gives null for another info, and disposes of the shared secret", () => {
    const { shared } = agreed()
    const sealed = new Uint8Array(32)
    expect(hpkeOpenFileKey(kemIds.dhkemP256, shared, info, sealed)).toBeNull()
    expect(() => shared.length).toThrow(TypeError)
  })

  it("decompresses the recipient of the known answer", () => {
    const recipient = p256KeyPair(new Uint8Array(32).fill(0x22))
    expect(p256Decompress(Uint8Array.of(3, ...recipient.publicPoint.subarray(1, 33)))).toEqual(recipient.publicPoint)
  })
})
