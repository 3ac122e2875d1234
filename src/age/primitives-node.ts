/**
 * The cryptographic primitives of age, from node:crypto: nothing is imported that costs start-up time. `primitives-noble.ts` has the
 * same functions for browsers; code imports them as `#primitives`. [RFC 5869] HKDF, [RFC 8439] ChaCha20-Poly1305, [SEC 1] points, [RFC 7748] X25519.
 */
import {
  createCipheriv,
  createDecipheriv,
  createECDH,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  ECDH,
  generateKeyPairSync,
  type KeyObject,
  randomBytes as nodeRandomBytes,
} from "node:crypto"
import { concat } from "../apdu/tlv.ts"
import { Secret } from "../secret.ts"

/** A P-256 key pair that lives in memory: an ephemeral one, or one of a test. */
export type P256KeyPair = {
  /** 65 bytes, uncompressed: 04, x, y. */
  readonly publicPoint: Uint8Array
  /**
   * ECDH: the x coordinate, 32 bytes.
   * @param point - 65 bytes, uncompressed
   * @returns null when the point is not on the curve
   */
  agree(point: Uint8Array): Secret<"shared secret"> | null
}

function plain(buffer: Buffer): Uint8Array<ArrayBuffer> {
  const whole = buffer.buffer
  if (whole instanceof ArrayBuffer) return new Uint8Array(whole, buffer.byteOffset, buffer.length)
  return new Uint8Array(buffer)
}

/** Bytes from the system's generator. */
export function randomBytes(length: number): Uint8Array<ArrayBuffer> {
  // Not a view: small Buffers share a pool, and what is secret must be zeroed alone.
  const bytes = new Uint8Array(length)
  const drawn = nodeRandomBytes(length)
  bytes.set(drawn)
  drawn.fill(0)
  return bytes
}

/** @returns 32 bytes */
export function sha256(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return plain(createHash("sha256").update(bytes).digest())
}

/** @returns 32 bytes */
export function hmacSha256(key: Uint8Array, message: Uint8Array): Uint8Array<ArrayBuffer> {
  return plain(createHmac("sha256", key).update(message).digest())
}

/**
 * HKDF-Extract, [RFC 5869] 2.2. An empty salt stands for 32 zero bytes.
 * @returns 32 bytes
 */
export function hkdfExtract(salt: Uint8Array, ikm: Uint8Array): Uint8Array<ArrayBuffer> {
  return hmacSha256(salt, ikm)
}

/** HKDF-Expand, [RFC 5869] 2.3. `length` is at most 8160 bytes. */
export function hkdfExpand(prk: Uint8Array, info: Uint8Array, length: number): Uint8Array<ArrayBuffer> {
  const output = new Uint8Array(length)
  let block = new Uint8Array(0)
  for (let offset = 0, counter = 1; offset < length; offset += block.length, counter++) {
    const next = hmacSha256(prk, concat(block, info, Uint8Array.of(counter)))
    block.fill(0)
    block = next
    output.set(block.subarray(0, Math.min(block.length, length - offset)), offset)
  }
  block.fill(0)
  return output
}

/** HKDF-SHA-256, extract and expand. */
export function hkdfSha256(
  ikm: Uint8Array,
  salt: Uint8Array,
  info: Uint8Array,
  length: number,
): Uint8Array<ArrayBuffer> {
  const prk = hkdfExtract(salt, ikm)
  const output = hkdfExpand(prk, info, length)
  prk.fill(0)
  return output
}

const tagLength = 16

/**
 * ChaCha20-Poly1305, [RFC 8439] 2.8.
 * @param key - 32 bytes
 * @param nonce - 12 bytes; zeroes where a key is used once
 * @returns the ciphertext and its 16-byte tag
 */
export function chacha20poly1305Seal(
  key: Uint8Array,
  nonce: Uint8Array,
  plaintext: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const sealed = new Uint8Array(plaintext.length + tagLength)
  chacha20poly1305SealInto(key, nonce, plaintext, sealed)
  return sealed
}

/** Memory that holds whatever it held before, to be written from end to end: zeroing it first would cost a tenth of encrypting it. */
export function uninitialised(length: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.allocUnsafeSlow(length).buffer)
}

/**
 * Room for what a cipher gives and nobody keeps, 64 KiB a time, until it is collected. The C library gives free memory at the end of its heap back
 * to the kernel, and gets it again page by page, which takes longer than the cipher. What is below something that is held stays.
 * @returns what is to be held
 */
export function roomBelow(): unknown {
  Array.from({ length: 640 }, () => Buffer.allocUnsafeSlow(1 << 16))
  return Buffer.allocUnsafeSlow(1 << 13)
}

/** The same into the beginning of `sealed`: a large payload is not copied twice. */
export function chacha20poly1305SealInto(
  key: Uint8Array,
  nonce: Uint8Array,
  plaintext: Uint8Array,
  sealed: Uint8Array,
): void {
  const cipher = createCipheriv("chacha20-poly1305", key, nonce, { authTagLength: tagLength })
  sealed.set(cipher.update(plaintext))
  cipher.final()
  sealed.set(cipher.getAuthTag(), plaintext.length)
}

