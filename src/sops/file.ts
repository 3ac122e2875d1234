/** SOPS files as bytes: read, decrypted, printed. Pure but for what a key opener does. */
import { Failure, type KeyPath } from "../failure.ts"
import { type DataKey, decryptValue, type IvStash } from "./cipher.ts"
import { decryptDocuments } from "./crypt.ts"
import { type KeyOpener, openDataKey } from "./data-key.ts"
import { ConflictMarkers, MacMismatch, SharesInvalid, ValueDamaged, ValueUnsupported } from "./failures.ts"
import { foreign, storeOf } from "./format.ts"
import { valueAt } from "./key-path.ts"
import { type Metadata, readMetadata } from "./metadata.ts"
import { compileWritten } from "./selection.ts"
import type { Format, Layout, Store } from "./stores/store.ts"
import { encodeText } from "./text.ts"
import type { Branch, Documents } from "./tree.ts"

/** An encrypted file, as far as it can be read without a key. */
export type EncryptedFile = Readonly<{
  store: Store
  metadata: Metadata
  /** The metadata as it is written, in its own order. */
  written: Branch
  documents: Documents
}>

/**
 * Reads an encrypted file.
 * @throws SyntaxInvalid, ConflictMarkers, NotEncrypted, MetadataInvalid, SelectionInvalid
 */
export async function readEncrypted(bytes: Uint8Array, format: Format): Promise<EncryptedFile> {
  const other = foreign(bytes)
  if (other !== null) throw other
  const store = await storeOf(format)
  try {
    const { documents, metadata: written } = store.parseEncrypted(bytes)
    return { store, metadata: readMetadata(written), written, documents }
  } catch (failure) {
    throw conflictIn(bytes, failure) ?? failure
  }
}

/** What cannot be read because a merge stopped in it, says so; one marker that was left when the others were taken out is enough. */
function conflictIn(bytes: Uint8Array, failure: unknown): ConflictMarkers | null {
  if (!(failure instanceof Failure)) return null
  const lines = Buffer.from(bytes).toString("latin1").split("\n")
  const at = lines.findIndex((line) => /^(?:<{7}|>{7}|\|{7}) /.test(line))
  return at < 0 ? null : new ConflictMarkers(at + 1, failure)
}

/** `ignoreMac`: values that nothing proves are decrypted too; each is still authenticated at its place. `ivs` takes up the IVs. */
export type DecryptOptions = Readonly<{ ignoreMac?: boolean; ivs?: IvStash }>

/**
 * Decrypts a file with its data key, and proves it.
 * @throws ValueDamaged, MacMismatch; SharesInvalid when shares were put together to a key that fits nothing
 */
export async function decryptFile(
  file: EncryptedFile,
  key: DataKey,
  { ignoreMac = false, ivs }: DecryptOptions = {},
): Promise<Documents> {
  const { metadata } = file
  const selector = await compileWritten(metadata.selection)
  const expected = decryptMac(metadata, key, ivs)
  try {
    const { documents, mac } = decryptDocuments(file.documents, {
      key,
      selector,
      macOnlyEncrypted: metadata.macOnlyEncrypted,
      ...(ivs === undefined ? {} : { ivs }),
    })
    if (!ignoreMac) compareMacs(expected, mac)
    return documents
  } catch (failure) {
    if (metadata.groups.length > 1 && failure instanceof ValueDamaged && expected instanceof ValueDamaged) {
      throw new SharesInvalid("they do not make the data key of this file", {
        hint: "a key group was changed by hand, or taken from another file",
        cause: failure,
      })
    }
    throw failure
  }
}

/** Whether a data key is a file's own, as far as its MAC tells, which is encrypted with it. */
export function fitsKey({ metadata }: EncryptedFile, key: DataKey): boolean {
  return metadata.mac !== "" && typeof decryptMac(metadata, key) === "string"
}

/** The MAC that the file has; a failure for one that does not decrypt. */
function decryptMac(metadata: Metadata, key: DataKey, ivs?: IvStash): string | ValueDamaged {
  try {
    const mac = decryptValue(metadata.mac, key, metadata.lastModified, ["sops", "mac"], ivs)
    return mac.type === "str" ? mac.value : ""
  } catch (failure) {
    if (failure instanceof ValueDamaged) return failure
    throw failure
  }
}

function compareMacs(expected: string | ValueDamaged, computed: string): void {
  if (expected instanceof ValueDamaged)
    throw new MacMismatch("the MAC does not decrypt: it or lastmodified was changed")
  if (expected === "") throw new MacMismatch("the file has no MAC, so nothing proves its values")
  if (expected !== computed) {
    throw new MacMismatch("MAC does not match: values were changed outside sops, or a merge went wrong")
  }
}

/** Opens and decrypts a file in one go. @throws what `openDataKey` and `decryptFile` throw */
export async function openFile(
  file: EncryptedFile,
  opener: KeyOpener,
  options: DecryptOptions = {},
): Promise<Documents> {
  using key = await openDataKey(file.metadata, opener)
  return await decryptFile(file, key, options)
}

/**
 * Writes decrypted documents as `sops decrypt` prints them.
 * @param extract - a path into the first document: a text is printed bare, all else in the format
 * @throws ValueUnsupported for what the format cannot hold; KeyPathMissing
 */
export function printDecrypted(
  documents: Documents,
  store: Store,
  { extract = [], indent }: { extract?: KeyPath; indent?: number | undefined } = {},
): Uint8Array {
  const layout: Layout = { indent, hints: "as sops" }
  if (extract.length === 0) return store.emit(documents, layout)
  const [first, ...rest] = documents
  if (first === undefined) throw new ValueUnsupported("the file has no document")
  const value = valueAt(first, extract)
  if (value.type === "comment") throw new ValueUnsupported("this is a comment", { where: { keyPath: extract } })
  if (value.type === "map") return store.emit([value, ...rest], layout)
  return value.type === "str" ? encodeText(value.value) : store.emitValue(value, layout)
}
