/** INI: sections of keys, all values texts, one comment a section or key. [sops] stores/ini; written as gopkg.in/ini.v1 writes it. */
import { quote } from "../../quote.ts"
import { AlreadyEncrypted, ValueUnsupported } from "../failures.ts"
import { flatten, unflatten } from "../flatten.ts"
import { metadataKey } from "../metadata.ts"
import { byteLength, decodeText, encodeText, trimSpace } from "../text.ts"
import {
  type Branch,
  branch,
  type Comment,
  comment,
  type Documents,
  type Entry,
  entry,
  str,
  type Value,
} from "../tree.ts"
import { untypedText } from "../value.ts"
import { defaultSection, type IniKey, type IniSection, parseIni } from "./ini-reader.ts"
import { compactJson } from "./json.ts"
import { type Envelope, hasMetadataKey, type Store, takeMetadata } from "./store.ts"

export function parseIniDocuments(bytes: Uint8Array): Documents {
  const sections = parseIni(decodeText(bytes)).map((section) => {
    const items: (Entry | Comment)[] = commentItem(section.comment)
    for (const { name, value, comment: text } of section.keys) items.push(entry(name, str(value)), ...commentItem(text))
    return entry(section.name, branch(items))
  })
  return [branch(sections)]
}

function commentItem(text: string): Comment[] {
  if (text === "") return []
  if (text.startsWith(";")) return [comment(text.replace(/^[; ]+/, ""))]
  return [comment(text.replace(/^[# ]+/, ""))]
}

/** A comment belongs to what it stands behind in the tree: the section, if it is the first thing in it, else the key before. */
function toSections(documents: Documents): IniSection[] {
  const sections: IniSection[] = []
  for (const item of documents.flatMap((document) => document.items)) {
    if (item.type === "comment") continue
    const name = nameOf(item)
    if (item.value.type !== "map") throw unsupported("INI has sections only at the top", [name])
    if (name === "" || name.includes("\n")) throw unsupported("INI cannot have a section of this name", [name])
    sections.push(toSection(name, item.value))
  }
  return sections
}

function toSection(name: string, map: Branch): IniSection {
  const section: IniSection = { name, comment: "", keys: [] }
  const keys = new Map<string, IniKey>()
  let last: IniKey | undefined
  map.items.forEach((item, index) => {
    if (item.type === "comment") {
      if (last !== undefined) last.comment = item.value
      else if (index === 0) section.comment = item.value
      return
    }
    const key = nameOf(item)
    const value = keyValue(item.value, [name, key])
    const known = keys.get(key)
    if (known === undefined) {
      if (key === "" || key === "-" || key !== trimSpace(key) || /^[#;[]|\n/.test(key)) {
        throw unsupported("INI cannot have a key of this name", [name, key])
      }
      last = { name: key, value, comment: "" }
      keys.set(key, last)
      section.keys.push(last)
    } else {
      known.value = value
      last = known
    }
  })
  return section
}

function unsupported(what: string, keyPath: readonly string[]): ValueUnsupported {
  return new ValueUnsupported(what, { where: { keyPath } })
}

function nameOf({ key }: Entry): string {
  if (typeof key !== "string") throw new ValueUnsupported("INI has no names but texts")
  return key
}

function keyValue(value: Value, keyPath: readonly string[]): string {
  if (value.type === "map" || value.type === "list")
    throw unsupported("INI has no maps and lists in a section", keyPath)
  return untypedText(value)
}

export function emitIniDocuments(documents: Documents): Uint8Array {
  const sections = toSections(documents)
  const texts = sections.map((section, index) => {
    // Keys before any section need no header, and an empty section of them leaves no trace.
    const headless = index === 0 && section.name.toUpperCase() === defaultSection
    if (headless && section.keys.length === 0) return commentLines(section.comment, false)
    const header = headless ? "" : `[${section.name}]\n`
    const between = index === sections.length - 1 ? "" : "\n"
    return commentLines(section.comment, false) + header + keyLines(section.keys) + between
  })
  return encodeText(texts.join(""))
}

function commentLines(text: string, trim: boolean): string {
  if (text === "") return ""
  return text
    .split("\n")
    .map((line) => {
      if (line.startsWith("#") || line.startsWith(";")) return `${line[0]!} ${trimSpace(line.slice(1))}\n`
      return `; ${trim ? trimSpace(line) : line}\n`
    })
    .join("")
}

function keyLines(keys: readonly IniKey[]): string {
  const names = keys.map(({ name }) => quoteName(name))
  const widest = Math.max(0, ...names.map(byteLength))
  return keys
    .map(({ value, comment: text }, index) => {
      const name = names[index]!
      const space = " ".repeat(widest - byteLength(name))
      return `${commentLines(text, true)}${name}${space} = ${quoteValue(value)}\n`
    })
    .join("")
}

function quoteName(name: string): string {
  if (/["=:]/.test(name)) return `\`${name}\``
  return name.includes("`") ? `"""${name}"""` : name
}

function quoteValue(value: string): string {
  if (/[\n`]/.test(value)) return `"""${value}"""`
  if (/[#;]/.test(value)) return `\`${value}\``
  return trimSpace(value) === value ? value : `"${value}"`
}

/** Metadata is the section `sops`, flat; its line feeds are doubly escaped, for older readers. */
function unfold({ documents, metadata }: Envelope): Envelope {
  const flat = metadata.items.flatMap((item) => {
    if (item.type === "comment") return []
    return item.value.type === "str" ? [entry(item.key, str(item.value.value.replaceAll("\\n", "\n")))] : [item]
  })
  return { documents, metadata: unflatten(flat) }
}

function fold({ documents, metadata }: Envelope): Documents {
  if (hasMetadataKey(documents)) throw new AlreadyEncrypted(metadataKey)
  const flat = flatten(metadata).map(({ key, value }) =>
    value.type === "str" ? entry(key, str(value.value.replaceAll("\n", "\\n"))) : entry(key, value),
  )
  return documents.map((document) => branch([...document.items, entry(metadataKey, branch(flat))]))
}

export const iniStore: Store = {
  format: "ini",
  parse: parseIniDocuments,
  emit: emitIniDocuments,
  parseEncrypted: (bytes) => unfold(takeMetadata(parseIniDocuments(bytes))),
  emitEncrypted: (envelope) => emitIniDocuments(fold(envelope)),
  emitValue: (value) => {
    if (value.type === "map") throw new ValueUnsupported(`INI cannot write ${quote(value.type)} alone`)
    return encodeText(compactJson(value))
  },
  holdsMetadata: hasMetadataKey,
}
