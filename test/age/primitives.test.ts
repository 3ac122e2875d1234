import fc from "fast-check"
import { describe, expect, it } from "vitest"
import * as noble from "../../src/age/primitives-noble.ts"
import * as node from "../../src/age/primitives-node.ts"

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "hex"))
const plain = (bytes: Uint8Array | null): string | null => (bytes === null ? null : Buffer.from(bytes).toString("hex"))
const bytes = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length })
const nonce = new Uint8Array(12)

describe.each([
  { name: "node", primitives: node },
  { name: "noble", primitives: noble },
])("$name primitives", ({ primitives }) => {
  it("hash as FIPS 180-4 says", () => {
    expect(plain(primitives.sha256(new TextEncoder().encode("abc")))).toBe(
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    )
  })

  it("derive as RFC 5869, A.1 and A.3 say", () => {
    const ikm = new Uint8Array(22).fill(0x0b)
    const salt = hex("000102030405060708090a0b0c")
    expect(plain(primitives.hkdfExtract(salt, ikm))).toBe(
      "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
    )
    expect(plain(primitives.hkdfSha256(ikm, salt, hex("f0f1f2f3f4f5f6f7f8f9"), 42))).toBe(
      "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
    )
    expect(plain(primitives.hkdfSha256(ikm, new Uint8Array(0), new Uint8Array(0), 42))).toBe(
      "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
    )
  })

  it("agree as RFC 7748, 5.2 says, and give null for a point of low order", () => {
    const scalar = hex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4")
    const point = hex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c")
    expect(primitives.x25519(scalar, point)?.use(plain)).toBe(
      "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
    )
    for (const low of ["00".repeat(32), `01${"00".repeat(31)}`, `ec${"ff".repeat(30)}7f`])
      expect(primitives.x25519(scalar, hex(low))).toBeNull()
  })

  it("refuse a changed ciphertext, a short one, and one under another key", () => {
    const key = new Uint8Array(32).fill(7)
    const sealed = primitives.chacha20poly1305Seal(key, nonce, hex("0102"))
    expect(plain(primitives.chacha20poly1305Open(key, nonce, sealed))).toBe("0102")
    for (const index of sealed.keys())
      expect(primitives.chacha20poly1305Open(key, nonce, sealed.with(index, (sealed[index] ?? 0) ^ 1))).toBeNull()
    expect(primitives.chacha20poly1305Open(new Uint8Array(32), nonce, sealed)).toBeNull()
    expect(primitives.chacha20poly1305Open(key, nonce, sealed.subarray(0, 15))).toBeNull()
  })

  it("take no scalar out of range", () => {
    const order = hex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551")
    for (const scalar of [new Uint8Array(32), order]) expect(() => primitives.p256KeyPair(scalar)).toThrow(RangeError)
  })

  it("know what is a point on P-256 and what is not", () => {
    const { publicPoint } = primitives.p256KeyPair()
    const compressed = primitives.p256Compress(publicPoint)
    expect(compressed?.length).toBe(33)
    expect(plain(primitives.p256Decompress(compressed ?? new Uint8Array(0)))).toBe(plain(publicPoint))
    expect(primitives.p256IsPoint(publicPoint)).toBe(true)
    const off = publicPoint.with(64, (publicPoint[64] ?? 0) ^ 1)
    const hybrid = publicPoint.with(0, 6 + ((publicPoint[64] ?? 0) & 1))
    for (const point of [off, hybrid, hex("00"), new Uint8Array(65), publicPoint.subarray(1), new Uint8Array(0)]) {
      expect(primitives.p256IsPoint(point)).toBe(false)
      expect(primitives.p256Compress(point)).toBeNull()
      expect(primitives.p256Decompress(point)).toBeNull()
      expect(primitives.p256KeyPair().agree(point)).toBeNull()
    }
  })
})

describe("both primitives", () => {
  it("give the same for the same input", () => {
    fc.assert(
      fc.property(bytes(32), bytes(32), fc.uint8Array({ maxLength: 200 }), (key, other, text) => {
        expect(noble.hmacSha256(key, text)).toEqual(node.hmacSha256(key, text))
        expect(noble.hkdfSha256(key, other, text, 77)).toEqual(node.hkdfSha256(key, other, text, 77))
        expect(noble.chacha20poly1305Seal(key, nonce, text)).toEqual(node.chacha20poly1305Seal(key, nonce, text))
        const [here, there] = [noble, node].map((primitives) => {
          const sealed = primitives.uninitialised(text.length + 16 + 3).fill(9)
          primitives.chacha20poly1305SealInto(key, nonce, text, sealed)
          return sealed
        })
        expect(here).toEqual(there)
        expect(here?.subarray(0, -3)).toEqual(node.chacha20poly1305Seal(key, nonce, text))
        expect(noble.x25519Base(key)).toEqual(node.x25519Base(key))
        const both = [noble.x25519(key, other), node.x25519(key, other)].map((shared) => shared?.use(plain) ?? null)
        expect(both[0]).toBe(both[1])
        const point = Uint8Array.of(2, ...other)
        expect(noble.p256Decompress(point)).toEqual(node.p256Decompress(point))
      }),
      { numRuns: 60 },
    )
  })

  it("agree with each other over P-256", () => {
    fc.assert(
      fc.property(bytes(32), bytes(32), (one, two) => {
        fc.pre(one.some((byte) => byte !== 0) && two.some((byte) => byte !== 0) && one[0] !== 255 && two[0] !== 255)
        const first = noble.p256KeyPair(one)
        const second = node.p256KeyPair(two)
        expect(noble.p256KeyPair(two).publicPoint).toEqual(second.publicPoint)
        expect(first.agree(second.publicPoint)?.use(plain)).toBe(second.agree(first.publicPoint)?.use(plain))
      }),
      { numRuns: 30 },
    )
  })
})
