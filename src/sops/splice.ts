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

function linesOf(text: string): string[] {
  return text.split(/(?<=\n)/)
}

/** The block under `sops:` at the start of a line, in every document: up to the last line that is indented. */
function spliceYaml(text: string, alone: string): string | null {
  const lines = linesOf(text)
  const result: string[] = []
  let count = 0
  for (let at = 0; at < lines.length; ) {
    const end = /^sops:[ \t]*\n$/.test(lines[at]!) ? endOfBlock(lines, at + 1) : at + 1
    if (end === at + 1) result.push(lines[at]!)
    else {
      count += 1
      result.push(lines[end - 1]!.endsWith("\n") ? alone : alone.replace(/\n$/, ""))
    }
    at = end
  }
  return count === 0 ? null : result.join("")
}

function endOfBlock(lines: readonly string[], from: number): number {
  let end = from
  for (let at = from; at < lines.length && /^[ \t\n]/.test(lines[at]!); at++) if (lines[at]!.trim() !== "") end = at + 1
  return end
}

/** The object under the last `"sops"` at the first level. Its text is found by counting braces outside of strings. */
function spliceJson(text: string, alone: string): string | null {
  const at = locateJson(text)
  const own = locateJson(alone)
  if (at === null || own === null) return null
  return text.slice(0, at.start) + alone.slice(own.start, own.end) + text.slice(at.end)
}

function locateJson(text: string): { start: number; end: number } | null {
  const token = /["{}[\]]/g
  let depth = 0
  let start = -1
  let found: { start: number; end: number } | null = null
  for (let match = token.exec(text); match !== null; match = token.exec(text)) {
    const [part] = match
    if (part === "{" || part === "[") depth += 1
    else if (part === '"') {
      const opening = match.index
      token.lastIndex = endOfString(text, token.lastIndex)
      if (depth !== 1 || text.slice(opening, token.lastIndex) !== `"${metadataKey}"`) continue
      const colon = /\s*:\s*(?=\{)/y
      colon.lastIndex = token.lastIndex
      if (colon.test(text)) start = colon.lastIndex
    } else {
      depth -= 1
      if (depth === 1 && start >= 0) {
        found = { start, end: token.lastIndex }
        start = -1
      }
      if (depth === 0) return found
    }
  }
  return null
}

/** Where a text of JSON ends, from behind its opening quote. One expression for all of it would need stack for each escape. */
function endOfString(text: string, from: number): number {
  const stop = /["\\]/g
  stop.lastIndex = from
  for (let match = stop.exec(text); match !== null; match = stop.exec(text)) {
    if (match[0] === '"') return stop.lastIndex
    stop.lastIndex += 1
  }
  return text.length
}

/** The `sops_` lines, at the place of the first of them. */
function spliceDotenv(text: string, alone: string): string | null {
  const lines = linesOf(text)
  const first = lines.findIndex((line) => line.startsWith(`${metadataKey}_`))
  if (first < 0) return null
  const rest = lines.filter((line) => !line.startsWith(`${metadataKey}_`))
  return rest.slice(0, first).join("") + alone + rest.slice(first).join("")
}

/** The section `[sops]`, up to the next section, but for empty lines before that. */
function spliceIni(text: string, alone: string): string | null {
  const lines = linesOf(text)
  const own = linesOf(alone)
  const place = locateSection(lines)
  const wanted = locateSection(own)
  if (place === null || wanted === null) return null
  return [lines.slice(0, place.start), own.slice(wanted.start, wanted.end), lines.slice(place.end)].flat().join("")
}

function locateSection(lines: readonly string[]): { start: number; end: number } | null {
  const start = lines.findIndex((line) => /^\[sops\][ \t]*\n$/.test(line))
  if (start < 0) return null
  const next = lines.findIndex((line, index) => index > start && line.startsWith("["))
  let end = next < 0 ? lines.length : next
  while (lines[end - 1] === "\n") end -= 1
  return { start, end }
}
