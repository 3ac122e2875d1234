/** The primitives of `primitives-node.ts`, from @noble: for browsers, and to check the other against. */
import { chacha20poly1305 } from "@noble/ciphers/chacha.js"
import { x25519 as nobleX25519 } from "@noble/curves/ed25519.js"
import { p256 } from "@noble/curves/nist.js"
import { expand, extract, hkdf } from "@noble/hashes/hkdf.js"
import { hmac } from "@noble/hashes/hmac.js"
import { sha256 as nobleSha256 } from "@noble/hashes/sha2.js"
import { Secret } from "../secret.ts"
import type { P256KeyPair } from "./primitives-node.ts"

export type { P256KeyPair } from "./primitives-node.ts"

const tagLength = 16

/** Bytes from the system's generator. */
export function randomBytes(length: number): Uint8Array<ArrayBuffer> {
  return globalThis.crypto.getRandomValues(new Uint8Array(length))
}

/** @returns 32 bytes */
export function sha256(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return nobleSha256(bytes)
}

/** @returns 32 bytes */
export function hmacSha256(key: Uint8Array, message: Uint8Array): Uint8Array<ArrayBuffer> {
  return hmac(nobleSha256, key, message)
}

/** HKDF-Extract, [RFC 5869] 2.2. */
export function hkdfExtract(salt: Uint8Array, ikm: Uint8Array): Uint8Array<ArrayBuffer> {
  return extract(nobleSha256, ikm, salt)
}

/** HKDF-Expand, [RFC 5869] 2.3. */
export function hkdfExpand(prk: Uint8Array, info: Uint8Array, length: number): Uint8Array<ArrayBuffer> {
  return expand(nobleSha256, prk, info, length)
}

/** HKDF-SHA-256, extract and expand. */
export function hkdfSha256(
  ikm: Uint8Array,
  salt: Uint8Array,
  info: Uint8Array,
  length: number,
): Uint8Array<ArrayBuffer> {
  return hkdf(nobleSha256, ikm, salt, info, length)
}

/** ChaCha20-Poly1305, [RFC 8439] 2.8. @returns the ciphertext and its 16-byte tag */
export function chacha20poly1305Seal(
  key: Uint8Array,
  nonce: Uint8Array,
  plaintext: Uint8Array,
): Uint8Array<ArrayBuffer> {
  return chacha20poly1305(key, nonce).encrypt(plaintext)
}

/** Memory to be written from end to end. */
export function uninitialised(length: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(length)
}

/** Nothing is known of the memory here. */
export function roomBelow(): unknown {
  return undefined
}

/** The same into the beginning of `sealed`. */
export function chacha20poly1305SealInto(
  key: Uint8Array,
  nonce: Uint8Array,
  plaintext: Uint8Array,
  sealed: Uint8Array,
): void {
  chacha20poly1305(key, nonce).encrypt(plaintext, sealed.subarray(0, plaintext.length + tagLength))
}

/** @returns the plaintext, or null when the tag does not match */
export function chacha20poly1305Open(
  key: Uint8Array,
  nonce: Uint8Array,
  sealed: Uint8Array,
): Uint8Array<ArrayBuffer> | null {
  if (sealed.length < 16) return null
  try {
    return chacha20poly1305(key, nonce).decrypt(sealed)
  } catch {
    return null
  }
}

/**
 * A P-256 key pair, fresh or from a scalar (32 bytes, big endian).
 * @throws RangeError when the scalar is 0 or not below the order
 */
export function p256KeyPair(scalar: Uint8Array = p256.utils.randomSecretKey()): P256KeyPair {
  const own = scalar.slice()
  if (!p256.utils.isValidSecretKey(own))
    throw new RangeError(`"scalar" expected a P-256 scalar, got ${scalar.length} bytes out of range`)
  return {
    publicPoint: p256.getPublicKey(own, false),
    agree: (point) =>
      p256IsPoint(point) ? Secret.owning("shared secret", p256.getSharedSecret(own, point).slice(1)) : null,
  }
}

function convertPoint(point: Uint8Array, compressed: boolean): Uint8Array<ArrayBuffer> | null {
  try {
    return Uint8Array.from(p256.Point.fromBytes(point).toBytes(compressed))
  } catch {
    return null
  }
}

/** Whether these are 65 bytes, uncompressed, of a point on P-256. */
export function p256IsPoint(point: Uint8Array): boolean {
  return point.length === 65 && point[0] === 4 && convertPoint(point, false) !== null
}

/** 65 bytes, uncompressed, to 33. @returns null when it is not a point on P-256 */
export function p256Compress(point: Uint8Array): Uint8Array<ArrayBuffer> | null {
  return point.length === 65 && point[0] === 4 ? convertPoint(point, true) : null
}

/** 33 bytes, compressed, to 65. @returns null when it is not a point on P-256 */
export function p256Decompress(point: Uint8Array): Uint8Array<ArrayBuffer> | null {
  return point.length === 33 && (point[0] === 2 || point[0] === 3) ? convertPoint(point, false) : null
}

/** The public key of an X25519 scalar; both 32 bytes. [RFC 7748] 6.1 */
export function x25519Base(scalar: Uint8Array): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(nobleX25519.getPublicKey(scalar))
}

/** X25519, [RFC 7748] 5. @returns 32 bytes, or null when they would all be zero (the point is of low order) */
export function x25519(scalar: Uint8Array, point: Uint8Array): Secret<"shared secret"> | null {
  try {
    return Secret.owning("shared secret", nobleX25519.getSharedSecret(scalar, point))
  } catch {
    return null
  }
}

/** `x25519` for a scalar that is used again and again. */
export function x25519Key(scalar: Uint8Array): (point: Uint8Array) => Secret<"shared secret"> | null {
  const own = Secret.owning("age key", scalar.slice())
  return (point) => own.use((bytes) => x25519(bytes, point))
}

/**
 * Agrees with a point by a key that is made for it and forgotten.
 * @param point - 32 bytes
 * @returns the key's own point and the shared secret, 32 bytes each; null when the point is of low order
 */
export function x25519Ephemeral(point: Uint8Array): { share: Uint8Array; shared: Secret<"shared secret"> } | null {
  using ephemeral = Secret.owning("ephemeral key", randomBytes(32))
  const shared = ephemeral.use((scalar) => x25519(scalar, point))
  return shared === null ? null : { share: ephemeral.use(x25519Base), shared }
}
