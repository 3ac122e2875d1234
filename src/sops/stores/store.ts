/** What a file format has to be: a way between bytes and documents, with and without metadata. [sops] sops.go, `Store`. */
import { AlreadyEncrypted, MetadataInvalid, NotEncrypted } from "../failures.ts"
import { metadataKey } from "../metadata.ts"
import { type Branch, branch, type Comment, type Documents, type Entry, entry, list, type Value } from "../tree.ts"

export type Format = "yaml" | "json" | "dotenv" | "ini" | "binary"

/**
 * `indent`: spaces a level; for JSON, -1 is a tab. `hints`: YAML "as sops" has it byte for byte, though no parser then reads the same
 * texts and comments back, or "readable", as every file has to be that is to be read again.
 */
export type Layout = Readonly<{ indent?: number | undefined; hints?: "as sops" | "readable" | undefined }>

/** An encrypted file before its metadata is understood. */
export type Envelope = Readonly<{ documents: Documents; metadata: Branch }>

export type Store = Readonly<{
  format: Format
  /** @throws SyntaxInvalid, ValueUnsupported */
  parse(bytes: Uint8Array): Documents
  /** @throws ValueUnsupported for what the format cannot hold */
  emit(documents: Documents, layout?: Layout): Uint8Array
  /** @throws SyntaxInvalid; NotEncrypted without metadata; MetadataInvalid */
  parseEncrypted(bytes: Uint8Array): Envelope
  /** @throws AlreadyEncrypted when a key of the documents is the metadata's */
  emitEncrypted(envelope: Envelope, layout?: Layout): Uint8Array
  /** One value alone, as `--extract` prints maps, lists and numbers. @throws ValueUnsupported */
  emitValue(value: Value, layout?: Layout): Uint8Array
  /** Whether plain documents hold what would be taken for metadata. */
  holdsMetadata(documents: Documents): boolean
}>

function isMetadata(item: Entry | Comment): boolean {
  return item.type === "entry" && item.key === metadataKey
}

/** Takes the `sops` key out: out of every document, but it counts in the first only. */
export function takeMetadata(documents: Documents): Envelope {
  const found = documents[0]?.items.filter(isMetadata) ?? []
  const [first] = found
  if (first?.type !== "entry") throw new NotEncrypted()
  if (found.length > 1) throw new MetadataInvalid('the key "sops" occurs twice')
  if (first.value.type !== "map") throw new MetadataInvalid("it is no map")
  return {
    documents: documents.map((document) => branch(document.items.filter((item) => !isMetadata(item)))),
    metadata: lastOnly(first.value),
  }
}

/** Of keys that occur twice, as JSON may have them, the last counts, as in Go's maps. */
function lastOnly(map: Branch): Branch {
  const entries = new Map<Entry["key"], Entry>()
  for (const item of map.items) if (item.type === "entry") entries.set(item.key, entry(item.key, lastIn(item.value)))
  return branch([...entries.values()])
}

function lastIn(value: Value): Value {
  if (value.type === "map") return lastOnly(value)
  return value.type === "list"
    ? list(value.items.map((item) => (item.type === "comment" ? item : lastIn(item))))
    : value
}

/** Puts the `sops` key at the end of every document, as sops does. */
export function putMetadata({ documents, metadata }: Envelope): Documents {
  return documents.map((document) => {
    if (document.items.some(isMetadata)) throw new AlreadyEncrypted(metadataKey)
    return branch([...document.items, entry(metadataKey, metadata)])
  })
}

/** Whether a top-level key is the metadata's. */
export function hasMetadataKey(documents: Documents): boolean {
  return documents[0]?.items.some(isMetadata) ?? false
}
