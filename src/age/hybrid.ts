/**
 * The post-quantum recipient type MLKEM768-X25519 (X-Wing). [C2SP age]: C2SP/age.md, "The MLKEM768-X25519 hybrid post-quantum
 * recipient type"; [draft-ietf-hpke-pq-03] 4. Its mathematics is loaded when a file wants it.
 */
import { randomBytes } from "#primitives"
import { Secret } from "../secret.ts"
import { encodeBase64 } from "./base64.ts"
import { decodeBech32, encodeBech32 } from "./bech32.ts"
import { IdentityInvalid, RecipientInvalid, StanzaMalformed } from "./failures.ts"
import { sealedFileKeyLength } from "./file-key.ts"
import { hpkeOpenFileKey, hpkeSealFileKey, kemIds } from "./hpke.ts"
import type { Identity, Match, Recipient } from "./identity.ts"
import { matchStanzas } from "./match.ts"
import { binaryArgument, expectShape, type FileKey, type Stanza } from "./stanza.ts"

const type = "mlkem768x25519"
const recipientHrp = "age1pq"
const identityHrp = "AGE-SECRET-KEY-PQ-"
const info = new TextEncoder().encode("age-encryption.org/mlkem768x25519")
const seedLength = 32
/** ML-KEM-768 encapsulation key (1184) and X25519 point (32). */
const publicLength = 1216
/** ML-KEM-768 ciphertext (1088) and X25519 share (32). */
const encLength = 1120

const loadKem = async () => (await import("@noble/post-quantum/hybrid.js")).XWing

/** An `age1pq1…` recipient. */
export class HybridRecipient implements Recipient {
  readonly labels: readonly string[] = ["postquantum"]
  readonly text: string
  readonly #publicKey: Uint8Array

  /** @param publicKey - 1216 bytes */
  constructor(publicKey: Uint8Array) {
    if (publicKey.length !== publicLength)
      throw new RangeError(`"publicKey" expected ${publicLength} bytes, got ${publicKey.length}`)
    this.#publicKey = publicKey.slice()
    this.text = encodeBech32(recipientHrp, publicKey)
  }

  /** @throws RecipientInvalid */
  static parse(text: string): HybridRecipient {
    const decoded = decodeBech32(text)
    if (decoded === null) throw new RecipientInvalid("recipient is not valid Bech32: mistyped, or cut short")
    if (decoded.hrp !== recipientHrp || decoded.bytes.length !== publicLength)
      throw new RecipientInvalid("recipient is not a post-quantum one of age (age1pq1 and 1,959 characters)")
    return new HybridRecipient(decoded.bytes)
  }

  /** @throws RecipientInvalid when the ML-KEM key is not reduced ([FIPS 203] 7.2), or the point is of low order */
  async wrapFileKey(fileKey: FileKey): Promise<Stanza[]> {
    const kem = await loadKem()
    const { cipherText, sharedSecret } = encapsulate(kem, this.#publicKey)
    const body = hpkeSealFileKey(kemIds.mlkem768X25519, Secret.owning("shared secret", sharedSecret), info, fileKey)
    return [{ args: [type, encodeBase64(cipherText)], body }]
  }
}

type Kem = Awaited<ReturnType<typeof loadKem>>

function encapsulate(kem: Kem, publicKey: Uint8Array): { cipherText: Uint8Array; sharedSecret: Uint8Array } {
  try {
    return kem.encapsulate(publicKey)
  } catch (cause) {
    throw new RecipientInvalid("recipient is not a usable post-quantum key", { cause })
  }
}

/** An `AGE-SECRET-KEY-PQ-1…` identity. */
export class HybridIdentity implements Identity {
  readonly label: string
  readonly #seed: Secret<"age key">

  /** @param seed - 32 bytes */
  constructor(seed: Secret<"age key">, label = "post-quantum age key") {
    if (seed.length !== seedLength) throw new RangeError(`"seed" expected ${seedLength} bytes, got ${seed.length}`)
    this.#seed = seed
    this.label = label
  }

  /** @throws IdentityInvalid, without the text */
  static parse(text: string, label?: string): HybridIdentity {
    const decoded = decodeBech32(text)
    if (decoded === null) throw new IdentityInvalid("identity is not valid Bech32: mistyped, or cut short")
    if (decoded.hrp !== identityHrp || decoded.bytes.length !== seedLength)
      throw new IdentityInvalid("identity is not a post-quantum one of age (AGE-SECRET-KEY-PQ-1 and 58 characters)")
    return new HybridIdentity(Secret.owning("age key", decoded.bytes), label)
  }

  /** A fresh one. */
  static generate(): HybridIdentity {
    return new HybridIdentity(Secret.owning("age key", randomBytes(seedLength)))
  }

  /** The secret key as text, for the file that it is kept in. */
  revealText(): string {
    return this.#seed.use((seed) => encodeBech32(identityHrp, seed))
  }

  /** The recipient that belongs to it; computed, hence a promise. */
  async recipient(): Promise<HybridRecipient> {
    const kem = await loadKem()
    return new HybridRecipient(this.#seed.use((seed) => kem.getPublicKey(seed)))
  }

  match(stanzas: readonly Stanza[]): Match {
    return matchStanzas(stanzas, type, (stanza) => {
      parse(stanza)
      return true
    })
  }

  /** @throws StanzaMalformed */
  async unwrapFileKey(stanzas: readonly Stanza[]): Promise<FileKey | null> {
    const wrapped = stanzas
      .filter((stanza) => stanza.args[0] === type)
      .map((stanza) => ({ enc: parse(stanza), body: stanza.body }))
    if (wrapped.length === 0) return null
    const kem = await loadKem()
    for (const { enc, body } of wrapped) {
      const shared = this.#seed.use((seed) => decapsulate(kem, enc, seed))
      const fileKey = hpkeOpenFileKey(kemIds.mlkem768X25519, shared, info, body)
      if (fileKey !== null) return fileKey
    }
    return null
  }
}

function decapsulate(kem: Kem, enc: Uint8Array, seed: Uint8Array): Secret<"shared secret"> {
  try {
    return Secret.owning("shared secret", kem.decapsulate(enc, seed))
  } catch (cause) {
    // ML-KEM itself refuses nothing of the right length: what is left is an X25519 share of low order.
    throw new StanzaMalformed(type, "the ephemeral share is a point of low order", cause)
  }
}

function parse(stanza: Stanza): Uint8Array {
  expectShape(stanza, 1, sealedFileKeyLength)
  return binaryArgument(stanza, 1, encLength)
}
