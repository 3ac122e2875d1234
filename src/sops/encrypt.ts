/** Makes encrypted files, from plain documents or from changed ones. Pure but for the wrapping of the data key. */
import { Failure } from "../failure.ts"
import { type DataKey, encryptValue, type IvStash, looksEncrypted } from "./cipher.ts"
import { type Crypted, type CryptOptions, decryptDocuments, encryptDocuments } from "./crypt.ts"
import { type KeyWrapper, newDataKey, requireAge, wrapDataKey } from "./data-key.ts"
import { AlreadyEncrypted, ValueUnsupported } from "./failures.ts"
import type { EncryptedFile } from "./file.ts"
import { formatVersion, type KeyGroup, type Metadata, metadataKey, writeMetadata } from "./metadata.ts"
import { writeMetadataLike } from "./metadata-layout.ts"
import { compileSelection, defaultSelection, type Selection } from "./selection.ts"
import { indentOf } from "./splice.ts"
import type { Layout, Store } from "./stores/store.ts"
import { decodeText } from "./text.ts"
import type { Branch, Comment, Documents, Entry, Value } from "./tree.ts"

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
  const [first] = documents
  if (first === undefined) {
    throw new ValueUnsupported("the file is empty: it must hold at least one document", {
      hint: "an empty map, {}, will do",
    })
  }
  if (store.holdsMetadata(documents)) throw new AlreadyEncrypted(metadataKey)
  requireAge(wish.groups)
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

/**
 * Encrypts, writes, and reads again what was written before anybody gets it. Some documents change when they are read again: `-0.0`
 * comes back as an integer, a comment may move to a neighbour and then be authenticated under another key. Files of sops that are hit
 * by this cannot be decrypted; here such a document is settled first.
 */
function seal(
  documents: Documents,
  store: Store,
  layout: Layout | undefined,
  options: CryptOptions,
  describe: (mac: string) => Branch,
): Uint8Array {
  let candidate = documents
  let leastSealed = 0
  for (let tries = 0; tries < mostTries; tries++) {
    const { documents: encrypted, mac } = encryptDocuments(candidate, options)
    if (tries === 0) leastSealed = sealedTexts(encrypted)
    // Where a comment has come to say of more values that they stay plain, nothing is written.
    else if (sealedTexts(encrypted) < leastSealed) break
    const bytes = store.emitEncrypted({ documents: encrypted, metadata: describe(mac) }, layout)
    const back = readBack(bytes, store, options)
    // What is read back sealed would stay so for ever.
    const whole = back !== null && sealedTexts(back.documents) <= sealedTexts(documents)
    if (whole && back.mac === mac) return bytes
    candidate = !whole || tries === 0 ? store.parse(store.emit(candidate, layout)) : back.documents
  }
  throw new ValueUnsupported("cannot be encrypted so that it could be decrypted again: what is read back differs", {
    hint: "move or remove the comments near keys of several lines, and write numbers plainly",
  })
}

/** The second try settles what a plain file settles, the third what only the encrypted one does. */
const mostTries = 4

function readBack(bytes: Uint8Array, store: Store, { key, selector, macOnlyEncrypted }: CryptOptions): Crypted | null {
  try {
    return decryptDocuments(store.parseEncrypted(bytes).documents, { key, selector, macOnlyEncrypted })
  } catch (failure) {
    if (failure instanceof Failure) return null
    throw failure
  }
}

/** How many texts and comments look encrypted. */
function sealedTexts(documents: Documents): number {
  let count = 0
  const visit = (value: Value | Comment | Entry): void => {
    if (value.type === "entry") visit(value.value)
    else if (value.type === "map" || value.type === "list") value.items.forEach(visit)
    else if ((value.type === "comment" || value.type === "str") && looksEncrypted(value.value)) count += 1
  }
  documents.forEach(visit)
  return count
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
  if (store.holdsMetadata(documents)) throw new AlreadyEncrypted(metadataKey)
  // Without its one value, a binary file could never be decrypted to bytes again.
  if (store.format === "binary") store.emit(documents)
  const selector = await compileSelection(selectionOf(file))
  const { macOnlyEncrypted } = file.metadata
  const lastModified = timeText(now)
  return seal(documents, store, { indent }, { key, selector, macOnlyEncrypted, ivs }, (mac) => {
    const sealed = encryptValue({ type: "str", value: mac }, key, lastModified, ivs)
    return writeMetadataLike({ ...file.metadata, ...change, lastModified, mac: sealed }, file.written)
  })
}

/** A binary file names no rule, and needs none. */
function selectionOf({ store, metadata }: EncryptedFile): Selection {
  return store.format === "binary" ? { rule: "everything" } : metadata.selection
}
