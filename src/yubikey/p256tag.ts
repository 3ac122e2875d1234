/**
 * The tagged recipient of P-256. [C2SP age]: C2SP/age.md, "The tagged recipient types". [RFC 9180]: HPKE, base mode,
 * DHKEM(P-256, HKDF-SHA256), HKDF-SHA256, ChaCha20Poly1305, empty aad.
 *
 *     -> p256tag base64(tag, 4 bytes) base64(enc, 65 bytes uncompressed)
 *     HPKE ciphertext of the file key, 32 bytes
 *
 *     tag = first 4 bytes of HMAC-SHA-256(key = info, enc || first 4 bytes of SHA-256(recipient, 33 bytes compressed))
 *
 * The sample stanza in the specification follows an older formula (tag over the uncompressed point); age 1.3 and rage 0.12 follow the
 * formula above.
 */
import { hkdfExtract, p256IsPoint, p256KeyPair } from "#primitives"
import { encodeBase64 } from "../age/base64.ts"
import { StanzaMalformed } from "../age/failures.ts"
import { sealedFileKeyLength } from "../age/file-key.ts"
import { dhkemP256SharedSecret, hpkeOpenFileKey, hpkeSealFileKey, kemIds } from "../age/hpke.ts"
import { binaryArgument, expectShape, type FileKey, type Stanza } from "../age/stanza.ts"
import { concat } from "../apdu/tlv.ts"
import { type Agree, recipientTag, tagLength } from "./piv-p256.ts"

export const p256TagType = "p256tag"
const info = new TextEncoder().encode("age-encryption.org/p256tag")

/** A parsed stanza. `point`: the encapsulated key `enc`, 65 bytes, on the curve. */
export type P256TagStanza = Readonly<{
  type: typeof p256TagType
  tag: Uint8Array
  point: Uint8Array
  body: Uint8Array
}>

/** The tag of a stanza for the recipient whose own tag (as stubs hold it, 4 bytes) is given. */
export function stanzaTag(enc: Uint8Array, ownTag: Uint8Array): Uint8Array {
  return hkdfExtract(info, concat(enc, ownTag)).slice(0, tagLength)
}

/**
 * Reads a stanza.
 * @returns null when it is of another type
 * @throws StanzaMalformed when it is of this type and not as it must be
 */
export function parseP256Tag(stanza: Stanza): P256TagStanza | null {
  if (stanza.args[0] !== p256TagType) return null
  expectShape(stanza, 2, sealedFileKeyLength)
  const point = binaryArgument(stanza, 2, 65)
  if (!p256IsPoint(point)) throw new StanzaMalformed(p256TagType, "its encapsulated key is not a point of P-256")
  return { type: p256TagType, tag: binaryArgument(stanza, 1, tagLength), point, body: stanza.body }
}

/** Wraps a file key for a recipient. @param point - 65 bytes uncompressed, on the curve */
export function wrapP256Tag(point: Uint8Array, fileKey: FileKey): Stanza {
  const ephemeral = p256KeyPair()
  const dh = ephemeral.agree(point)
  if (dh === null) throw new RangeError('"point" expected a point of P-256')
  const enc = ephemeral.publicPoint
  const body = hpkeSealFileKey(kemIds.dhkemP256, dhkemP256SharedSecret(dh, enc, point), info, fileKey)
  return { args: [p256TagType, encodeBase64(stanzaTag(enc, recipientTag(point))), encodeBase64(enc)], body }
}

/**
 * Opens a file key.
 * @param ownPoint - the recipient, 65 bytes uncompressed
 * @returns null when the stanza was made for another key with the same tag, or was changed
 */
export async function unwrapP256Tag(
  stanza: P256TagStanza,
  ownPoint: Uint8Array,
  agree: Agree,
): Promise<FileKey | null> {
  const dh = await agree(stanza.point)
  const shared = dhkemP256SharedSecret(dh, stanza.point, ownPoint)
  return hpkeOpenFileKey(kemIds.dhkemP256, shared, info, stanza.body)
}
