/**
 * Nested metadata as flat keys, for formats without nesting: `age__list_0__map_recipient`. [sops] stores/flatten.go.
 */

import { quote } from "../quote.ts"
import { MetadataInvalid } from "./failures.ts"
import { type Branch, branch, type Entry, entry, type Leaf, list, type Value } from "./tree.ts"

const mapStep = "__map_"
const listStep = "__list_"

/** Flattens a branch of text keys; comments are left out. Order stays. */
export function flatten(map: Branch, prefix = ""): Entry[] {
  const flat: Entry[] = []
  const descend = (value: Value, key: string): void => {
    if (value.type === "map") {
      for (const item of value.items) {
        if (item.type === "entry" && typeof item.key === "string") descend(item.value, key + mapStep + item.key)
      }
    } else if (value.type === "list") {
      let position = 0
      for (const item of value.items) if (item.type !== "comment") descend(item, `${key}${listStep}${position++}`)
    } else {
      flat.push(entry(key, value))
    }
  }
  for (const item of map.items) {
    if (item.type === "entry" && typeof item.key === "string") descend(item.value, prefix + item.key)
  }
  return flat
}

type Step = { map: string } | { list: number }
type Node = { leaf?: Leaf; map: Map<string, Node>; list: Map<number, Node> }

function newNode(): Node {
  return { map: new Map(), list: new Map() }
}

/** `a__list_0__map_b` is key a, position 0, key b. A position that is no number counts as 0, as in sops. */
function stepsOf(flatKey: string): Step[] {
  const steps: Step[] = []
  let kind = "map"
  let start = 0
  const take = (end: number): void => {
    const text = flatKey.slice(start, end)
    steps.push(kind === "map" ? { map: text } : { list: /^\d{1,6}$/.test(text) ? Number(text) : 0 })
  }
  for (const { 0: separator, 1: next = "", index } of flatKey.matchAll(/__(map|list)_/g)) {
    take(index)
    kind = next
    start = index + separator.length
  }
  take(flatKey.length)
  return steps
}

function childOf(node: Node, step: Step): Node {
  if ("map" in step) {
    const child = node.map.get(step.map) ?? newNode()
    node.map.set(step.map, child)
    return child
  }
  const child = node.list.get(step.list) ?? newNode()
  node.list.set(step.list, child)
  return child
}

/**
 * The inverse of `flatten`. Keys come back in the order of their first occurrence.
 * @throws MetadataInvalid when keys contradict each other or a list has gaps
 */
export function unflatten(flat: readonly Entry[]): Branch {
  const root = newNode()
  for (const { key, value } of flat) {
    if (typeof key !== "string" || value.type === "map" || value.type === "list") continue
    let node = root
    for (const step of stepsOf(key)) node = childOf(node, step)
    if (node.leaf !== undefined) throw new MetadataInvalid(`${quote(key)} occurs twice`)
    node.leaf = value
  }
  const result = build(root, "")
  if (result.type !== "map") throw new MetadataInvalid("its keys make no map")
  return result
}

function build(node: Node, name: string): Value {
  const kinds = Number(node.leaf !== undefined) + Number(node.map.size > 0) + Number(node.list.size > 0)
  if (kinds > 1) throw new MetadataInvalid(`${quote(name)} has a value of several kinds`)
  if (node.leaf !== undefined) return node.leaf
  if (node.list.size === 0) {
    return branch(Array.from(node.map, ([key, child]) => entry(key, build(child, `${name}${mapStep}${key}`))))
  }
  const items: Value[] = []
  for (let position = 0; position < node.list.size; position++) {
    const child = node.list.get(position)
    if (child === undefined) throw new MetadataInvalid(`the list ${quote(name)} has a gap at ${position}`)
    items.push(build(child, `${name}${listStep}${position}`))
  }
  return list(items)
}
