/** Gives a file a new data key, so that who once had the old one reads nothing that is written from now on. [sops] cmd/sops/rotate.go. */
import { IvStash } from "./cipher.ts"
import { type KeyWrapper, newDataKey, wrapDataKey } from "./data-key.ts"
import { encryptAgain } from "./encrypt.ts"
import type { EncryptedFile } from "./file.ts"
import type { KeyGroup } from "./metadata.ts"
import type { Store } from "./stores/store.ts"
import type { Documents } from "./tree.ts"

/**
 * Encrypts a file's documents under a new data key. All values, IVs and `enc` are new.
 * @param bytes - of the file, for its layout
 * @param documents - decrypted from it
 * @param recipients - the groups that are to open it; those of the file, if it is to stay as it is
 * @param store - to write another format than the file has
 * @param indent - spaces a level, where they are to be others than the file has
 * @throws KeyTypeUnsupported before anything is wrapped, and what `wrap` throws
 */
export async function rotateFile(
  bytes: Uint8Array,
  file: EncryptedFile,
  documents: Documents,
  recipients: { groups: readonly KeyGroup[]; shamirThreshold: number },
  wrap: KeyWrapper,
  now: Date,
  { store, indent }: Readonly<{ store?: Store | undefined; indent?: number | undefined }> = {},
): Promise<Uint8Array> {
  using key = newDataKey()
  const { shamirThreshold } = recipients
  const groups = await wrapDataKey(key, recipients.groups, shamirThreshold, wrap)
  const change = { groups, shamirThreshold }
  return await encryptAgain(bytes, file, documents, key, { ivs: new IvStash(), now, change, store, indent })
}
