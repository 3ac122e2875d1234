/**
 * The `sops` part of a file: for whom the data key is wrapped, what is encrypted, and the MAC. Read in every form since sops 3.7.1,
 * written as 3.13 does. [sops] stores/stores.go, stores/metadata.go.
 */
import { quote } from "../quote.ts"
import { MetadataInvalid, SelectionInvalid } from "./failures.ts"
import { defaultSelection, type Selection, selectionRules } from "./selection.ts"
import { type Branch, branch, type Entry, entry, type List, list, str, type Value, valueOf } from "./tree.ts"
import { parseBool, parseInt64, plainText } from "./value.ts"
import { parseRfc3339 } from "./yaml/timestamp.ts"

/** A recipient and the data key (or this group's share of it) as an armored age file for it. */
export type AgeKey = Readonly<{ type: "age"; recipient: string; enc: string }>

/** Kinds of keys that only sops itself can use, in the order that sops lists them in. */
export const otherKeyTypes = ["kms", "gcp_kms", "hckms", "azure_kv", "hc_vault", "pgp"] as const

/** A key of another kind, carried along as it was read. */
export type OtherKey = Readonly<{ type: (typeof otherKeyTypes)[number]; fields: Branch }>

export type MasterKey = AgeKey | OtherKey
/** Any one key of a group opens the group. */
export type KeyGroup = readonly MasterKey[]

export type Metadata = Readonly<{
  groups: readonly KeyGroup[]
  /** How many groups are needed; 0 where there is one group, or where the file does not say (then all). */
  shamirThreshold: number
  /** RFC 3339, to the second. */
  lastModified: string
  /** ENC string; "" when there is none. */
  mac: string
  selection: Selection
  macOnlyEncrypted: boolean
  /** Of the sops that encrypted the file. */
  version: string
}>

/** The version that files of ours name: what they hold is what this version of sops writes. */
export const formatVersion = "3.13.3"

/** The key that metadata stands under. */
export const metadataKey = "sops"

/** How many groups open a file. */
export function groupsNeeded(metadata: Metadata): number {
  if (metadata.groups.length < 2) return 1
  return metadata.shamirThreshold > 0 ? metadata.shamirThreshold : metadata.groups.length
}

/** What a key is called in messages: the recipient, ARN, fingerprint, …; never a secret. */
export function keyName(key: MasterKey): string {
  if (key.type === "age") return key.recipient
  const names = ["arn", "resource_id", "key_id", "vault_url", "vault_address", "fp"]
  for (const name of names) {
    const value = valueOf(key.fields, name)
    if (value?.type === "str") return `${key.type} ${value.value}`
  }
  return key.type
}

/**
 * Reads metadata. Numbers and booleans may be written as text, as dotenv and ini have them; keys that are not known are let go of.
 * @throws MetadataInvalid, SelectionInvalid
 */
export function readMetadata(map: Branch): Metadata {
  const groups = readGroups(map)
  return {
    groups,
    shamirThreshold: readNumber(map, "shamir_threshold"),
    lastModified: readTime(map, "lastmodified"),
    mac: readText(map, "mac"),
    selection: readSelection(map),
    macOnlyEncrypted: readBoolean(map, "mac_only_encrypted"),
    version: readText(map, "version"),
  }
}

function readGroups(map: Branch): KeyGroup[] {
  const flat = readGroup(map, [])
  if (flat.length > 0) return [flat]
  const groups = readList(map, "key_groups", ["sops"]).map((group, index) => {
    if (group.type !== "map") throw new MetadataInvalid(`key_groups[${index}] is no map`)
    return readGroup(group, ["key_groups", index])
  })
  if (groups.length === 0) throw new MetadataInvalid("it names no keys, so nobody can open the file")
  return groups
}

function readGroup(map: Branch, where: readonly (string | number)[]): MasterKey[] {
  const keys: MasterKey[] = []
  for (const type of otherKeyTypes) {
    for (const fields of readList(map, type, where)) {
      if (fields.type !== "map") throw new MetadataInvalid(`an entry of ${type} is no map`)
      keys.push({ type, fields })
    }
  }
  for (const fields of readList(map, "age", where)) {
    if (fields.type !== "map") throw new MetadataInvalid("an entry of age is no map")
    keys.push({ type: "age", recipient: readText(fields, "recipient"), enc: readText(fields, "enc") })
  }
  return keys
}

