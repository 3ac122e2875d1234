/** SSH private keys of every form that people have: OpenSSH's own, and PEM (PKCS #1, PKCS #8), with a passphrase or without. */
import { createPrivateKey, type KeyObject } from "node:crypto"
import { x25519Base } from "#primitives"
import { Secret } from "../secret.ts"
import { edwardsScalar, edwardsToMontgomery } from "./edwards.ts"
import { IdentityInvalid, PassphraseRefused } from "./failures.ts"
import { readOpenSshKey } from "./openssh-key.ts"
import type { Passphrase } from "./passphrase.ts"
import {
  decodeStandardBase64,
  type Ed25519PublicKey,
  ed25519PublicKey,
  type RsaPublicKey,
  rsaPublicKey,
  type SshPublicKey,
} from "./ssh-public-key.ts"
import { WireReader } from "./ssh-wire.ts"

/** An opened key. The seed is 32 bytes. */
export type SshPrivateKey = Readonly<
  | { type: "ssh-ed25519"; publicKey: Ed25519PublicKey; seed: Secret<"SSH key"> }
  | { type: "ssh-rsa"; publicKey: RsaPublicKey; key: KeyObject }
>

/** A key file that was read and not yet opened. */
export type SshKeyFile = Readonly<{
  /** Null when the file does not tell before it is opened: PEM with a passphrase. */
  publicKey: SshPublicKey | null
  encrypted: boolean
  /** @throws PassphraseRefused, IdentityInvalid */
  open(passphrase: Passphrase | null): Promise<SshPrivateKey>
}>

const pem = /^-----BEGIN ([A-Z0-9 ]*PRIVATE KEY)-----\r?\n([\s\S]*?)-----END \1-----/m
const unsupported = "SSH key is of a type that age does not know: only Ed25519 and RSA can be used"

/** Whether the text is an SSH private key rather than age identities. */
export function looksLikeSshPrivateKey(text: string): boolean {
  return pem.test(text)
}

/**
 * Reads a private key file.
 * @throws IdentityInvalid when it is malformed, or of a type that age does not know
 */
export function readSshPrivateKey(text: string): SshKeyFile {
  const [, label = "", body = ""] = pem.exec(text) ?? []
  if (label === "OPENSSH PRIVATE KEY") return fromOpenSsh(body)
  if (label === "") throw new IdentityInvalid("SSH private key is malformed, or cut short")
  const encrypted = label === "ENCRYPTED PRIVATE KEY" || /^Proc-Type: *4, *ENCRYPTED/m.test(body)
  if (encrypted) return { publicKey: null, encrypted, open: (passphrase) => openPem(text, passphrase) }
  const opened = fromKeyObject(parsePem(text, undefined))
  return { publicKey: opened.publicKey, encrypted, open: () => Promise.resolve(opened) }
}

function fromOpenSsh(body: string): SshKeyFile {
  const bytes = decodeStandardBase64(body.replace(/[\r\n]/g, ""))
  if (bytes === null) throw new IdentityInvalid("SSH private key is not canonical base64")
  const file = readOpenSshKey(bytes)
  const publicKey = file.publicKey.key
  if (publicKey === null) throw new IdentityInvalid(unsupported)
  return {
    publicKey,
    encrypted: file.encrypted,
    open: async (passphrase) => {
      const fields = await file.open(passphrase)
      const key = readFields(fields, publicKey)
      fields.fill(0)
      return key
    },
  }
}

/** [PROTOCOL.key]: the type, the fields of the type, a comment. */
function readFields(fields: Uint8Array, publicKey: SshPublicKey): SshPrivateKey {
  const reader = new WireReader(fields)
  const type = reader.text()
  if (type !== publicKey.type) throw new IdentityInvalid("SSH private key does not belong to the public key beside it")
  return publicKey.type === "ssh-ed25519" ? ed25519Fields(reader, publicKey) : rsaFields(reader, publicKey)
}

