/**
 * The steps of HPKE in base mode that age's tagged and hybrid recipients need, with HKDF-SHA256 and ChaCha20Poly1305.
 * [RFC 9180]. A key encapsulation mechanism gives the shared secret; the key schedule makes a key and a nonce of it, used once.
 */
import { chacha20poly1305Open, chacha20poly1305Seal, hkdfExpand, hkdfExtract } from "#primitives"
import { concat } from "../apdu/tlv.ts"
import { Secret } from "../secret.ts"
import { fileKeyLength } from "./file-key.ts"
import type { FileKey } from "./stanza.ts"

/** [RFC 9180] 7.1 and [draft-ietf-hpke-pq-03] 4: identifiers of key encapsulation mechanisms. */
export const kemIds = { dhkemP256: 0x0010, mlkem768P256: 0x0050, mlkem768X25519: 0x647a } as const

const ascii = new TextEncoder()
const version = ascii.encode("HPKE-v1")
const empty = new Uint8Array(0)
/** [RFC 9180] 7.2, 7.3: HKDF-SHA256 is 1, ChaCha20Poly1305 is 3. */
const kdfAndAead = Uint8Array.of(0, 1, 0, 3)

function u16(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value & 0xff)
}

/** [RFC 9180] 4, LabeledExtract. @returns 32 bytes */
function labeledExtract(suite: Uint8Array, salt: Uint8Array, label: string, ikm: Uint8Array): Uint8Array {
  const labeled = concat(version, suite, ascii.encode(label), ikm)
  const prk = hkdfExtract(salt, labeled)
  labeled.fill(0)
  return prk
}

/** [RFC 9180] 4, LabeledExpand. */
function labeledExpand(
  suite: Uint8Array,
  prk: Uint8Array,
  label: string,
  info: Uint8Array,
  length: number,
): Uint8Array {
  return hkdfExpand(prk, concat(u16(length), version, suite, ascii.encode(label), info), length)
}

/**
 * The shared secret of DHKEM(P-256, HKDF-SHA256), from a Diffie-Hellman value that a card or an ephemeral key computed.
 * [RFC 9180] 4.1, ExtractAndExpand.
 * @param dh - the x coordinate, 32 bytes; it is disposed of
 * @param enc - the ephemeral point, 65 bytes, uncompressed
 * @param recipient - the recipient's point, 65 bytes, uncompressed
 */
export function dhkemP256SharedSecret(
  dh: Secret<"shared secret">,
  enc: Uint8Array,
  recipient: Uint8Array,
): Secret<"shared secret"> {
  using owned = dh
  const suite = concat(ascii.encode("KEM"), u16(kemIds.dhkemP256))
  const prk = owned.use((bytes) => labeledExtract(suite, empty, "eae_prk", bytes))
  const shared = labeledExpand(suite, prk, "shared_secret", concat(enc, recipient), 32)
  prk.fill(0)
  return Secret.owning("shared secret", shared)
}

/**
 * The key and nonce of the first and only message. [RFC 9180] 5.1, KeySchedule in mode_base: no PSK, sequence number 0.
 * @returns key (32 bytes) and base nonce (12 bytes), to be zeroed by the caller
 */
export function keySchedule(
  kemId: number,
  sharedSecret: Secret<"shared secret">,
  info: Uint8Array,
): { key: Uint8Array; nonce: Uint8Array } {
  const suite = concat(ascii.encode("HPKE"), u16(kemId), kdfAndAead)
  const pskIdHash = labeledExtract(suite, empty, "psk_id_hash", empty)
  const infoHash = labeledExtract(suite, empty, "info_hash", info)
  const context = concat(Uint8Array.of(0), pskIdHash, infoHash)
  const secret = sharedSecret.use((bytes) => labeledExtract(suite, bytes, "secret", empty))
  const key = labeledExpand(suite, secret, "key", context, 32)
  const nonce = labeledExpand(suite, secret, "base_nonce", context, 12)
  secret.fill(0)
  return { key, nonce }
}

/**
 * Seals a file key under a shared secret. [RFC 9180] 6.1, SealBase with an empty aad.
 * @param sharedSecret - of the mechanism `kemId`; it is disposed of
 * @returns 32 bytes
 */
export function hpkeSealFileKey(
  kemId: number,
  sharedSecret: Secret<"shared secret">,
  info: Uint8Array,
  fileKey: FileKey,
): Uint8Array {
  using owned = sharedSecret
  const { key, nonce } = keySchedule(kemId, owned, info)
  const sealed = fileKey.use((bytes) => chacha20poly1305Seal(key, nonce, bytes))
  key.fill(0)
  return sealed
}

/**
 * Opens a file key under a shared secret. [RFC 9180] 6.1, OpenBase with an empty aad.
 * @param sharedSecret - of the mechanism `kemId`; it is disposed of
 * @param sealed - 32 bytes; the caller has checked that
 * @returns null when it was sealed with another secret, or changed
 */
export function hpkeOpenFileKey(
  kemId: number,
  sharedSecret: Secret<"shared secret">,
  info: Uint8Array,
  sealed: Uint8Array,
): FileKey | null {
  using owned = sharedSecret
  if (sealed.length !== fileKeyLength + 16)
    throw new RangeError(`"sealed" expected ${fileKeyLength + 16} bytes, got ${sealed.length}`)
  const { key, nonce } = keySchedule(kemId, owned, info)
  const bytes = chacha20poly1305Open(key, nonce, sealed)
  key.fill(0)
  return bytes === null ? null : Secret.owning("file key", bytes)
}
