/** Trees as what is written: each comment with the node above, beside or below which it goes. [sops] stores/yaml. */
import type { Comment, Entry, Value } from "../tree.ts"
import { scalarOf, type WrittenScalar } from "../yaml/scalar-style.ts"

/** Comments with `#`, lines joined by line feeds; "" for none. The foot of a pair is its key's. */
export type WriterNode = { head: string; line: string; foot: string } & (
  | { kind: "scalar"; scalar: WrittenScalar }
  | { kind: "mapping"; pairs: { key: WriterNode & { kind: "scalar" }; value: WriterNode }[] }
  | { kind: "sequence"; items: WriterNode[] }
)

function scalarNode(
  key: Entry["key"] | (Value & { type: Exclude<Value["type"], "map" | "list"> }),
): WriterNode & { kind: "scalar" } {
  return {
    kind: "scalar",
    scalar: scalarOf(typeof key === "string" ? { type: "str", value: key } : key),
    head: "",
    line: "",
    foot: "",
  }
}

/** Comments before the first item are the collection's, others are the next item's, and those after the last its foot. */
export function toNode(value: Value): WriterNode {
  if (value.type !== "map" && value.type !== "list") return scalarNode(value)
  const node: WriterNode =
    value.type === "map"
      ? { kind: "mapping", pairs: [], head: "", line: "", foot: "" }
      : { kind: "sequence", items: [], head: "", line: "", foot: "" }
  let heads: string[] = []
  let inlines: string[] = []
  let last: WriterNode | undefined
  const items: readonly (Entry | Comment | Value)[] = value.items
  for (const item of items) {
    if (item.type === "comment") {
      ;(item.inline ? inlines : heads).push(item.value)
      continue
    }
    if (last === undefined && heads.length > 0) {
      node.head = commentText(heads)
      heads = []
    }
    const target = toNode(item.type === "entry" ? item.value : item)
    target.line = commentText(inlines)
    inlines = []
    if (item.type === "entry" && node.kind === "mapping") {
      const key = scalarNode(item.key)
      key.head = commentText(heads)
      node.pairs.push({ key, value: target })
      last = key
    } else if (node.kind === "sequence") {
      if (heads.length > 0)
        target.head = target.head === "" ? commentText(heads) : `${commentText(heads)}\n${target.head}`
      node.items.push(target)
      last = target
    }
    heads = []
  }
  const rest = commentText([...heads, ...inlines])
  if (rest === "") return node
  if (last === undefined) node.head = rest
  else last.foot = last.foot === "" ? rest : `${last.foot}\n${rest}`
  return node
}

function commentText(lines: readonly string[]): string {
  return lines.length === 0 ? "" : `#${lines.join("\n#")}`
}

/** The key `<<` is no merge where there is nothing to merge, or go-yaml refuses to read it. */
export function readableKey(key: WrittenScalar, value: WriterNode): WrittenScalar {
  const merges =
    value.kind === "mapping" || (value.kind === "sequence" && value.items.every(({ kind }) => kind === "mapping"))
  return key.tag !== "!!merge" || merges ? key : { ...key, tag: "", style: "double" }
}
