/** Encryption to SSH's RSA keys, as `age` does it: OAEP with SHA-256. [agessh]: filippo.io/age/agessh; [RFC 8017] 7.1. */
import { constants, createPublicKey, type KeyObject, privateDecrypt, publicEncrypt } from "node:crypto"
import { Secret } from "../secret.ts"
import { encodeBase64 } from "./base64.ts"
import { RecipientInvalid, StanzaMalformed, StanzaUndecryptable } from "./failures.ts"
import { fileKeyLength } from "./file-key.ts"
import type { Recipient } from "./identity.ts"
import { type RsaPublicKey, sshPublicLine, sshTag } from "./ssh-public-key.ts"
import { binaryArgument, type FileKey, type Stanza } from "./stanza.ts"

const type = "ssh-rsa"
const oaep = {
  padding: constants.RSA_PKCS1_OAEP_PADDING,
  oaepHash: "sha256",
  oaepLabel: Buffer.from("age-encryption.org/v1/ssh-rsa"),
} as const
/** `age` refuses to encrypt to less. */
const leastBits = 2048

/** An `ssh-rsa AAAA…` recipient. */
export class SshRsaRecipient implements Recipient {
  readonly labels: readonly string[] = []
  readonly text: string
  readonly #publicKey: RsaPublicKey
  readonly #key: KeyObject

  /** @throws RecipientInvalid when the key is too small, or no RSA key */
  constructor(publicKey: RsaPublicKey) {
    const bits = publicKey.modulus.length * 8 - Math.clz32(publicKey.modulus[0] ?? 0) + 24
    if (bits < leastBits) throw new RecipientInvalid(`SSH RSA key has ${bits} bits, at least ${leastBits} are needed`)
    this.#publicKey = publicKey
    this.#key = keyObject(publicKey)
    this.text = sshPublicLine(publicKey)
  }

  wrapFileKey(fileKey: FileKey): Promise<Stanza[]> {
    const body = fileKey.use((bytes) => new Uint8Array(publicEncrypt({ key: this.#key, ...oaep }, bytes)))
    return Promise.resolve([{ args: [type, encodeBase64(sshTag(this.#publicKey))], body }])
  }
}

function keyObject(key: RsaPublicKey): KeyObject {
  const number = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64url")
  try {
    return createPublicKey({ key: { kty: "RSA", n: number(key.modulus), e: number(key.exponent) }, format: "jwk" })
  } catch (cause) {
    throw new RecipientInvalid("SSH RSA key is not usable", { cause })
  }
}

/** The tag (4 bytes) of the key that a stanza is for. @throws StanzaMalformed */
export function parseSshRsaStanza(stanza: Stanza): { tag: Uint8Array } {
  if (stanza.args.length !== 2) throw new StanzaMalformed(type, `expected 1 argument, got ${stanza.args.length - 1}`)
  return { tag: binaryArgument(stanza, 1, 4) }
}

/**
 * Opens a stanza that names the key.
 * @throws StanzaMalformed, StanzaUndecryptable
 */
export function openSshRsaStanza(stanza: Stanza, key: KeyObject, label: string): FileKey {
  parseSshRsaStanza(stanza)
  let opened: Buffer
  try {
    opened = privateDecrypt({ key, ...oaep }, stanza.body)
  } catch (cause) {
    throw new StanzaUndecryptable(type, label, cause)
  }
  if (opened.length !== fileKeyLength) throw new StanzaMalformed(type, `the file key is ${opened.length} bytes long`)
  return Secret.owning("file key", new Uint8Array(opened.buffer, opened.byteOffset, opened.length))
}
