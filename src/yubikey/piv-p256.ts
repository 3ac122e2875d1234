/**
 * The stanza of age-plugin-yubikey. Format: age-plugin-yubikey src/format.rs and src/p256.rs.
 *
 *     -> piv-p256 base64(tag, 4 bytes) base64(ephemeral point, 33 bytes compressed)
 *     ChaCha20-Poly1305 of the file key, 32 bytes
 *
 *     tag      = first 4 bytes of SHA-256(recipient, 33 bytes compressed)
 *     wrap key = HKDF-SHA-256(x-coordinate of ECDH, salt = ephemeral point || recipient, info = "piv-p256")
 */
import { hkdfSha256, p256Compress, p256Decompress, p256KeyPair, sha256 } from "#primitives"
import { encodeBase64 } from "../age/base64.ts"
import { StanzaMalformed } from "../age/failures.ts"
import { openFileKey, sealedFileKeyLength, sealFileKey } from "../age/file-key.ts"
import { binaryArgument, expectShape, type FileKey, type Stanza } from "../age/stanza.ts"
import { concat } from "../apdu/tlv.ts"
import type { Secret } from "../secret.ts"

export const pivP256Type = "piv-p256"
const info = new TextEncoder().encode("piv-p256")
export const tagLength = 4

/** Key agreement with a private key that lives elsewhere, on a card as a rule. */
export type Agree = (point: Uint8Array) => Promise<Secret<"shared secret">>

/** A parsed stanza. `share`: the ephemeral point, 33 bytes compressed; `point`: the same, 65 bytes, on the curve. */
export type PivP256Stanza = Readonly<{
  type: typeof pivP256Type
  tag: Uint8Array
  share: Uint8Array
  point: Uint8Array
  body: Uint8Array
}>

/** The tag of a recipient, which stubs hold too: 4 bytes. @param point - 65 bytes uncompressed, on the curve */
export function recipientTag(point: Uint8Array): Uint8Array {
  return sha256(compressed(point)).slice(0, tagLength)
}

/** 65 bytes to 33; the point is known to be on the curve. */
export function compressed(point: Uint8Array): Uint8Array {
  const short = p256Compress(point)
  if (short === null) throw new RangeError('"point" expected a point of P-256')
  return short
}

/**
 * Reads a stanza.
 * @returns null when it is of another type
 * @throws StanzaMalformed when it is of this type and not as it must be
 */
export function parsePivP256(stanza: Stanza): PivP256Stanza | null {
  if (stanza.args[0] !== pivP256Type) return null
  expectShape(stanza, 2, sealedFileKeyLength)
  const share = binaryArgument(stanza, 2, 33)
  const point = p256Decompress(share)
  if (point === null) throw new StanzaMalformed(pivP256Type, "its ephemeral key is not a point of P-256")
  return { type: pivP256Type, tag: binaryArgument(stanza, 1, tagLength), share, point, body: stanza.body }
}

function wrapKey(shared: Secret<"shared secret">, share: Uint8Array, recipient: Uint8Array): Uint8Array {
  using owned = shared
  return owned.use((bytes) => hkdfSha256(bytes, concat(share, recipient), info, 32))
}

/** Wraps a file key for a recipient. @param point - 65 bytes uncompressed, on the curve */
export function wrapPivP256(point: Uint8Array, fileKey: FileKey): Stanza {
  const ephemeral = p256KeyPair()
  const shared = ephemeral.agree(point)
  if (shared === null) throw new RangeError('"point" expected a point of P-256')
  const share = compressed(ephemeral.publicPoint)
  const body = sealFileKey(wrapKey(shared, share, compressed(point)), fileKey)
  return { args: [pivP256Type, encodeBase64(recipientTag(point)), encodeBase64(share)], body }
}

/**
 * Opens a file key.
 * @param ownPoint - the recipient, 65 bytes uncompressed
 * @returns null when the stanza was made for another key with the same tag, or was changed
 */
export async function unwrapPivP256(
  stanza: PivP256Stanza,
  ownPoint: Uint8Array,
  agree: Agree,
): Promise<FileKey | null> {
  const shared = await agree(stanza.point)
  return openFileKey(wrapKey(shared, stanza.share, compressed(ownPoint)), stanza.body)
}
