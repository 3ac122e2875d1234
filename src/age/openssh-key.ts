/**
 * OpenSSH's private key files. [PROTOCOL.key]: openssh-portable, PROTOCOL.key; [PROTOCOL.chacha20poly1305] in the same place.
 * The public key stands in clear, so that a key is asked for its passphrase only when it fits.
 */
import { createDecipheriv, type DecipherGCM } from "node:crypto"
import { quote } from "../quote.ts"
import { IdentityInvalid, PassphraseRefused } from "./failures.ts"
import type { Passphrase } from "./passphrase.ts"
import { readSshPublicKey } from "./ssh-public-key.ts"
import { WireReader } from "./ssh-wire.ts"

/** Lengths in bytes. `mode` says how the tag, if any, is made. */
type Cipher = Readonly<{ algorithm: string; key: number; iv: number; mode: "plain" | "gcm" | "chacha20-poly1305" }>

const ciphers = new Map<string, Cipher>([
  ...[128, 192, 256].flatMap((bits): [string, Cipher][] =>
    ["ctr", "cbc"].map((mode) => [
      `aes${bits}-${mode}`,
      { algorithm: `aes-${bits}-${mode}`, key: bits / 8, iv: 16, mode: "plain" },
    ]),
  ),
  ...[128, 256].map((bits): [string, Cipher] => [
    `aes${bits}-gcm@openssh.com`,
    { algorithm: `aes-${bits}-gcm`, key: bits / 8, iv: 12, mode: "gcm" },
  ]),
  ["3des-cbc", { algorithm: "des-ede3-cbc", key: 24, iv: 8, mode: "plain" }],
  ["chacha20-poly1305@openssh.com", { algorithm: "chacha20", key: 64, iv: 0, mode: "chacha20-poly1305" }],
])
const tagLength = 16
/** OpenSSH writes 16 or 24 rounds; each takes some 10 ms. */
const mostRounds = 1000

/** A key file that was read and not yet opened. */
export type OpenSshKey = Readonly<{
  /** The type and wire form of the public key; types that age does not know as well. */
  publicKey: NonNullable<ReturnType<typeof readSshPublicKey>>
  encrypted: boolean
  /**
   * The private fields: in [PROTOCOL.key], what stands behind the two check numbers. To be zeroed by the caller.
   * @throws PassphraseRefused when the passphrase is wrong or missing, IdentityInvalid when the file is malformed
   */
  open(passphrase: Passphrase | null): Promise<Uint8Array>
}>

const magic = "openssh-key-v1\0"

/**
 * Reads the bytes between the BEGIN and END lines.
 * @throws IdentityInvalid
 */
export function readOpenSshKey(bytes: Uint8Array): OpenSshKey {
  const reader = new WireReader(bytes)
  if (Buffer.from(reader.take(magic.length) ?? []).toString("latin1") !== magic) throw malformed()
  const cipherName = reader.text()
  const kdfName = reader.text()
  const kdfOptions = reader.string()
  const count = reader.number()
  const wire = reader.string()
  const sealed = reader.string()
  if (cipherName === null || kdfName === null || kdfOptions === null || wire === null || sealed === null || count !== 1)
    throw malformed()
  const publicKey = readSshPublicKey(wire)
  if (publicKey === null) throw malformed()
  const tag = reader.rest
  if (cipherName === "none")
    return { publicKey, encrypted: false, open: () => Promise.resolve(checked(sealed.slice(), malformed)) }

  const cipher = ciphers.get(cipherName)
  const kdf = new WireReader(kdfOptions)
  const salt = kdf.string()
  const rounds = kdf.number()
  if (cipher === undefined)
    throw new IdentityInvalid(`SSH key is encrypted with ${quote(cipherName, 40)}, which is not known`)
  if (kdfName !== "bcrypt" || salt === null || rounds === null || rounds > mostRounds) throw malformed()
  return {
    publicKey,
    encrypted: true,
    open: async (passphrase) => {
      if (passphrase === null) throw new PassphraseRefused("SSH key is protected by a passphrase, and none was given")
      const derived = await deriveKey(passphrase, salt, rounds, cipher.key + cipher.iv)
      const opened = await decrypt(cipher, derived, sealed, tag)
      derived.fill(0)
      if (opened === null) throw wrongPassphrase()
      return checked(opened, wrongPassphrase)
    },
  }
}

function malformed(): IdentityInvalid {
  return new IdentityInvalid("SSH private key is malformed, or cut short")
}

function wrongPassphrase(): PassphraseRefused {
  return new PassphraseRefused("wrong passphrase for the SSH key")
}

/** The two check numbers are equal when it was decrypted rightly. */
function checked(opened: Uint8Array, failure: () => Error): Uint8Array {
  const reader = new WireReader(opened)
  const first = reader.number()
  if (first === null || first !== reader.number()) throw failure()
  return reader.rest
}

async function deriveKey(
  passphrase: Passphrase,
  salt: Uint8Array,
  rounds: number,
  length: number,
): Promise<Uint8Array> {
  // A CommonJS module: bundled, it has no named exports.
  const { default: bcrypt } = await import("bcrypt-pbkdf")
  const key = new Uint8Array(length)
  const done = passphrase.use((bytes) => bcrypt.pbkdf(bytes, bytes.length, salt, salt.length, key, length, rounds))
  if (done !== 0) throw malformed()
  return key
}

async function decrypt(
  cipher: Cipher,
  derived: Uint8Array,
  sealed: Uint8Array,
  tag: Uint8Array,
): Promise<Uint8Array | null> {
  if (tag.length !== (cipher.mode === "plain" ? 0 : tagLength)) throw malformed()
  const key = derived.subarray(0, cipher.key)
  const iv = derived.subarray(cipher.key)
  if (cipher.mode === "chacha20-poly1305") return decryptChacha(key, sealed, tag)
  try {
    const decipher = createDecipheriv(cipher.algorithm, key, iv)
    if (cipher.mode === "gcm") authenticate(decipher, tag)
    else decipher.setAutoPadding(false)
    const opened = decipher.update(sealed)
    return new Uint8Array(Buffer.concat([opened, decipher.final()]))
  } catch {
    // A tag that does not match, or a length that is no multiple of the block's: there is nothing more to say about either.
    return null
  }
}

function authenticate(decipher: object, tag: Uint8Array): void {
  if (isGcm(decipher)) decipher.setAuthTag(tag)
}

function isGcm(decipher: object): decipher is DecipherGCM {
  return "setAuthTag" in decipher
}

/**
 * [PROTOCOL.chacha20poly1305]: the first 32 bytes of the key are the main one; block 0 of its stream, with nonce 0, keys Poly1305 over
 * the ciphertext, without the padding and lengths of [RFC 8439]; the text begins with block 1.
 */
async function decryptChacha(key: Uint8Array, sealed: Uint8Array, tag: Uint8Array): Promise<Uint8Array | null> {
  const { poly1305 } = await import("@noble/ciphers/_poly1305.js")
  const stream = createDecipheriv("chacha20", key.subarray(0, 32), new Uint8Array(16))
  const block = stream.update(new Uint8Array(64))
  const expected = poly1305(sealed, block.subarray(0, 32))
  block.fill(0)
  if (!Buffer.from(expected).equals(tag)) return null
  return new Uint8Array(stream.update(sealed))
}
