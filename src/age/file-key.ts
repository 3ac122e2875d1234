/** The file key, and how a 32-byte wrap key seals it. [C2SP age] "File key"; ChaCha20-Poly1305 with a nonce of zeroes. */
import { chacha20poly1305Open, chacha20poly1305Seal, randomBytes } from "#primitives"
import { Secret } from "../secret.ts"
import type { FileKey } from "./stanza.ts"

/** Length of a file key in bytes. */
export const fileKeyLength = 16
/** Length of a sealed file key in bytes: the key and a tag. */
export const sealedFileKeyLength = fileKeyLength + 16

const zeroNonce = new Uint8Array(12)

/** A fresh file key; never used for two files. */
export function generateFileKey(): FileKey {
  return Secret.owning("file key", randomBytes(fileKeyLength))
}

/**
 * Seals a file key. The wrap key is used this once and zeroed.
 * @param wrapKey - 32 bytes
 * @returns 32 bytes
 */
export function sealFileKey(wrapKey: Uint8Array, fileKey: FileKey): Uint8Array<ArrayBuffer> {
  const sealed = fileKey.use((bytes) => chacha20poly1305Seal(wrapKey, zeroNonce, bytes))
  wrapKey.fill(0)
  return sealed
}

/**
 * Opens a sealed file key. The wrap key is used this once and zeroed.
 * @param sealed - 32 bytes; the caller has checked that, so that its failure can name the stanza
 * @returns null when it was sealed with another key, or changed
 */
export function openFileKey(wrapKey: Uint8Array, sealed: Uint8Array): FileKey | null {
  if (sealed.length !== sealedFileKeyLength)
    throw new RangeError(`"sealed" expected ${sealedFileKeyLength} bytes, got ${sealed.length}`)
  const bytes = chacha20poly1305Open(wrapKey, zeroNonce, sealed)
  wrapKey.fill(0)
  return bytes === null ? null : Secret.owning("file key", bytes)
}
