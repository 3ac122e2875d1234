/** SSH public keys: their lines and their wire form. [RFC 8709] 4 Ed25519, [RFC 4253] 6.6 RSA. */
import { sha256 } from "#primitives"
import { concat } from "../apdu/tlv.ts"
import { RecipientInvalid, RecipientUnsupported } from "./failures.ts"
import { WireReader, wireInteger, wireString } from "./ssh-wire.ts"

/** `wire` is what the line has in base64. */
export type Ed25519PublicKey = Readonly<{ type: "ssh-ed25519"; wire: Uint8Array; point: Uint8Array }>
/** Numbers are big endian. */
export type RsaPublicKey = Readonly<{ type: "ssh-rsa"; wire: Uint8Array; modulus: Uint8Array; exponent: Uint8Array }>
/** A key of a type that age knows. */
export type SshPublicKey = Ed25519PublicKey | RsaPublicKey

const ascii = new TextEncoder()

/** The wire form of an Ed25519 point of 32 bytes. */
export function ed25519PublicKey(point: Uint8Array): Ed25519PublicKey {
  const type = "ssh-ed25519"
  return { type, wire: concat(wireString(ascii.encode(type)), wireString(point)), point }
}

/** The wire form of an RSA key. */
export function rsaPublicKey(modulus: Uint8Array, exponent: Uint8Array): RsaPublicKey {
  const type = "ssh-rsa"
  const wire = concat(wireString(ascii.encode(type)), wireInteger(exponent), wireInteger(modulus))
  return { type, wire, modulus, exponent }
}

/** @returns the type and, when it is one that age knows, the key; null when the bytes are malformed */
export function readSshPublicKey(wire: Uint8Array): { type: string; key: SshPublicKey | null } | null {
  const reader = new WireReader(wire)
  const type = reader.text()
  if (type === null || !/^[!-~]+$/.test(type)) return null
  if (type === "ssh-ed25519") {
    const point = reader.string()
    return point?.length === 32 && reader.rest.length === 0 ? { type, key: { type, wire, point } } : null
  }
  if (type === "ssh-rsa") {
    const exponent = reader.integer()
    const modulus = reader.integer()
    if (exponent === null || modulus === null || modulus.length === 0 || reader.rest.length > 0) return null
    return { type, key: { type, wire, modulus, exponent } }
  }
  return { type, key: null }
}

/**
 * Reads a line of the form `TYPE BASE64 [COMMENT]`, as in `id_ed25519.pub`.
 * @throws RecipientInvalid when it is malformed, RecipientUnsupported when age does not know its type
 */
export function parseSshPublicLine(line: string): SshPublicKey {
  const [named, encoded] = line.trim().split(/[ \t]+/)
  const read = readSshPublicKey(decodeStandardBase64(encoded ?? "") ?? new Uint8Array(0))
  if (read === null || read.type !== named) throw new RecipientInvalid("SSH public key is malformed, or cut short")
  if (read.key === null) throw new RecipientUnsupported(read.type)
  return read.key
}

/** Base64 with padding; null when it is not canonical. */
export function decodeStandardBase64(text: string): Uint8Array | null {
  const bytes = new Uint8Array(Buffer.from(text, "base64"))
  return Buffer.from(bytes).toString("base64") === text ? bytes : null
}

/** `TYPE BASE64`, without a comment. */
export function sshPublicLine(key: SshPublicKey): string {
  return `${key.type} ${Buffer.from(key.wire).toString("base64")}`
}

/** The tag by which stanzas name a key: the first 4 bytes of the SHA-256 of its wire form. */
export function sshTag(key: SshPublicKey): Uint8Array {
  return sha256(key.wire).subarray(0, 4)
}
