/** Decrypting a whole SOPS file with an unlock session: which format, which key, which part. */
import type { KeyPath } from "../failure.ts"
import type { UnlockSession } from "../keyring/unlock-session.ts"
import { openDataKey } from "./data-key.ts"
import { decryptFile, printDecrypted, readEncrypted } from "./file.ts"
import { formatOfEncrypted, formatOfName, notEncrypted, sniffEncrypted, storeOf } from "./format.ts"
import { sessionOpener } from "./session-opener.ts"
import type { Format } from "./stores/store.ts"

export type DecryptSopsOptions = Readonly<{
  /** The file's name, which tells its format where `inputFormat` does not. */
  path?: string | undefined
  inputFormat?: Format | undefined
  outputFormat?: Format | undefined
  /** A path into the first document: a text comes bare, all else in the format. */
  extract?: KeyPath
  /** Decrypts values that no MAC proves; each is still authenticated at its place. */
  ignoreMac?: boolean
  /** Spaces a level of YAML (4 unless given) and JSON (-1, a tab). */
  indent?: number | undefined
}>

/**
 * Decrypts a SOPS file, and prints it as `sops decrypt` does.
 * @param bytes - the encrypted file, whole
 * @throws NotEncrypted, SyntaxInvalid, MetadataInvalid, DataKeyUnavailable, ValueDamaged, MacMismatch, KeyPathMissing
 */
export async function decryptSops(
  bytes: Uint8Array,
  session: UnlockSession,
  { path, inputFormat, outputFormat, extract = [], ignoreMac = false, indent }: DecryptSopsOptions = {},
): Promise<Uint8Array> {
  const named = path === undefined ? "binary" : formatOfName(path)
  const format = inputFormat ?? formatOfEncrypted(path, bytes) ?? named
  // A name that says nothing, on content that says nothing: to call it broken JSON would help nobody.
  if (inputFormat === undefined && format === "binary" && sniffEncrypted(bytes) === null) throw notEncrypted(bytes)
  const file = await readEncrypted(bytes, format)
  using key = await openDataKey(file.metadata, await sessionOpener(file.metadata, session))
  const documents = await decryptFile(file, key, { ignoreMac })
  const store = outputFormat === undefined ? file.store : await storeOf(outputFormat)
  return printDecrypted(documents, store, { extract, indent })
}
