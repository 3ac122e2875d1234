/** YAML: documents with comments. Parsing is ours (docs/decisions), so that comments go where go-yaml, and with it sops, puts them. */

import { quote } from "../../quote.ts"
import { SyntaxInvalid, ValueUnsupported } from "../failures.ts"
import { encodeText } from "../text.ts"
import {
  type Branch,
  branch,
  type Comment,
  comment,
  type Documents,
  type Entry,
  entry,
  type List,
  list,
  NULL,
  type OddKey,
  type Value,
} from "../tree.ts"
import { decodeYaml } from "../yaml/cursor.ts"
import { checkKeys } from "../yaml/mapping-keys.ts"
import type { YamlNode } from "../yaml/node.ts"
import { parseYaml } from "../yaml/parser.ts"
import { resolveScalar } from "../yaml/resolve.ts"
import { hasMetadataKey, type Layout, putMetadata, type Store, takeMetadata } from "./store.ts"
import { writeYaml, writeYamlValue } from "./yaml-writer.ts"

/** What aliases may unfold to, all together: more is an attack on memory. */
const mostExpanded = 1_000_000
/** Of texts that aliases stand for, so many characters count as a value. */
const lengthOfValue = 100

/**
 * Parses YAML. Anchors, tags, flow style and quotes are not kept, as with sops; `<<` is a key like others.
 * @param bytes - UTF-8, or UTF-16 with a byte-order mark
 * @throws SyntaxInvalid, ValueUnsupported for documents that are no map
 */
export function parseYamlDocuments(bytes: Uint8Array): Documents {
  const documents = parseYaml(decodeYaml(bytes))
  const loader = new Loader()
  return documents.map((document, index) => {
    if (index === 0) checkFirst(document.root)
    return loader.document(document.root, document.head, document.foot)
  })
}

/** In the first document only, sops looks for keys that occur twice and for merges of what is no map. */
function checkFirst(root: YamlNode): void {
  const waiting: YamlNode[] = [root]
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    if (node.kind === "sequence") {
      for (const item of node.items) waiting.push(item)
    } else if (node.kind === "mapping") {
      checkKeys(node)
      for (const { value } of node.pairs) waiting.push(value)
    }
  }
}

/** Adds a comment's lines; there may be more of them than a call takes arguments. */
function addComments(items: { push(item: Comment): number }, text: string, inline = false): void {
  if (text === "") return
  for (const line of text.split("\n")) if (line !== "") items.push(comment(line.slice(1), inline))
}

class Loader {
  #expanded = 0
  readonly #open = new Set<YamlNode>()

  document(root: YamlNode, head: string, foot: string): Branch {
    const items: (Entry | Comment)[] = []
    addComments(items, head)
    this.#root(root, items)
    addComments(items, foot)
    return branch(items)
  }

  #root(node: YamlNode, items: (Entry | Comment)[]): void {
    switch (node.kind) {
      case "mapping":
        for (const item of this.#map(node, false).items) items.push(item)
        return
      case "alias":
        this.#through(node, (target) => this.#root(target, items))
        return
      case "sequence":
        throw new ValueUnsupported("YAML documents that are lists are not supported", {
          where: { line: node.textLine },
        })
      case "scalar":
        if (resolveScalar(node).type !== "null") {
          throw new ValueUnsupported("YAML documents that are single values are not supported", {
            where: { line: node.textLine },
          })
        }
        addComments(items, node.head)
        addComments(items, node.line)
    }
  }

  /** `commented`: the comments of the node itself were already taken up where it stands. */
  #value(node: YamlNode, commented: boolean): Value {
    switch (node.kind) {
      case "scalar":
        this.#count(Math.floor(node.value.length / lengthOfValue), node)
        return resolveScalar(node)
      case "mapping":
        return this.#map(node, commented)
      case "sequence":
        return this.#list(node, commented)
      case "alias": {
        let value: Value = NULL
        this.#through(node, (target) => {
          value = this.#value(target, false)
        })
        return value
      }
    }
  }

  #through(node: YamlNode & { kind: "alias" }, visit: (target: YamlNode) => void): void {
    if (this.#open.has(node.target)) {
      throw new SyntaxInvalid("YAML", `anchor ${quote(node.name)} contains itself`, node.textLine)
    }
    this.#open.add(node.target)
    visit(node.target)
    this.#open.delete(node.target)
  }

  /** Counts what stands inside of aliases, which may multiply without bound. */
  #count(size: number, node: YamlNode): void {
    if (this.#open.size === 0) return
    this.#expanded += size
    if (this.#expanded > mostExpanded) {
      throw new SyntaxInvalid("YAML", `aliases unfold to more than ${mostExpanded} values`, node.textLine)
    }
  }

  #list(node: YamlNode & { kind: "sequence" }, commented: boolean): List {
    this.#count(node.items.length, node)
    const items: (Value | Comment)[] = []
    if (!commented) {
      addComments(items, node.head)
      addComments(items, node.line)
    }
    for (const item of node.items) {
      addComments(items, item.head)
      addComments(items, item.line, true)
      items.push(this.#value(item, true))
      addComments(items, item.foot)
    }
    if (!commented) addComments(items, node.foot)
    return list(items)
  }

  #map(node: YamlNode & { kind: "mapping" }, commented: boolean): Branch {
    this.#count(node.pairs.length, node)
    const items: (Entry | Comment)[] = []
    if (!commented) {
      addComments(items, node.head)
      addComments(items, node.line)
    }
    for (const { key, value } of node.pairs) {
      addComments(items, key.head)
      addComments(items, key.line)
      const single = value.kind === "scalar" || value.kind === "alias"
      if (single) {
        addComments(items, value.head)
        addComments(items, value.line, true)
      }
      items.push(entry(this.#key(key), this.#value(value, single)))
      if (single) addComments(items, value.foot)
      addComments(items, key.foot)
    }
    if (!commented) addComments(items, node.foot)
    return branch(items)
  }

  #key(node: YamlNode): string | OddKey {
    let key: YamlNode = node
    while (key.kind === "alias") key = key.target
    if (key.kind !== "scalar") return { type: "collection" }
    const leaf = resolveScalar(key)
    return leaf.type === "str" ? leaf.value : leaf
  }
}

/** Writes documents in sops' layout, 4 spaces a level if not told otherwise. */
export function emitYamlDocuments(documents: Documents, layout: Layout = {}): Uint8Array {
  const indent = layout.indent ?? 0
  if (indent < 0) throw new ValueUnsupported(`YAML cannot be indented by ${indent} spaces`)
  return encodeText(writeYaml(documents, indent === 0 ? 4 : indent, layout.hints === "as sops"))
}

export const yamlStore: Store = {
  format: "yaml",
  parse: parseYamlDocuments,
  emit: emitYamlDocuments,
  parseEncrypted: (bytes) => takeMetadata(parseYamlDocuments(bytes)),
  emitEncrypted: (envelope, layout) => emitYamlDocuments(putMetadata(envelope), layout),
  emitValue: (value, layout) => encodeText(writeYamlValue(value, layout?.hints === "as sops")),
  holdsMetadata: hasMetadataKey,
}
