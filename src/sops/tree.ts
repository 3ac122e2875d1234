/** A document as SOPS sees it, whatever its format: ordered maps, lists and leaves, with comments in their place. */

/** A value that can be encrypted. Integers are exact; `time` is RFC 3339 text as Go writes it; `null` is never encrypted. */
export type Leaf =
  | Readonly<{ type: "str" | "time"; value: string }>
  | Readonly<{ type: "int"; value: bigint }>
  | Readonly<{ type: "float"; value: number }>
  | Readonly<{ type: "bool"; value: boolean }>
  | Readonly<{ type: "null" }>

/** The text after `#`; `inline` when it stood on the line of the value that follows it in the tree. */
export type Comment = Readonly<{ type: "comment"; value: string; inline: boolean }>

/** A key that is no text (`1: x`), which SOPS can read and write but not encrypt. */
export type OddKey = Exclude<Leaf, { type: "str" }> | Readonly<{ type: "collection" }>

/** One key of a map and its value. Equal keys may occur twice where the format allows it. */
export type Entry = Readonly<{ type: "entry"; key: string | OddKey; value: Value }>

export type Branch = Readonly<{ type: "map"; items: readonly (Entry | Comment)[] }>
export type List = Readonly<{ type: "list"; items: readonly (Value | Comment)[] }>
export type Value = Leaf | Branch | List

/** A file's documents; all formats but YAML have exactly one. */
export type Documents = readonly Branch[]

export const NULL: Leaf = { type: "null" }

export function str(value: string): Leaf {
  return { type: "str", value }
}

export function comment(value: string, inline = false): Comment {
  return { type: "comment", value, inline }
}

export function entry(key: string | OddKey, value: Value): Entry {
  return { type: "entry", key, value }
}

export function branch(items: readonly (Entry | Comment)[]): Branch {
  return { type: "map", items }
}

export function list(items: readonly (Value | Comment)[]): List {
  return { type: "list", items }
}

/** The value of the first entry with this key. */
export function valueOf(map: Branch, key: string): Value | undefined {
  for (const item of map.items) if (item.type === "entry" && item.key === key) return item.value
  return undefined
}

/** Whether two values are the same. Comments count by their text; a map's order counts. */
export function sameValue(one: Value | Comment, other: Value | Comment): boolean {
  if (one.type === "map" || one.type === "list") {
    if (one.type !== other.type) return false
    const theirs: Branch["items"] | List["items"] = other.items
    return one.items.length === theirs.length && one.items.every((item, index) => sameItem(item, theirs[index]!))
  }
  if (one.type !== other.type) return false
  if (one.type === "null") return true
  return "value" in other && Object.is(one.value, other.value)
}

/** The same for all documents of a file. */
export function sameDocuments(one: Documents, other: Documents): boolean {
  return one.length === other.length && one.every((document, index) => sameValue(document, other[index]!))
}

function sameItem(one: Value | Comment | Entry, other: Value | Comment | Entry): boolean {
  if (one.type !== "entry") return other.type !== "entry" && sameValue(one, other)
  return other.type === "entry" && sameKey(one.key, other.key) && sameValue(one.value, other.value)
}

function sameKey(one: string | OddKey, other: string | OddKey): boolean {
  if (typeof one === "string" || typeof other === "string") return one === other
  if (one.type === "collection" || other.type === "collection") return one.type === other.type
  return sameValue(one, other)
}