/** Null counts as an empty list, a single map as a list of it. */
function readList(map: Branch, key: string, where: readonly (string | number)[]): Value[] {
  const value = valueOf(map, key)
  if (value === undefined || value.type === "null") return []
  if (value.type === "list") return value.items.filter((item) => item.type !== "comment")
  if (value.type === "map") return value.items.length === 0 ? [] : [value]
  if (value.type === "str" && value.value === "") return []
  throw new MetadataInvalid(`${quote([...where, key].join("."))} is no list`)
}

function readText(map: Branch, key: string): string {
  const value = valueOf(map, key)
  if (value === undefined || value.type === "null") return ""
  if (value.type === "map" || value.type === "list") throw new MetadataInvalid(`${quote(key)} is no text`)
  if (value.type === "bool") return value.value ? "1" : "0"
  return plainText(value) ?? ""
}

function readNumber(map: Branch, key: string): number {
  const value = valueOf(map, key)
  if (value === undefined || value.type === "null") return 0
  const text = readText(map, key)
  const number = value.type === "float" ? Math.trunc(value.value) : text === "" ? 0 : Number(parseInt64(text) ?? -1n)
  // What is no number at all (.nan) is not between them either.
  if (!(number >= 0 && number <= 255))
    throw new MetadataInvalid(`${quote(key)} is ${quote(text)}, not a number up to 255`)
  return number
}

function readBoolean(map: Branch, key: string): boolean {
  const value = valueOf(map, key)
  if (value === undefined || value.type === "null") return false
  if (value.type === "bool") return value.value
  if (value.type === "int") return value.value !== 0n
  const text = readText(map, key)
  const boolean = text === "" ? false : parseBool(text)
  if (boolean === null) throw new MetadataInvalid(`${quote(key)} is ${quote(text)}, neither true nor false`)
  return boolean
}

function readTime(map: Branch, key: string): string {
  const text = readText(map, key)
  const time = parseRfc3339(text)
  if (time === null) throw new MetadataInvalid(`${quote(key)} is ${quote(text)}, not a time like 2026-06-30T12:00:00Z`)
  return time.replace(/\.\d+/, "")
}

function readSelection(map: Branch): Selection {
  const given = selectionRules.filter((rule) => readText(map, rule) !== "")
  const [rule] = given
  if (rule === undefined) return defaultSelection
  if (given.length > 1) throw new SelectionInvalid(`sops metadata: ${given.join(" and ")} cannot be used together`)
  return { rule, text: readText(map, rule) }
}

/**
 * Writes metadata in the order of sops 3.13: all keys sorted. Keys of other kinds are as they were read.
 */
export function writeMetadata(metadata: Metadata): Branch {
  const fields = new Map<string, Value>()
  if (metadata.groups.length === 1) {
    for (const [key, value] of groupFields(metadata.groups[0]!)) fields.set(key, value)
  } else {
    fields.set("key_groups", list(metadata.groups.map(writeGroup)))
  }
  fields.set("lastmodified", str(metadata.lastModified))
  fields.set("mac", str(metadata.mac))
  fields.set("version", str(metadata.version))
  if (metadata.macOnlyEncrypted) fields.set("mac_only_encrypted", { type: "bool", value: true })
  if (metadata.shamirThreshold > 0) {
    fields.set("shamir_threshold", { type: "int", value: BigInt(metadata.shamirThreshold) })
  }
  const { selection } = metadata
  if (selection.rule !== "everything" && selection.text !== "") fields.set(selection.rule, str(selection.text))
  return sorted(fields)
}

/** In a list of groups, sops writes `age` and `hc_vault` even where they are empty. */
function writeGroup(group: KeyGroup): Branch {
  return sorted(new Map<string, Value>([["age", list([])], ["hc_vault", list([])], ...groupFields(group)]))
}

function groupFields(group: KeyGroup): [string, List][] {
  const fields: [string, List][] = []
  for (const type of ["age", ...otherKeyTypes] as const) {
    const keys = group.filter((key) => key.type === type)
    if (keys.length > 0) fields.push([type, list(keys.map(writeKey))])
  }
  return fields
}

function writeKey(key: MasterKey): Branch {
  return key.type === "age" ? branch([entry("enc", str(key.enc)), entry("recipient", str(key.recipient))]) : key.fields
}

function sorted(fields: ReadonlyMap<string, Value>): Branch {
  return branch(Array.from(fields, ([key, value]) => entry(key, value)).toSorted(byKey))
}

function byKey(one: Entry, other: Entry): number {
  return one.key < other.key ? -1 : 1
}
