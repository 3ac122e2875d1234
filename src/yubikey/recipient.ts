/** Recipients of keys on YubiKeys. `age1yubikey1…` and `age1tag1…` hold the same 33 bytes, so each can be turned into the other. */
import { p256Decompress } from "#primitives"
import { decodeBech32, encodeBech32 } from "../age/bech32.ts"
import { RecipientInvalid } from "../age/failures.ts"
import type { Recipient } from "../age/identity.ts"
import type { FileKey, Stanza } from "../age/stanza.ts"
import { wrapP256Tag } from "./p256tag.ts"
import { compressed, recipientTag, wrapPivP256 } from "./piv-p256.ts"

/** Which stanza a recipient is encrypted to. */
export type RecipientKind = "piv-p256" | "p256tag"

const hrps: Readonly<Record<RecipientKind, string>> = { "piv-p256": "age1yubikey", p256tag: "age1tag" }

/** A P-256 key on a YubiKey, or on anything else that speaks either stanza. */
export class YubiKeyRecipient implements Recipient {
  readonly labels: readonly string[] = []
  readonly kind: RecipientKind
  readonly text: string
  /** 65 bytes, uncompressed. */
  readonly point: Uint8Array

  /** @param point - 65 bytes, uncompressed, on the curve */
  constructor(point: Uint8Array, kind: RecipientKind) {
    this.point = point
    this.kind = kind
    this.text = encodeBech32(hrps[kind], compressed(point))
  }

  /** Whether a recipient string is of one of the two kinds, well formed or not. */
  static isText(text: string): boolean {
    return Object.values(hrps).some((hrp) => text.toLowerCase().startsWith(`${hrp}1`))
  }

  /**
   * Reads `age1yubikey1…` or `age1tag1…`.
   * @throws RecipientInvalid
   */
  static parse(text: string): YubiKeyRecipient {
    const decoded = decodeBech32(text)
    if (decoded === null) throw new RecipientInvalid("recipient is not valid Bech32: mistyped, or cut short")
    const kind = decoded.hrp === hrps["piv-p256"] ? "piv-p256" : decoded.hrp === hrps.p256tag ? "p256tag" : null
    const point = p256Decompress(decoded.bytes)
    if (kind === null || point === null)
      throw new RecipientInvalid("recipient is not a P-256 key (age1yubikey1 or age1tag1, and a point of the curve)")
    return new YubiKeyRecipient(point, kind)
  }

  /** The tag that stubs and piv-p256 stanzas name the key by, 4 bytes. */
  get tag(): Uint8Array {
    return recipientTag(this.point)
  }

  /** The same key as the other kind of recipient. */
  as(kind: RecipientKind): YubiKeyRecipient {
    return new YubiKeyRecipient(this.point, kind)
  }

  wrapFileKey(fileKey: FileKey): Promise<Stanza[]> {
    return Promise.resolve([
      this.kind === "piv-p256" ? wrapPivP256(this.point, fileKey) : wrapP256Tag(this.point, fileKey),
    ])
  }
}
