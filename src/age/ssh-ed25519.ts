/**
 * Encryption to SSH's Ed25519 keys, as `age` does it. Not in [C2SP age]; [agessh]: filippo.io/age/agessh, and the age repository's
 * "SSH keys". It is X25519 with the shared secret multiplied by a scalar that depends on the SSH key.
 */
import { hkdfSha256, randomBytes, x25519, x25519Base } from "#primitives"
import { concat } from "../apdu/tlv.ts"
import { Secret } from "../secret.ts"
import { encodeBase64 } from "./base64.ts"
import { edwardsScalar, edwardsToMontgomery } from "./edwards.ts"
import { RecipientInvalid, StanzaMalformed, StanzaUndecryptable } from "./failures.ts"
import { openFileKey, sealedFileKeyLength, sealFileKey } from "./file-key.ts"
import type { Recipient } from "./identity.ts"
import { type Ed25519PublicKey, sshPublicLine, sshTag } from "./ssh-public-key.ts"
import { binaryArgument, expectShape, type FileKey, type Stanza } from "./stanza.ts"

const type = "ssh-ed25519"
const info = new TextEncoder().encode("age-encryption.org/v1/ssh-ed25519")
const empty = new Uint8Array(0)

/**
 * The wrap key of 32 bytes, or null when a point is of low order.
 * @param shared - X25519 of one side's scalar and the other's point; it is disposed of
 * @param share - the ephemeral point
 * @param point - the recipient's point, on Curve25519
 */
function wrapKey(
  shared: Secret<"shared secret"> | null,
  share: Uint8Array,
  point: Uint8Array,
  wire: Uint8Array,
): Uint8Array | null {
  if (shared === null) return null
  using owned = shared
  const tweak = hkdfSha256(empty, wire, info, 32)
  using tweaked = owned.use((bytes) => x25519(tweak, bytes))
  return tweaked?.use((bytes) => hkdfSha256(bytes, concat(share, point), info, 32)) ?? null
}

/** An `ssh-ed25519 AAAA…` recipient. */
export class SshEd25519Recipient implements Recipient {
  readonly labels: readonly string[] = []
  readonly text: string
  readonly #key: Ed25519PublicKey
  readonly #point: Uint8Array

  /** @throws RecipientInvalid when the key is no point on the curve */
  constructor(key: Ed25519PublicKey) {
    const point = edwardsToMontgomery(key.point)
    if (point === null) throw new RecipientInvalid("SSH public key is no point on its curve")
    this.#key = key
    this.#point = point
    this.text = sshPublicLine(key)
  }

  /** @throws RecipientInvalid when the key is a point of low order */
  wrapFileKey(fileKey: FileKey): Promise<Stanza[]> {
    using ephemeral = Secret.owning("ephemeral key", randomBytes(32))
    const share = ephemeral.use(x25519Base)
    const shared = ephemeral.use((scalar) => x25519(scalar, this.#point))
    const key = wrapKey(shared, share, this.#point, this.#key.wire)
    if (key === null)
      return Promise.reject(new RecipientInvalid("SSH public key is a point of low order, which protects nothing"))
    const args = [type, encodeBase64(sshTag(this.#key)), encodeBase64(share)]
    return Promise.resolve([{ args, body: sealFileKey(key, fileKey) }])
  }
}

/** What a stanza says: for whose key (4 bytes), and the ephemeral share (32). @throws StanzaMalformed */
export function parseSshEd25519Stanza(stanza: Stanza): { tag: Uint8Array; share: Uint8Array } {
  expectShape(stanza, 2, sealedFileKeyLength)
  return { tag: binaryArgument(stanza, 1, 4), share: binaryArgument(stanza, 2, 32) }
}

/**
 * Opens a stanza that names the key.
 * @param seed - of the Ed25519 key, 32 bytes
 * @param label - what the failure calls the key
 * @throws StanzaMalformed, StanzaUndecryptable
 */
export function openSshEd25519Stanza(
  stanza: Stanza,
  publicKey: Ed25519PublicKey,
  seed: Secret<"SSH key">,
  label: string,
): FileKey {
  const { share } = parseSshEd25519Stanza(stanza)
  using scalar = Secret.owning("X25519 key", seed.use(edwardsScalar))
  const point = scalar.use(x25519Base)
  const shared = scalar.use((bytes) => x25519(bytes, share))
  const key = wrapKey(shared, share, point, publicKey.wire)
  if (key === null) throw new StanzaMalformed(type, "the ephemeral share is a point of low order")
  const fileKey = openFileKey(key, stanza.body)
  if (fileKey === null) throw new StanzaUndecryptable(type, label)
  return fileKey
}