/** @returns the plaintext, or null when the tag does not match */
export function chacha20poly1305Open(
  key: Uint8Array,
  nonce: Uint8Array,
  sealed: Uint8Array,
): Uint8Array<ArrayBuffer> | null {
  if (sealed.length < tagLength) return null
  const body = sealed.length - tagLength
  const decipher = createDecipheriv("chacha20-poly1305", key, nonce, { authTagLength: tagLength })
  decipher.setAuthTag(sealed.subarray(body))
  const plaintext = decipher.update(sealed.subarray(0, body))
  try {
    decipher.final()
  } catch {
    plaintext.fill(0)
    return null
  }
  return plain(plaintext)
}

/**
 * A P-256 key pair, fresh or from a scalar (32 bytes, big endian).
 * @throws RangeError when the scalar is 0 or not below the order
 */
export function p256KeyPair(scalar?: Uint8Array): P256KeyPair {
  const pair = createECDH("prime256v1")
  if (scalar === undefined) pair.generateKeys()
  else {
    try {
      pair.setPrivateKey(scalar)
    } catch (cause) {
      throw new RangeError(`"scalar" expected a P-256 scalar, got ${scalar.length} bytes out of range`, { cause })
    }
  }
  return {
    publicPoint: plain(pair.getPublicKey()),
    agree: (point) => {
      if (!p256IsPoint(point)) return null
      return Secret.owning("shared secret", plain(pair.computeSecret(point)))
    },
  }
}

function convertPoint(point: Uint8Array, form: "compressed" | "uncompressed"): Uint8Array<ArrayBuffer> | null {
  try {
    const converted = ECDH.convertKey(point, "prime256v1", undefined, undefined, form)
    return typeof converted === "string" ? null : plain(converted)
  } catch {
    return null
  }
}

/** Whether these are 65 bytes, uncompressed, of a point on P-256. */
export function p256IsPoint(point: Uint8Array): boolean {
  return point.length === 65 && point[0] === 4 && convertPoint(point, "uncompressed") !== null
}

/** 65 bytes, uncompressed, to 33. @returns null when it is not a point on P-256. [SEC 1] 2.3.3 */
export function p256Compress(point: Uint8Array): Uint8Array<ArrayBuffer> | null {
  return point.length === 65 && point[0] === 4 ? convertPoint(point, "compressed") : null
}

/** 33 bytes, compressed, to 65. @returns null when it is not a point on P-256. [SEC 1] 2.3.4 */
export function p256Decompress(point: Uint8Array): Uint8Array<ArrayBuffer> | null {
  // OpenSSL takes the point at infinity (one zero byte) and the hybrid forms 06 and 07 as well.
  return point.length === 33 && (point[0] === 2 || point[0] === 3) ? convertPoint(point, "uncompressed") : null
}

/** [RFC 8410] 7: what stands before the 32 bytes of an X25519 key in PKCS #8. */
const pkcs8Prefix = Uint8Array.of(0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x6e, 4, 0x22, 4, 0x20)

function x25519PrivateKey(scalar: Uint8Array): KeyObject {
  const der = concat(pkcs8Prefix, scalar)
  const key = createPrivateKey({ key: Buffer.from(der.buffer), format: "der", type: "pkcs8" })
  der.fill(0)
  return key
}

/** The public key of an X25519 scalar; both 32 bytes. [RFC 7748] 6.1 */
export function x25519Base(scalar: Uint8Array): Uint8Array<ArrayBuffer> {
  return publicPoint(createPublicKey(x25519PrivateKey(scalar)))
}

/**
 * X25519, [RFC 7748] 5. The scalar is clamped here.
 * @param scalar - 32 bytes
 * @param point - 32 bytes
 * @returns 32 bytes, or null when they would all be zero (the point is of low order)
 */
export function x25519(scalar: Uint8Array, point: Uint8Array): Secret<"shared secret"> | null {
  return agree(x25519PrivateKey(scalar), point)
}

/** `x25519` for a scalar that is used again and again: making the key of it costs ten times what agreeing does. */
export function x25519Key(scalar: Uint8Array): (point: Uint8Array) => Secret<"shared secret"> | null {
  const key = x25519PrivateKey(scalar)
  return (point) => agree(key, point)
}

/**
 * Agrees with a point by a key that is made for it and forgotten.
 * @param point - 32 bytes
 * @returns the key's own point and the shared secret, 32 bytes each; null when the point is of low order
 */
export function x25519Ephemeral(point: Uint8Array): { share: Uint8Array; shared: Secret<"shared secret"> } | null {
  // A generated key costs a tenth of one that is made of bytes.
  const { privateKey, publicKey } = generateKeyPairSync("x25519")
  const shared = agree(privateKey, point)
  return shared === null ? null : { share: publicPoint(publicKey), shared }
}

function agree(privateKey: KeyObject, point: Uint8Array): Secret<"shared secret"> | null {
  // [RFC 8037] 2: as a JWK, a point is read ten times faster than as DER.
  const jwk = { kty: "OKP", crv: "X25519", x: Buffer.from(point).toString("base64url") }
  const publicKey = createPublicKey({ key: jwk, format: "jwk" })
  try {
    return Secret.owning("shared secret", plain(diffieHellman({ privateKey, publicKey })))
  } catch {
    return null
  }
}

function publicPoint(key: KeyObject): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(Buffer.from(key.export({ format: "jwk" }).x ?? "", "base64url"))
}
