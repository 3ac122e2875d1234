/**
 * The private-key arithmetic of a PIV card, raw as the card does it: RSA without padding, ECDSA over a digest that somebody else
 * made, ECDH that gives the x-coordinate. Algorithm references: [800-78-4] table 6-2; the last four are Yubico's.
 */
import { constants, createECDH, createPrivateKey, createPublicKey, generateKeyPair, privateDecrypt } from "node:crypto"
import { promisify } from "node:util"
import { ed25519, x25519 } from "@noble/curves/ed25519.js"
import { p256, p384 } from "@noble/curves/nist.js"
import { concat, encodeTlv } from "../apdu/tlv.ts"

/** Algorithms of slot keys, with their references. */
export const keyAlgorithmReferences = {
  rsa1024: 0x06,
  rsa2048: 0x07,
  rsa3072: 0x05,
  rsa4096: 0x16,
  p256: 0x11,
  p384: 0x14,
  ed25519: 0xe0,
  x25519: 0xe1,
} as const
export type KeyAlgorithm = keyof typeof keyAlgorithmReferences

/** Algorithms of the management key: reference, key and block length in bytes, and OpenSSL's name. */
export const managementKeyAlgorithms = {
  "3des": { reference: 0x03, keyLength: 24, blockLength: 8, cipher: "des-ede3-ecb" },
  aes128: { reference: 0x08, keyLength: 16, blockLength: 16, cipher: "aes-128-ecb" },
  aes192: { reference: 0x0a, keyLength: 24, blockLength: 16, cipher: "aes-192-ecb" },
  aes256: { reference: 0x0c, keyLength: 32, blockLength: 16, cipher: "aes-256-ecb" },
} as const
export type ManagementKeyAlgorithm = keyof typeof managementKeyAlgorithms

/** The algorithm with this reference among those that a firmware has, or null. */
export function keyAlgorithmOf(reference: number, among: readonly KeyAlgorithm[]): KeyAlgorithm | null {
  return among.find((name) => keyAlgorithmReferences[name] === reference) ?? null
}

/**
 * A private key as the state keeps it: the scalar or seed of an elliptic curve key, PKCS #8 in DER of an RSA key.
 * `sign` and `agree` return null for input that the card refuses.
 */
type KeyKind = {
  generate(): Promise<Uint8Array>
  /** Takes the parts of an import by their tags, or null when they are not a key of this kind. */
  import(part: (tag: number) => Uint8Array | null): Uint8Array | null
  /** The public key as data objects: `86` a point, or `81` modulus and `82` exponent. */
  publicKey(privateKey: Uint8Array): Uint8Array
  subjectPublicKeyInfo(privateKey: Uint8Array): Uint8Array
  sign: ((privateKey: Uint8Array, input: Uint8Array) => Uint8Array | null) | null
  agree: ((privateKey: Uint8Array, peer: Uint8Array) => Uint8Array | null) | null
}

type CurveSpec = {
  curve: typeof p256
  name: "prime256v1" | "secp384r1"
  /** DER of SubjectPublicKeyInfo up to the point. */
  spkiHead: string
  length: number
}

function weierstrass(spec: CurveSpec): KeyKind {
  const publicPoint = (privateKey: Uint8Array) => spec.curve.getPublicKey(privateKey, false)
  return {
    generate: () => Promise.resolve(spec.curve.utils.randomSecretKey()),
    import: (part) => {
      const scalar = part(0x06)
      return scalar?.length === spec.length && spec.curve.utils.isValidSecretKey(scalar) ? scalar.slice() : null
    },
    publicKey: (privateKey) => encodeTlv(0x86, publicPoint(privateKey)),
    subjectPublicKeyInfo: (privateKey) => concat(Buffer.from(spec.spkiHead, "hex"), publicPoint(privateKey)),
    sign: (privateKey, digest) =>
      digest.length === 0 || digest.length > spec.length
        ? null
        : spec.curve.sign(padLeft(digest, spec.length), privateKey, { prehash: false, lowS: false, format: "der" }),
    agree: (privateKey, peer) => {
      if (peer.length !== 1 + 2 * spec.length || peer[0] !== 0x04) return null
      const ecdh = createECDH(spec.name)
      ecdh.setPrivateKey(privateKey)
      try {
        return Uint8Array.from(ecdh.computeSecret(peer))
      } catch {
        // OpenSSL refuses a point that is not on the curve; so does a YubiKey.
        return null
      }
    },
  }
}

