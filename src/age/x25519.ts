/** The X25519 recipient type, age's own. [C2SP age]: C2SP/age.md, "The X25519 recipient type". */
import { hkdfSha256, randomBytes, x25519Base, x25519Ephemeral, x25519Key } from "#primitives"
import { concat } from "../apdu/tlv.ts"
import { Secret } from "../secret.ts"
import { encodeBase64 } from "./base64.ts"
import { decodeBech32, encodeBech32 } from "./bech32.ts"
import { IdentityInvalid, RecipientInvalid, StanzaMalformed } from "./failures.ts"
import { openFileKey, sealedFileKeyLength, sealFileKey } from "./file-key.ts"
import type { Identity, Match, Recipient } from "./identity.ts"
import { matchStanzas } from "./match.ts"
import { binaryArgument, expectShape, type FileKey, type Stanza } from "./stanza.ts"

const type = "X25519"
const recipientHrp = "age"
const identityHrp = "AGE-SECRET-KEY-"
const info = new TextEncoder().encode("age-encryption.org/v1/X25519")

function wrapKey(shared: Secret<"shared secret">, share: Uint8Array, recipient: Uint8Array): Uint8Array {
  using owned = shared
  return owned.use((bytes) => hkdfSha256(bytes, concat(share, recipient), info, 32))
}

/** An `age1…` recipient. */
export class X25519Recipient implements Recipient {
  readonly labels: readonly string[] = []
  readonly text: string
  readonly #point: Uint8Array

  /** @param point - 32 bytes */
  constructor(point: Uint8Array) {
    if (point.length !== 32) throw new RangeError(`"point" expected 32 bytes, got ${point.length}`)
    this.#point = point.slice()
    this.text = encodeBech32(recipientHrp, point)
  }

  /** @throws RecipientInvalid */
  static parse(text: string): X25519Recipient {
    const decoded = decodeBech32(text)
    if (decoded === null) throw new RecipientInvalid("recipient is not valid Bech32: mistyped, or cut short")
    if (decoded.hrp !== recipientHrp || decoded.bytes.length !== 32)
      throw new RecipientInvalid("recipient is not an X25519 one of age (age1 and 58 characters)")
    return new X25519Recipient(decoded.bytes)
  }

  /** @throws RecipientInvalid when the recipient is a point of low order */
  wrapFileKey(fileKey: FileKey): Promise<Stanza[]> {
    const ephemeral = x25519Ephemeral(this.#point)
    if (ephemeral === null)
      return Promise.reject(new RecipientInvalid("recipient is a point of low order, which protects nothing"))
    const { share, shared } = ephemeral
    const body = sealFileKey(wrapKey(shared, share, this.#point), fileKey)
    return Promise.resolve([{ args: [type, encodeBase64(share)], body }])
  }
}

/** An `AGE-SECRET-KEY-1…` identity. */
export class X25519Identity implements Identity {
  readonly label: string
  readonly recipient: X25519Recipient
  readonly recipients: readonly string[]
  readonly #scalar: Secret<"age key">
  readonly #point: Uint8Array
  /** Made when it is first wanted: most identities of a run open nothing. */
  #agree: ReturnType<typeof x25519Key> | undefined

  /**
   * @param scalar - 32 bytes, clamped where it is used
   * @param label - what prompts and failures call it; its recipient by default
   */
  constructor(scalar: Secret<"age key">, label?: string) {
    if (scalar.length !== 32) throw new RangeError(`"scalar" expected 32 bytes, got ${scalar.length}`)
    this.#scalar = scalar
    this.#point = scalar.use(x25519Base)
    this.recipient = new X25519Recipient(this.#point)
    this.recipients = [this.recipient.text]
    this.label = label ?? `age key ${this.recipient.text}`
  }

  /** @throws IdentityInvalid, without the text */
  static parse(text: string, label?: string): X25519Identity {
    const decoded = decodeBech32(text)
    if (decoded === null) throw new IdentityInvalid("identity is not valid Bech32: mistyped, or cut short")
    if (decoded.hrp !== identityHrp || decoded.bytes.length !== 32)
      throw new IdentityInvalid("identity is not an X25519 one of age (AGE-SECRET-KEY-1 and 58 characters)")
    return new X25519Identity(Secret.owning("age key", decoded.bytes), label)
  }

  /** A fresh one. */
  static generate(): X25519Identity {
    return new X25519Identity(Secret.owning("age key", randomBytes(32)))
  }

  /** The secret key as text, for the file that it is kept in. */
  revealText(): string {
    return this.#scalar.use((scalar) => encodeBech32(identityHrp, scalar))
  }

  match(stanzas: readonly Stanza[]): Match {
    return matchStanzas(stanzas, type, (stanza) => {
      parse(stanza)
      return true
    })
  }

  /** @throws StanzaMalformed */
  unwrapFileKey(stanzas: readonly Stanza[]): Promise<FileKey | null> {
    return new Promise((resolve) => resolve(this.#unwrap(stanzas)))
  }

  #unwrap(stanzas: readonly Stanza[]): FileKey | null {
    const shares = stanzas
      .filter((stanza) => stanza.args[0] === type)
      .map((stanza) => ({ share: parse(stanza), body: stanza.body }))
    for (const { share, body } of shares) {
      this.#agree ??= this.#scalar.use(x25519Key)
      const shared = this.#agree(share)
      // [C2SP age]: "If the shared secret is all 0x00 bytes, the identity implementation MUST abort."
      if (shared === null) throw new StanzaMalformed(type, "the ephemeral share is a point of low order")
      const fileKey = openFileKey(wrapKey(shared, share, this.#point), body)
      if (fileKey !== null) return fileKey
    }
    return null
  }
}

function parse(stanza: Stanza): Uint8Array {
  expectShape(stanza, 1, sealedFileKeyLength)
  return binaryArgument(stanza, 1, 32)
}
