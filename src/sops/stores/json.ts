/** JSON: one object a file, no comments. [sops] stores/json; written as Go's encoding/json writes it. */
import { ValueUnsupported } from "../failures.ts"
import { decodeText, encodeText } from "../text.ts"
import type { Documents, Entry, Leaf, Value } from "../tree.ts"
import { formatFixed } from "../value.ts"
import { parseJson } from "./json-reader.ts"
import { hasMetadataKey, type Layout, putMetadata, type Store, takeMetadata } from "./store.ts"

/**
 * Parses a JSON file. What follows the object is ignored, as sops ignores it.
 * @throws SyntaxInvalid, ValueUnsupported when it is no object
 */
export function parseJsonDocuments(bytes: Uint8Array): Documents {
  const { value } = parseJson(decodeText(bytes))
  if (value.type !== "map") {
    throw new ValueUnsupported("a JSON file must be an object; wrap it in one", { hint: 'for instance {"data": […]}' })
  }
  return [value]
}

/** Go escapes what HTML or JavaScript could take for its own, and writes U+FFFD for bytes that are no UTF-8. */
const escaped = /["\\\0-\x1f<>&\u2028\u2029]|[\ud800-\udfff]/gu
const short: ReadonlyMap<string, string> = new Map([
  ['"', '\\"'],
  ["\\", "\\\\"],
  ["\b", "\\b"],
  ["\f", "\\f"],
  ["\n", "\\n"],
  ["\r", "\\r"],
  ["\t", "\\t"],
])

function escapeCharacter(character: string): string {
  const code = character.charCodeAt(0)
  if (code >= 0xd800 && code <= 0xdfff) return "\\ufffd"
  return short.get(character) ?? `\\u${code.toString(16).padStart(4, "0")}`
}

function jsonText(text: string): string {
  return `"${text.replace(escaped, escapeCharacter)}"`
}

function leafText(leaf: Leaf): string {
  switch (leaf.type) {
    case "null":
      return "null"
    case "bool":
    case "int":
      return leaf.value.toString()
    case "str":
    case "time":
      return jsonText(leaf.value)
    case "float":
      if (!Number.isFinite(leaf.value)) throw new ValueUnsupported(`JSON has no number ${formatFixed(leaf.value)}`)
      return Object.is(leaf.value, -0) ? "-0" : String(leaf.value)
  }
}

function valueText(value: Value, indent: string, margin: string): string {
  if (value.type !== "map" && value.type !== "list") return leafText(value)
  const inner = margin + indent
  const items: string[] = []
  for (const item of value.items) {
    if (item.type === "comment") continue
    if (item.type !== "entry") items.push(inner + valueText(item, indent, inner))
    else items.push(`${inner}${keyText(item.key)}: ${valueText(item.value, indent, inner)}`)
  }
  const [open, close] = value.type === "map" ? ["{", "}"] : ["[", "]"]
  return items.length === 0 ? open + close : `${open}\n${items.join(",\n")}\n${margin}${close}`
}

/** JSON on one line, without spaces. */
export function compactJson(value: Value): string {
  if (value.type !== "map" && value.type !== "list") return leafText(value)
  const items: string[] = []
  for (const item of value.items) {
    if (item.type === "comment") continue
    items.push(item.type === "entry" ? `${keyText(item.key)}:${compactJson(item.value)}` : compactJson(item))
  }
  return value.type === "map" ? `{${items.join(",")}}` : `[${items.join(",")}]`
}

function keyText(key: Entry["key"]): string {
  if (typeof key !== "string") throw new ValueUnsupported("JSON has no keys but texts")
  return jsonText(key)
}

function indentText(layout: Layout | undefined): string {
  const indent = layout?.indent ?? -1
  if (indent < -1) throw new ValueUnsupported(`JSON cannot be indented by ${indent} spaces`)
  return indent < 0 ? "\t" : " ".repeat(indent)
}

export function emitJsonDocuments(documents: Documents, layout?: Layout): Uint8Array {
  const [first] = documents
  if (first === undefined) throw new ValueUnsupported("there is no document to write as JSON")
  return encodeText(`${valueText(first, indentText(layout), "")}\n`)
}

export const jsonStore: Store = {
  format: "json",
  parse: parseJsonDocuments,
  emit: emitJsonDocuments,
  parseEncrypted: (bytes) => takeMetadata(parseJsonDocuments(bytes)),
  emitEncrypted: (envelope, layout) => emitJsonDocuments(putMetadata(envelope), layout),
  emitValue: (value, layout) => encodeText(valueText(value, indentText(layout), "")),
  holdsMetadata: hasMetadataKey,
}
