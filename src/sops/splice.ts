/**
 * Replaces the metadata of a file in place: all bytes around it stay, whatever program laid them out. The result is read again and
 * compared before anybody sees it; where that fails, the caller writes the whole file anew.
 */

import type { EncryptedFile } from "./file.ts"
import { metadataKey } from "./metadata.ts"
import type { Envelope, Format } from "./stores/store.ts"
import { decodeText, encodeText } from "./text.ts"
import { type Branch, branch, sameDocuments, type Value } from "./tree.ts"

/**
 * @param bytes - the file
 * @param file - what was read from it
 * @param metadata - what is to stand in it
 * @returns null when the metadata's place cannot be told for certain
 */
export function spliceMetadata(bytes: Uint8Array, file: EncryptedFile, metadata: Branch): Uint8Array | null {
  const { store } = file
  const text = decodeText(bytes)
  const indent = indentOf(text, store.format)
  const alone = store.emitEncrypted({ documents: [branch([])], metadata }, indent === null ? {} : { indent })
  const spliced = splicers[store.format](text, decodeText(alone))
  if (spliced === null) return null
  const result = encodeText(spliced)
  return holds(result, file, { documents: file.documents, metadata }) ? result : null
}

/** Whether bytes read back as what they should. */
function holds(bytes: Uint8Array, { store }: EncryptedFile, wanted: Envelope): boolean {
  const read = store.parseEncrypted(bytes)
  return sameDocuments(read.documents, wanted.documents) && sameText(read.metadata, wanted.metadata)
}

/** dotenv and INI have texts only, so `2` comes back as "2"; what is empty does not come back. */
function sameText(one: Value, other: Value): boolean {
  if (one.type === "list" || one.type === "map") {
    if (one.type !== other.type) return false
    const [ours, theirs] = [solid(one), solid(other)]
    return (
      ours.length === theirs.length &&
      ours.every(([key, value]) => {
        const match = theirs.find(([name]) => name === key)
        return match !== undefined && sameText(value, match[1])
      })
    )
  }
  if (other.type === "list" || other.type === "map") return false
  if (!("value" in one) || !("value" in other)) return one.type === other.type
  return String(one.value) === String(other.value)
}

function solid(value: Value & { type: "map" | "list" }): [string, Value][] {
  const parts: [string, Value][] = []
  let position = 0
  for (const item of value.items) {
    if (item.type === "comment") continue
    if (item.type === "entry") {
      if (!isEmpty(item.value)) parts.push([typeof item.key === "string" ? item.key : "", item.value])
    } else {
      parts.push([String(position++), item])
    }
  }
  return parts
}

function isEmpty(value: Value): boolean {
  return (value.type === "map" || value.type === "list") && value.items.length === 0
}

/** How deep a file's first level below the top is indented; null where that says nothing. */
export function indentOf(text: string, format: Format): number | null {
  if (format === "yaml") {
    const width = /^sops:[ \t]*\r?\n( +)\S/m.exec(text)?.[1]?.length ?? 4
    return width >= 2 && width <= 9 ? width : 4
  }
  if (format === "json" || format === "binary") {
    const space = /^\s*\{\r?\n([ \t]*)"/.exec(text)?.[1]
    if (space === undefined) return null
    return space.startsWith("\t") ? -1 : space.length
  }
  return null
}

type Splicer = (text: string, alone: string) => string | null

const splicers: Readonly<Record<Format, Splicer>> = {
  yaml: spliceYaml,
  json: spliceJson,
  binary: spliceJson,
  dotenv: spliceDotenv,
  ini: spliceIni,
}

/** The block under `sops:` at the start of a line, in every document: up to the next line that is not indented. */
function spliceYaml(text: string, alone: string): string | null {
  const block = /^sops:[ \t]*\n(?:[ \t]+[^\n]*(?:\n|$)|\n(?=[ \t\n]*[ \t]+\S))+/gm
  let count = 0
  const result = text.replace(block, (found) => {
    count += 1
    return found.endsWith("\n") ? alone : alone.replace(/\n$/, "")
  })
  return count === 0 ? null : result
}

/** The object under the last `"sops"` at the first level. Its text is found by counting braces outside of strings. */
function spliceJson(text: string, alone: string): string | null {
  const at = locateJson(text)
  const own = locateJson(alone)
  if (at === null || own === null) return null
  return text.slice(0, at.start) + alone.slice(own.start, own.end) + text.slice(at.end)
}

function locateJson(text: string): { start: number; end: number } | null {
  const token = /"(?:[^"\\]|\\.)*"|[{}[\]]/g
  let depth = 0
  let start = -1
  let found: { start: number; end: number } | null = null
  for (let match = token.exec(text); match !== null; match = token.exec(text)) {
    const [part] = match
    if (part === "{" || part === "[") depth += 1
    else if (part === "}" || part === "]") {
      depth -= 1
      if (depth === 1 && start >= 0) {
        found = { start, end: token.lastIndex }
        start = -1
      }
      if (depth === 0) return found
    } else if (depth === 1 && part === `"${metadataKey}"`) {
      const opening = /^\s*:\s*(?=\{)/.exec(text.slice(token.lastIndex, token.lastIndex + 1000))
      if (opening !== null) start = token.lastIndex + opening[0].length
    }
  }
  return null
}

/** The `sops_` lines, at the place of the first of them. */
function spliceDotenv(text: string, alone: string): string | null {
  const lines = text.split(/(?<=\n)/)
  const first = lines.findIndex((line) => line.startsWith(`${metadataKey}_`))
  if (first < 0) return null
  const rest = lines.filter((line) => !line.startsWith(`${metadataKey}_`))
  return rest.slice(0, first).join("") + alone + rest.slice(first).join("")
}

/** The section `[sops]`, up to the next section. */
function spliceIni(text: string, alone: string): string | null {
  const section = /^\[sops\][ \t]*\n(?:(?!\[)[^\n]*(?:\n|$))*/m
  const own = section.exec(alone)?.[0]
  const found = section.exec(text)?.[0]
  if (own === undefined || found === undefined) return null
  const gap = /\n\n+$/.exec(found)?.[0].slice(1) ?? ""
  return text.replace(section, () => own.replace(/\n+$/, "\n") + gap)
}
