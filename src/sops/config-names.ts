/** The keys of `.sops.yaml` in its text: where each is defined, and everywhere that it is meant. */
import type { Anchor, PlacedAlias, PlacedMapping, PlacedNode, PlacedScalar, PlacedSequence } from "./config-places.ts"
import type { ScalarStyle } from "./yaml/token.ts"

/** What an anchored recipient stands in. */
type Holder = Readonly<
  { in: "list"; sequence: PlacedSequence; index: number } | { in: "mapping"; mapping: PlacedMapping; key: PlacedNode }
>

/** `&name recipient`. `content` to `end` is the recipient with its quotes. */
export type Definition = Readonly<{
  anchor: Anchor
  value: string
  style: ScalarStyle
  content: number
  end: number
  holder: Holder
}>

/** Where a recipient is meant: an entry of a list, a part between commas, or an alias that is a field's whole value. */
export type Occurrence = Readonly<
  | { how: "item"; sequence: PlacedSequence; index: number }
  | { how: "part"; scalar: PlacedScalar }
  | { how: "value"; alias: PlacedAlias }
>

const recipientStart = /^(age1|ssh-)/

/** The anchored recipients, in order. */
export function definitionsIn(root: PlacedNode): Definition[] {
  const found: Definition[] = []
  const look = (node: PlacedNode, holder: Holder | null): void => {
    if (node.kind === "sequence")
      for (const [index, item] of node.items.entries()) look(item.node, { in: "list", sequence: node, index })
    else if (node.kind === "mapping")
      for (const { key, value } of node.pairs) look(value, { in: "mapping", mapping: node, key })
    else if (node.kind === "scalar" && isDefinition(node) && holder !== null && node.anchor !== null)
      found.push({ ...node, anchor: node.anchor, value: node.value.trim(), holder })
  }
  look(root, null)
  return found
}

function isDefinition(node: PlacedScalar): boolean {
  return (
    node.anchor !== null &&
    (node.style === "plain" || node.style === "single" || node.style === "double") &&
    recipientStart.test(node.value.trim()) &&
    !node.value.includes(",")
  )
}

/**
 * Everywhere that a recipient is meant, by its alias or by itself, but for its definitions.
 * @param alias - its name, or null to look for the recipient itself only
 */
export function occurrencesOf(root: PlacedNode, recipient: string, alias: string | null): Occurrence[] {
  const isAlias = (node: PlacedNode): node is PlacedAlias => node.kind === "alias" && node.name === alias
  const isAlone = (node: PlacedNode): boolean =>
    node.kind === "scalar" && !isBlock(node) && node.value.trim() === recipient && node.anchor === null
  const isAmong = (node: PlacedNode): node is PlacedScalar =>
    node.kind === "scalar" &&
    !isDefinition(node) &&
    node.value
      .split(",")
      .map((part) => part.trim())
      .includes(recipient)
  const found: Occurrence[] = []
  const look = (node: PlacedNode): void => {
    if (node.kind === "sequence")
      for (const [index, { node: item }] of node.items.entries()) {
        if (isAlias(item) || isAlone(item)) found.push({ how: "item", sequence: node, index })
        else look(item)
      }
    else if (node.kind === "mapping") for (const { value } of node.pairs) look(value)
    else if (isAlias(node)) found.push({ how: "value", alias: node })
    else if (isAmong(node)) found.push({ how: "part", scalar: node })
  }
  look(root)
  return found
}

function isBlock({ style }: PlacedScalar): boolean {
  return style === "literal" || style === "folded"
}

/** All aliases of a name. */
export function aliasesOf(node: PlacedNode, name: string): PlacedAlias[] {
  switch (node.kind) {
    case "alias":
      return node.name === name ? [node] : []
    case "sequence":
      return node.items.flatMap((item) => aliasesOf(item.node, name))
    case "mapping":
      return node.pairs.flatMap(({ key, value }) => [...aliasesOf(key, name), ...aliasesOf(value, name)])
    case "scalar":
    case "nothing":
      return []
  }
}
