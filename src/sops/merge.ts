/**
 * Merges plain documents three-way, by key path: what one side changed is taken, whatever the other changed beside it. Documents are
 * returned, never changed.
 *
 * A map is merged key by key, each key with the comments above it: a comment may decide whether its value is encrypted, so none may come
 * to stand above another. A list is merged where the two sides changed different stretches of it.
 */
import type { KeyPath } from "../failure.ts"
import {
  type Branch,
  branch,
  type Comment,
  type Documents,
  entry,
  type List,
  list,
  sameDocuments,
  sameValue,
  type Value,
} from "./tree.ts"

/** What a side did to a value. */
export type Deed = "added" | "changed" | "removed"

/** A value that the two sides changed in different ways. `document` counts from 0; an empty path is the document itself. */
export type Conflict = Readonly<{ document: number; keyPath: KeyPath; ours: Deed; theirs: Deed }>

/** `documents` have our value wherever there is a conflict. */
export type MergedDocuments = Readonly<{ documents: Documents; conflicts: readonly Conflict[] }>

const nothing = branch([])

/**
 * @param base - what both sides come from; null when each made the file by itself
 * @param commentsSelect - comments say what is encrypted: then a comment and its value are merged as one
 */
export function mergeDocuments(
  base: Documents | null,
  ours: Documents,
  theirs: Documents,
  commentsSelect: boolean,
): MergedDocuments {
  const merge = new Merge(commentsSelect)
  const before = base ?? ours.map(() => nothing)
  if (before.length === ours.length && ours.length === theirs.length) {
    const documents = ours.map((own, index) => merge.document(index, before[index]!, own, theirs[index]!))
    return { documents, conflicts: merge.conflicts }
  }
  if (sameDocuments(before, theirs) || sameDocuments(ours, theirs)) return { documents: ours, conflicts: [] }
  if (sameDocuments(before, ours)) return { documents: theirs, conflicts: [] }
  // Which document became which is not known: only stretches of whole documents are taken.
  const documents = sideBySide(before, stretchOf(before, ours), stretchOf(before, theirs))
  if (documents !== null) return { documents, conflicts: [] }
  return { documents: ours, conflicts: [{ document: 0, keyPath: [], ours: "changed", theirs: "changed" }] }
}

type Maybe = Value | undefined

function same(one: Maybe, other: Maybe): boolean {
  return one === undefined || other === undefined ? one === other : sameValue(one, other)
}

class Merge {
  readonly conflicts: Conflict[] = []
  readonly #commentsSelect: boolean
  #document = 0

  constructor(commentsSelect: boolean) {
    this.#commentsSelect = commentsSelect
  }

  document(index: number, base: Branch, ours: Branch, theirs: Branch): Branch {
    this.#document = index
    const merged = this.#value(base, ours, theirs, [])
    if (merged?.type !== "map") throw new TypeError('"merged" expected a map')
    return merged
  }

  #value(base: Maybe, ours: Maybe, theirs: Maybe, path: KeyPath): Maybe {
    if (same(ours, theirs) || same(base, theirs)) return ours
    if (same(base, ours)) return theirs
    const merged = this.#collection(base, ours, theirs, path)
    return merged ?? this.#conflict(base, ours, theirs, path)
  }

  /** @returns our value */
  #conflict(base: Maybe, ours: Maybe, theirs: Maybe, keyPath: KeyPath): Maybe {
    const deed = (side: Maybe): Deed => (side === undefined ? "removed" : base === undefined ? "added" : "changed")
    this.conflicts.push({ document: this.#document, keyPath, ours: deed(ours), theirs: deed(theirs) })
    return ours
  }

  /** @returns null for what cannot be merged by its parts */
  #collection(base: Maybe, ours: Maybe, theirs: Maybe, path: KeyPath): Value | null {
    if (ours?.type === "map" && theirs?.type === "map")
      return this.#map(base?.type === "map" ? base : nothing, ours, theirs, path)
    if (base?.type === "list" && ours?.type === "list" && theirs?.type === "list" && !this.#commentsSelect)
      return this.#list(base.items, ours.items, theirs.items, path)
    return null
  }

  #map(baseMap: Branch, ourMap: Branch, theirMap: Branch, path: KeyPath): Branch | null {
    const base = partsOf(baseMap)
    const ours = partsOf(ourMap)
    const theirs = partsOf(theirMap)
    if (base === null || ours === null || theirs === null) return null
    const items = mergeOrder([...base.parts.keys()], [...ours.parts.keys()], [...theirs.parts.keys()]).flatMap(
      (key) => {
        const part = this.#part(base.parts.get(key), ours.parts.get(key), theirs.parts.get(key), [...path, key])
        return part === undefined ? [] : [...part.comments, entry(key, part.value)]
      },
    )
    return branch([...items, ...mergeComments(base.rest, ours.rest, theirs.rest)])
  }

  #part(base: Part | undefined, ours: Part | undefined, theirs: Part | undefined, path: KeyPath): Part | undefined {
    if (this.#commentsSelect && ours !== undefined && theirs !== undefined && !sameComments(ours, theirs)) {
      if (samePart(base, theirs)) return ours
      if (samePart(base, ours)) return theirs
      this.#conflict(base?.value, ours.value, theirs.value, path)
      return ours
    }
    const value = this.#value(base?.value, ours?.value, theirs?.value, path)
    if (value === undefined) return undefined
    if (ours === undefined || theirs === undefined) return { comments: (ours ?? theirs)?.comments ?? [], value }
    return { comments: mergeComments(base?.comments ?? [], ours.comments, theirs.comments), value }
  }

  #list(base: List["items"], ours: List["items"], theirs: List["items"], path: KeyPath): List | null {
    const own = stretchOf(base, ours)
    const other = stretchOf(base, theirs)
    const items = sideBySide(base, own, other)
    if (items !== null) return list(items)
    const at = own.start
    const [was, mine, yours] = [soleItem(own, base[at]), soleItem(own, own.items[0]), soleItem(other, other.items[0])]
    if (at !== other.start || was === null || mine === null || yours === null) return null
    const merged = this.#value(was, mine, yours, [...path, at])
    return list(ours.with(at, merged ?? mine))
  }
}