function ed25519Fields(reader: WireReader, publicKey: Ed25519PublicKey): SshPrivateKey {
  const point = reader.string()
  const pair = reader.string()
  if (point === null || pair?.length !== 64) throw new IdentityInvalid("SSH private key is malformed, or cut short")
  const seed = Secret.owning("SSH key", pair.slice(0, 32))
  // Another public key here would have the file's stanzas tried with the wrong secret.
  const scalar = seed.use(edwardsScalar)
  const own = x25519Base(scalar)
  scalar.fill(0)
  const claimed = edwardsToMontgomery(publicKey.point)
  if (claimed === null || !Buffer.from(own).equals(claimed) || !Buffer.from(point).equals(publicKey.point))
    throw new IdentityInvalid("SSH private key does not belong to the public key beside it")
  return { type: "ssh-ed25519", publicKey, seed }
}

function rsaFields(reader: WireReader, publicKey: RsaPublicKey): SshPrivateKey {
  const [n, e, d, qi, p, q] = [1, 2, 3, 4, 5, 6].map(() => reader.integer())
  if (!n || !e || !d || !qi || !p || !q) throw new IdentityInvalid("SSH private key is malformed, or cut short")
  if (!Buffer.from(n).equals(publicKey.modulus))
    throw new IdentityInvalid("SSH private key does not belong to the public key beside it")
  if ([p, q].some((prime) => toBigInt(prime) < 2n)) throw unfit()
  const exponent = (prime: Uint8Array): Uint8Array => fromBigInt(toBigInt(d) % (toBigInt(prime) - 1n))
  const jwk = { kty: "RSA", ...encoded({ n, e, d, p, q, qi, dp: exponent(p), dq: exponent(q) }) }
  return { type: "ssh-rsa", publicKey, key: jwkKey(jwk) }
}

function jwkKey(jwk: Record<string, string>): KeyObject {
  try {
    return createPrivateKey({ key: jwk, format: "jwk" })
  } catch (cause) {
    throw unfit(cause)
  }
}

function unfit(cause?: unknown): IdentityInvalid {
  return new IdentityInvalid("SSH private key has numbers that do not fit together", { cause })
}

function encoded(numbers: Record<string, Uint8Array>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(numbers).map(([name, bytes]) => [name, Buffer.from(bytes).toString("base64url")]),
  )
}

function toBigInt(bytes: Uint8Array): bigint {
  return bytes.length === 0 ? 0n : BigInt(`0x${Buffer.from(bytes).toString("hex")}`)
}

function fromBigInt(value: bigint): Uint8Array {
  const digits = value.toString(16)
  return Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, "hex")
}

function openPem(text: string, passphrase: Passphrase | null): Promise<SshPrivateKey> {
  if (passphrase === null)
    return Promise.reject(new PassphraseRefused("SSH key is protected by a passphrase, and none was given"))
  return new Promise((resolve) => {
    resolve(passphrase.use((bytes) => fromKeyObject(parsePem(text, Buffer.from(bytes)))))
  })
}

function parsePem(text: string, passphrase: Buffer | undefined): KeyObject {
  try {
    return createPrivateKey({ key: text, format: "pem", ...(passphrase === undefined ? {} : { passphrase }) })
  } catch (cause) {
    if (passphrase !== undefined) throw new PassphraseRefused("wrong passphrase for the SSH key", { cause })
    // The cause may quote the key.
    throw new IdentityInvalid("SSH private key is malformed, cut short, or of a type that is not known")
  } finally {
    passphrase?.fill(0)
  }
}

function fromKeyObject(key: KeyObject): SshPrivateKey {
  const jwk =
    key.asymmetricKeyType === "ed25519" || key.asymmetricKeyType === "rsa" ? key.export({ format: "jwk" }) : {}
  const field = (name: "x" | "d" | "n" | "e"): Uint8Array => new Uint8Array(Buffer.from(jwk[name] ?? "", "base64url"))
  if (key.asymmetricKeyType === "ed25519")
    return { type: "ssh-ed25519", publicKey: ed25519PublicKey(field("x")), seed: Secret.owning("SSH key", field("d")) }
  if (key.asymmetricKeyType === "rsa") return { type: "ssh-rsa", publicKey: rsaPublicKey(field("n"), field("e")), key }
  throw new IdentityInvalid(unsupported)
}
