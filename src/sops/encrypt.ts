/** Makes encrypted files, from plain documents or from changed ones. Pure but for the wrapping of the data key. */
import { type DataKey, encryptValue, type IvStash } from "./cipher.ts"
import { type KeyWrapper, newDataKey, requireWrappable, wrapDataKey } from "./data-key.ts"
import { AlreadyEncrypted, ValueUnsupported } from "./failures.ts"
import type { EncryptedFile } from "./file.ts"
import { formatVersion, type KeyGroup, type Metadata, metadataKey, writeMetadata } from "./metadata.ts"
import { writeMetadataLike } from "./metadata-layout.ts"
import { seal } from "./seal.ts"
import { compileSelection, defaultSelection, type Selection } from "./selection.ts"
import { indentOf } from "./splice.ts"
import type { Layout, Store } from "./stores/store.ts"
import { decodeText } from "./text.ts"
import type { Documents } from "./tree.ts"

/** For whom and how a new file is encrypted. */
export type EncryptionWish = Readonly<{
  groups: readonly KeyGroup[]
  /** 0 for all groups. */
  shamirThreshold: number
  /** Null for the default, `_unencrypted`; without meaning for the binary format. */
  selection: Selection | null
  macOnlyEncrypted: boolean
}>

/** Seconds count: RFC 3339 in UTC. */
export function timeText(now: Date): string {
  return `${now.toISOString().slice(0, 19)}Z`
}

/**
 * Encrypts plain documents with a new data key.
 * @param store - of what is written; its format may be another than that of what was read
 * @param input - of what was read: binary input is one value, encrypted whatever it is called
 * @throws AlreadyEncrypted, ValueUnsupported, KeyTypeUnsupported, SelectionInvalid, and what `wrap` throws
 */
export async function encryptNew(
  documents: Documents,
  { store, input, layout }: { store: Store; input: Store; layout?: Layout },
  wish: EncryptionWish,
  wrap: KeyWrapper,
  now: Date,
): Promise<Uint8Array> {
  requireDocument(documents)
  if (store.holdsMetadata(documents)) throw new AlreadyEncrypted(metadataKey)
  requireWrappable(wish.groups, wish.shamirThreshold)
  const binary = input.format === "binary"
  const selection: Selection = binary ? { rule: "everything" } : (wish.selection ?? defaultSelection)
  const macOnlyEncrypted = binary ? false : wish.macOnlyEncrypted
  const selector = await compileSelection(selection)
  using key = newDataKey()
  const groups = await wrapDataKey(key, wish.groups, wish.shamirThreshold, wrap)
  const lastModified = timeText(now)
  return seal(documents, store, layout, { key, selector, macOnlyEncrypted }, (mac) =>
    writeMetadata({
      groups,
      shamirThreshold: thresholdOf(groups.length, wish.shamirThreshold),
      lastModified,
      mac: encryptValue({ type: "str", value: mac }, key, lastModified),
      selection,
      macOnlyEncrypted,
      version: formatVersion,
    }),
  )
}

/** @throws ValueUnsupported for a file without a document, which nothing could be read from again */
export function requireDocument(documents: Documents): void {
  if (documents.length === 0)
    throw new ValueUnsupported("the file is empty: it must hold at least one document", {
      hint: "an empty map, {}, will do",
    })
}

/** sops writes the threshold that was asked for even where there is one group. */
function thresholdOf(groups: number, asked: number): number {
  return groups > 1 && asked === 0 ? groups : asked
}

/** What of a file's metadata a change brings with it. */
export type MetadataChange = Partial<Pick<Metadata, "groups" | "shamirThreshold" | "version">>

/**
 * Encrypts changed documents again, into the file that they came from.
 * @param bytes - of the file, for its indentation
 * @param key - the file's data key; or a new one, with `change.groups` that wrap it
 * @param ivs - from decrypting the file: values that stay keep their ciphertext
 * @param store - to write another format than the file has
 * @param indent - spaces a level, where they are to be others than the file has
 */
export async function encryptAgain(
  bytes: Uint8Array,
  file: EncryptedFile,
  documents: Documents,
  key: DataKey,
  {
    ivs,
    now,
    change = {},
    store = file.store,
    indent = store === file.store ? (indentOf(decodeText(bytes), store.format) ?? undefined) : undefined,
  }: { ivs: IvStash; now: Date; change?: MetadataChange; store?: Store | undefined; indent?: number | undefined },
): Promise<Uint8Array> {
  requireDocument(documents)
  if (store.holdsMetadata(documents)) throw new AlreadyEncrypted(metadataKey)
  if (store.format === "binary") requireOneValue(documents, store, file)
  const selector = await compileSelection(selectionOf(file))
  const { macOnlyEncrypted } = file.metadata
  const lastModified = timeText(now)
  return seal(documents, store, { indent }, { key, selector, macOnlyEncrypted, ivs }, (mac) => {
    const sealed = encryptValue({ type: "str", value: mac }, key, lastModified, ivs)
    return writeMetadataLike({ ...file.metadata, ...change, lastModified, mac: sealed }, file.written)
  })
}

/**
 * A binary file is its one value: without it, it could never be decrypted to bytes again, and nothing ever shows what stands beside it.
 * What sops has put there stays.
 * @throws ValueUnsupported
 */
function requireOneValue(documents: Documents, store: Store, file: EncryptedFile): void {
  store.emit(documents)
  const entries = ([first]: Documents): number => first?.items.filter((item) => item.type === "entry").length ?? 0
  if (entries(documents) > (file.store.format === "binary" ? entries(file.documents) : 1))
    throw new ValueUnsupported('a binary file has no values but the one under "data"', {
      hint: `set '["data"]' for all that is in it, or name another format with --output-type`,
    })
}

/** A binary file names no rule, and needs none. */
function selectionOf({ store, metadata }: EncryptedFile): Selection {
  return store.format === "binary" ? { rule: "everything" } : metadata.selection
}