/** A value with the comments that stand before it. */
type Part = Readonly<{ comments: readonly Comment[]; value: Value }>

/** A map in parts, and the comments behind the last of them. */
type Parts = Readonly<{ parts: ReadonlyMap<string, Part>; rest: readonly Comment[] }>

/** @returns null for a map that has a key twice, or one that is no text */
function partsOf(map: Branch): Parts | null {
  const parts = new Map<string, Part>()
  let comments: Comment[] = []
  for (const item of map.items) {
    if (item.type === "comment") {
      comments.push(item)
      continue
    }
    if (typeof item.key !== "string" || parts.has(item.key)) return null
    parts.set(item.key, { comments, value: item.value })
    comments = []
  }
  return { parts, rest: comments }
}

function sameComments(one: Part, other: Part): boolean {
  return sameTexts(textsOf(one.comments), textsOf(other.comments))
}

function samePart(one: Part | undefined, other: Part): boolean {
  return one !== undefined && sameComments(one, other) && sameValue(one.value, other.value)
}

function textsOf(comments: readonly Comment[]): string[] {
  return comments.map(({ value }) => value)
}

function sameTexts(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((text, index) => text === other[index])
}

/** Ours without those that they removed, and theirs that are new; what stands on a line with the value stays next to it. */
function mergeComments(
  base: readonly Comment[],
  ours: readonly Comment[],
  theirs: readonly Comment[],
): readonly Comment[] {
  const [before, own, other] = [textsOf(base), textsOf(ours), textsOf(theirs)]
  if (sameTexts(own, other) || sameTexts(before, other)) return ours
  if (sameTexts(before, own)) return theirs
  const merged = [
    ...ours.filter(({ value }) => other.includes(value) || !before.includes(value)),
    ...theirs.filter(({ value }) => !own.includes(value) && !before.includes(value)),
  ]
  return [...merged.filter(({ inline }) => !inline), ...merged.filter(({ inline }) => inline)]
}

/**
 * The keys of both sides, in the order of the side that changed the order, else in ours; what the other side alone has comes behind the
 * key that it stands behind there, and behind what this side put there.
 */
function mergeOrder(base: readonly string[], ours: readonly string[], theirs: readonly string[]): readonly string[] {
  const [lead, other] = isReordered(base, theirs) && !isReordered(base, ours) ? [theirs, ours] : [ours, theirs]
  const inLead = new Set(lead)
  const inOther = new Set(other)
  const behind = new Map<string | undefined, string[]>()
  let shared: string | undefined
  for (const key of other) {
    if (inLead.has(key)) shared = key
    else if (!behind.has(shared)) behind.set(shared, [key])
    else behind.get(shared)?.push(key)
  }
  const order: (readonly string[])[] = []
  let waiting = behind.get(undefined) ?? []
  for (const key of lead) {
    if (inOther.has(key)) {
      order.push(waiting)
      waiting = behind.get(key) ?? []
    }
    order.push([key])
  }
  return [...order, waiting].flat()
}

function isReordered(base: readonly string[], side: readonly string[]): boolean {
  const [before, after] = [new Set(base), new Set(side)]
  return !sameTexts(
    base.filter((key) => after.has(key)),
    side.filter((key) => before.has(key)),
  )
}

type Items = List["items"]

/** A stretch of a list, from `start` up to `end`, and what a side has in its place. */
type Stretch<T extends Items[number] = Items[number]> = Readonly<{ start: number; end: number; items: readonly T[] }>

/** The shortest stretch that holds all that a side changed. */
function stretchOf<T extends Items[number]>(base: readonly T[], side: readonly T[]): Stretch<T> {
  const shorter = Math.min(base.length, side.length)
  let start = 0
  while (start < shorter && sameValue(base[start]!, side[start]!)) start += 1
  let tail = 0
  while (tail < shorter - start && sameValue(base[base.length - 1 - tail]!, side[side.length - 1 - tail]!)) tail += 1
  return { start, end: base.length - tail, items: side.slice(start, side.length - tail) }
}

/** @returns null for stretches that touch: two that were put in at one place have no order between them */
function sideBySide<T extends Items[number]>(
  base: readonly T[],
  own: Stretch<T>,
  other: Stretch<T>,
): readonly T[] | null {
  const [first, second] = own.start < other.start || own.end < other.end ? [own, other] : [other, own]
  if (first.end > second.start || first.start >= second.end) return null
  return [
    ...base.slice(0, first.start),
    ...first.items,
    ...base.slice(first.end, second.start),
    ...second.items,
    ...base.slice(second.end),
  ]
}

/** The value that a side changed in place, where it is the only one. */
function soleItem({ start, end, items }: Stretch, item: Value | Comment | undefined): Value | null {
  if (end - start !== 1 || items.length !== 1 || item === undefined || item.type === "comment") return null
  return item
}