function montgomeryOrEdwards(name: "ed25519" | "x25519"): KeyKind {
  const curve = name === "ed25519" ? ed25519 : x25519
  const importTag = name === "ed25519" ? 0x07 : 0x08
  // RFC 8410, 4: SEQUENCE { SEQUENCE { OID 1.3.101.112 or 110 }, BIT STRING } up to the key.
  const spkiHead = name === "ed25519" ? "302a300506032b6570032100" : "302a300506032b656e032100"
  return {
    generate: () => Promise.resolve(curve.utils.randomSecretKey()),
    import: (part) => {
      const seed = part(importTag)
      return seed?.length === 32 ? seed.slice() : null
    },
    publicKey: (privateKey) => encodeTlv(0x86, curve.getPublicKey(privateKey)),
    subjectPublicKeyInfo: (privateKey) => concat(Buffer.from(spkiHead, "hex"), curve.getPublicKey(privateKey)),
    sign: name === "ed25519" ? (privateKey, message) => ed25519.sign(message, privateKey) : null,
    agree:
      name === "x25519"
        ? (privateKey, peer) => {
            if (peer.length !== 32) return null
            try {
              return x25519.getSharedSecret(privateKey, peer)
            } catch {
              // A point of low order: the shared secret would be zero (RFC 7748, 6.1).
              return null
            }
          }
        : null,
  }
}

function rsa(bits: number): KeyKind {
  const load = (privateKey: Uint8Array) =>
    createPrivateKey({ key: Buffer.from(privateKey), format: "der", type: "pkcs8" })
  return {
    generate: async () => {
      const pair = await promisify(generateKeyPair)("rsa", { modulusLength: bits })
      return Uint8Array.from(pair.privateKey.export({ format: "der", type: "pkcs8" }))
    },
    import: (part) => importRsa(bits, part),
    publicKey: (privateKey) => {
      const { n = "", e = "" } = createPublicKey(load(privateKey)).export({ format: "jwk" })
      return concat(encodeTlv(0x81, Buffer.from(n, "base64url")), encodeTlv(0x82, Buffer.from(e, "base64url")))
    },
    subjectPublicKeyInfo: (privateKey) =>
      Uint8Array.from(createPublicKey(load(privateKey)).export({ format: "der", type: "spki" })),
    sign: (privateKey, block) => {
      if (block.length !== bits / 8) return null
      try {
        return Uint8Array.from(privateDecrypt({ key: load(privateKey), padding: constants.RSA_NO_PADDING }, block))
      } catch {
        // The number is not below the modulus.
        return null
      }
    },
    agree: null,
  }
}

/** p, q, dp, dq, 1/q mod p under tags 01 to 05; the public exponent is always 65537 ([YK] PIV commands, IMPORT). */
function importRsa(bits: number, part: (tag: number) => Uint8Array | null): Uint8Array | null {
  const parts = [0x01, 0x02, 0x03, 0x04, 0x05].map(part)
  const [p, q, dp, dq, qi] = parts
  if (!p || !q || !dp || !dq || !qi || parts.some((value) => value?.length !== bits / 16)) return null
  const [pn, qn] = [toNumber(p), toNumber(q)]
  const n = pn * qn
  const d = inverse(65537n, (pn - 1n) * (qn - 1n))
  if (d === null || n.toString(2).length !== bits) return null
  const text = (value: Uint8Array) => Buffer.from(value).toString("base64url")
  try {
    const jwk = {
      kty: "RSA",
      n: text(toBytes(n, bits / 8)),
      e: "AQAB",
      d: text(toBytes(d, bits / 8)),
      p: text(p),
      q: text(q),
      dp: text(dp),
      dq: text(dq),
      qi: text(qi),
    }
    return Uint8Array.from(createPrivateKey({ key: jwk, format: "jwk" }).export({ format: "der", type: "pkcs8" }))
  } catch {
    return null
  }
}

function toNumber(value: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(value).toString("hex") || "0"}`)
}

function toBytes(value: bigint, length: number): Uint8Array {
  return Uint8Array.from(Buffer.from(value.toString(16).padStart(2 * length, "0"), "hex"))
}

function inverse(value: bigint, modulus: bigint): bigint | null {
  if (modulus <= 1n) return null
  let [a, b, x, y] = [value % modulus, modulus, 1n, 0n]
  while (a > 1n && b > 0n) [a, b, x, y] = [b, a % b, y, x - (a / b) * y]
  return a === 1n ? ((x % modulus) + modulus) % modulus : null
}

function padLeft(value: Uint8Array, length: number): Uint8Array {
  return concat(new Uint8Array(length - value.length), value)
}

/** The arithmetic of each algorithm. */
export const keyKinds: Readonly<Record<KeyAlgorithm, KeyKind>> = {
  rsa1024: rsa(1024),
  rsa2048: rsa(2048),
  rsa3072: rsa(3072),
  rsa4096: rsa(4096),
  p256: weierstrass({
    curve: p256,
    name: "prime256v1",
    spkiHead: "3059301306072a8648ce3d020106082a8648ce3d030107034200",
    length: 32,
  }),
  p384: weierstrass({
    curve: p384,
    name: "secp384r1",
    spkiHead: "3076301006072a8648ce3d020106052b81040022036200",
    length: 48,
  }),
  ed25519: montgomeryOrEdwards("ed25519"),
  x25519: montgomeryOrEdwards("x25519"),
}
