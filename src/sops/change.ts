/** Sets and removes values in a document. [sops] sops.go, `Set` and `Unset`. Documents are returned, never changed. */
import type { KeyPath } from "../failure.ts"
import { KeyPathInvalid, KeyPathMissing, SetValueInvalid, SyntaxInvalid } from "./failures.ts"
import { parseJson } from "./stores/json-reader.ts"
import { type Branch, branch, type Comment, type Entry, entry, list, sameValue, type Value } from "./tree.ts"

type Item = Value | Comment

/**
 * Reads the value that `set` is given: JSON. Integers stay integers, where sops makes them floats.
 * @throws SetValueInvalid
 */
export function parseSetValue(text: string): Value {
  try {
    const { value, rest } = parseJson(text)
    if (rest) throw new SyntaxInvalid("JSON", "there is more after the value")
    return value
  } catch (failure) {
    throw failure instanceof SyntaxInvalid ? new SetValueInvalid(failure) : failure
  }
}

/**
 * Sets a value. Keys that are missing on the way are made; a position beyond the end of a list appends.
 * @param path - at least one step, the first a key
 * @throws KeyPathMissing when the path goes through a list by a key, or through a map by a position
 */
export function setValue(document: Branch, path: KeyPath, value: Value): { document: Branch; changed: boolean } {
  if (path.length === 0) throw new KeyPathInvalid("", "it has no steps")
  const result = setIn(document, path, 0, value)
  if (result.type !== "map") throw new KeyPathMissing("the document is a map, not a list", path.slice(0, 1))
  return { document: result, changed: !sameValue(document, result) }
}

function setIn(at: Item, path: KeyPath, depth: number, value: Value): Value {
  const step = path[depth]
  if (step === undefined) return value
  if (at.type === "map") {
    if (typeof step === "number") throw new KeyPathMissing("is a position, but this is a map", path.slice(0, depth + 1))
    const place = at.items.findIndex((item) => item.type === "entry" && item.key === step)
    const old = at.items[place]
    if (old?.type !== "entry") return branch([...at.items, entry(step, build(path, depth + 1, value))])
    const next = setIn(old.value, path, depth + 1, value)
    const items = at.items.with(place, entry(step, next))
    return branch(isCollection(next) && !isCollection(old.value) ? liftComments(items, place) : items)
  }
  if (at.type === "list") {
    if (typeof step === "string") throw new KeyPathMissing("is a key, but this is a list", path.slice(0, depth + 1))
    const old = at.items[step]
    if (old === undefined) return list([...at.items, build(path, depth + 1, value)])
    return list(at.items.with(step, setIn(old, path, depth + 1, value)))
  }
  // A value that is no collection gives way.
  return build(path, depth, value)
}

function isCollection(value: Item): boolean {
  return value.type === "map" || value.type === "list"
}

/** A comment at the end of a value's line goes above it when the value gets lines of its own. */
function liftComments(items: readonly (Entry | Comment)[], place: number): (Entry | Comment)[] {
  const lifted = [...items]
  for (let at = place - 1; at >= 0; at--) {
    const item = lifted[at]!
    if (item.type !== "comment") break
    lifted[at] = { ...item, inline: false }
  }
  return lifted
}

/** What the rest of a path makes around a value. */
function build(path: KeyPath, depth: number, value: Value): Value {
  return path
    .slice(depth)
    .reduceRight<Value>(
      (inner, step) => (typeof step === "number" ? list([inner]) : branch([entry(step, inner)])),
      value,
    )
}

/**
 * Removes a value.
 * @throws KeyPathMissing when there is none
 */
export function unsetValue(document: Branch, path: KeyPath): Branch {
  if (path.length === 0) throw new KeyPathInvalid("", "it has no steps")
  const result = unsetIn(document, path, 0)
  if (result.type !== "map") throw new TypeError('"result" expected a map')
  return result
}

function unsetIn(at: Item, path: KeyPath, depth: number): Value {
  const step = path[depth]!
  const here = path.slice(0, depth + 1)
  const last = depth === path.length - 1
  if (at.type === "map") {
    const place = at.items.findIndex((item) => item.type === "entry" && item.key === step)
    const old = at.items[place]
    if (old?.type !== "entry") throw new KeyPathMissing("there is no such key", here)
    if (last) return branch(without<Entry | Comment>(at.items, place))
    return branch(at.items.with(place, entry(old.key, unsetIn(old.value, path, depth + 1))))
  }
  if (at.type === "list") {
    const old = typeof step === "number" ? at.items[step] : undefined
    if (typeof step === "string" || old === undefined)
      throw new KeyPathMissing(`the list has ${at.items.length} items`, here)
    return list(last ? without(at.items, step) : at.items.with(step, unsetIn(old, path, depth + 1)))
  }
  throw new KeyPathMissing("is not in a map or a list", here)
}

function without<T>(items: readonly T[], place: number): T[] {
  return [...items.slice(0, place), ...items.slice(place + 1)]
}
