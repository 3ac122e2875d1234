/**
 * Puts entries into lists of `.sops.yaml` and takes them out, in the style that the list has: a line each, in brackets, or between
 * commas. What is put in and taken out again leaves the text as it was, byte for byte.
 */
import { endOfLine, type PlacedAlias, type PlacedScalar, type PlacedSequence, startOfLine } from "./config-places.ts"

/** Replaces the text from `start` to `end`. */
export type TextEdit = Readonly<{ start: number; end: number; text: string }>

/** Applies edits. Those at one place are put in the order in which they are given; only those that take text away may overlap. */
export function applyEdits(text: string, edits: readonly TextEdit[]): string {
  let result = ""
  let at = 0
  for (const edit of [...edits].sort((a, b) => a.start - b.start || a.end - b.end)) {
    if (edit.start < at && edit.text !== "")
      throw new RangeError(`"edits" expected none that overlap, got one at ${edit.start}`)
    result += text.slice(at, edit.start) + edit.text
    at = Math.max(at, edit.end)
  }
  return result + text.slice(at)
}

export function insertion(at: number, text: string): TextEdit {
  return { start: at, end: at, text }
}

/** The line break that a text uses. */
export function lineBreak(text: string): string {
  return text.includes("\r\n") ? "\r\n" : "\n"
}

/** What stands on a line before an offset. */
function lead(text: string, at: number): string {
  return text.slice(startOfLine(text, at), at)
}

/** A whole line with its break; at the end of a text without a last break, the break before it. */
export function wholeLine(text: string, at: number): TextEdit {
  const start = startOfLine(text, at)
  const end = endOfLine(text, at)
  if (end < text.length) return { start, end: end + (text[end] === "\r" ? 2 : 1), text: "" }
  const before = start > 0 ? (text[start - 2] === "\r" ? 2 : 1) : 0
  return { start: start - before, end, text: "" }
}

/**
 * Puts an entry behind another.
 * @param entry - as it is to stand there: `*nova`, `&nova age1…`
 * @param above - a comment line above it, in block lists, without its indentation
 * @param behind - a comment on its line, in block lists
 */
export function insertItem(
  text: string,
  sequence: PlacedSequence,
  index: number,
  entry: string,
  { above = null, behind = null }: Readonly<{ above?: string | null; behind?: string | null }> = {},
): TextEdit[] {
  const item = sequence.items[index]
  if (item === undefined) throw new RangeError(`"index" expected an entry of the list, got ${index}`)
  const { node, dash, comma } = item
  const newline = lineBreak(text)
  if (dash !== null) {
    const indent = " ".repeat(dash - startOfLine(text, dash))
    const gap = /^ +$/.exec(text.slice(dash + 1, node.start))?.[0] ?? " "
    const comment = above === null ? "" : `${newline}${indent}${above}`
    const line = `${newline}${indent}-${gap}${entry}${behind === null ? "" : ` ${behind}`}`
    return [insertion(endOfLine(text, node.end), comment + line)]
  }
  const indent = lead(text, node.start)
  const lineEnd = endOfLine(text, node.end)
  const rest = text.slice(node.end, lineEnd)
  // An entry that has its line to itself gets a neighbour of the same kind.
  if (/^[ \t]+$/.test(indent)) {
    if (comma !== null && /^[ \t]*,[ \t]*(#.*)?$/.test(rest))
      return [insertion(lineEnd, `${newline}${indent}${entry},`)]
    if (comma === null && /^[ \t]*([ \t]#.*)?$/.test(rest))
      return lineEnd === node.end
        ? [insertion(node.end, `,${newline}${indent}${entry}`)]
        : [insertion(node.end, ","), insertion(lineEnd, `${newline}${indent}${entry}`)]
  }
  return [insertion(node.end, `, ${entry}`)]
}

/** Takes an entry out, with the comment on its line. */
export function removeItem(text: string, sequence: PlacedSequence, index: number): TextEdit[] {
  const item = sequence.items[index]
  if (item === undefined) throw new RangeError(`"index" expected an entry of the list, got ${index}`)
  const { node, dash, comma } = item
  const previous = sequence.items[index - 1]
  const next = sequence.items[index + 1]
  if (dash !== null) {
    if (lead(text, dash).trim() === "") return [wholeLine(text, dash)]
    return [{ start: dash, end: next?.dash ?? node.end, text: "" }]
  }
  const rest = text.slice(node.end, endOfLine(text, node.end))
  if (lead(text, node.start).trim() === "" && /^[ \t]*(,[ \t]*)?(#.*)?$/.test(rest)) {
    const line = wholeLine(text, node.start)
    const orphan = comma === null ? (previous?.comma ?? null) : null
    return orphan === null ? [line] : [{ start: orphan, end: orphan + 1, text: "" }, line]
  }
  if (previous !== undefined) {
    if (!/[\n#]/.test(text.slice(previous.node.end, node.start)))
      return [{ start: previous.node.end, end: node.end, text: "" }]
    return [{ start: node.start, end: comma === null ? node.end : comma + 1, text: "" }]
  }
  if (next !== undefined && !/[\n#]/.test(text.slice(node.end, next.node.start)))
    return [{ start: node.start, end: next.node.start, text: "" }]
  return [{ start: node.start, end: comma === null ? node.end : comma + 1, text: "" }]
}

/** Makes a field's lone alias a list of two, without the space that a list which was there before gets: so its end is known again. */
export function listOfAlias({ start, end }: PlacedAlias, name: string): TextEdit[] {
  return [insertion(start, "["), insertion(end, `,*${name}]`)]
}

/** The reverse: what is left when one of two aliases that stand so goes is an alias again. @returns null where they stand otherwise */
export function aliasOfList(
  text: string,
  { sequence, index }: Readonly<{ sequence: PlacedSequence; index: number }>,
): TextEdit[] | null {
  const { start, end } = sequence
  if (!/^\[\*[\w-]+,\*[\w-]+\]$/.test(text.slice(start, end))) return null
  const stays = sequence.items[1 - index]?.node
  return stays === undefined
    ? null
    : [
        { start, end: stays.start, text: "" },
        { start: stays.end, end, text: "" },
      ]
}

/** The parts of a text with commas, with where each stands; null where it does not stand in the text as it reads. */
export function commaParts(text: string, scalar: PlacedScalar): { value: string; start: number; end: number }[] | null {
  const parts: { value: string; start: number; end: number }[] = []
  let at = scalar.content
  for (const value of scalar.value.split(",").map((part) => part.trim())) {
    if (value === "") continue
    const start = text.indexOf(value, at)
    if (start === -1) return null
    at = start + value.length
    parts.push({ value, start, end: at })
  }
  return parts
}

/** Puts a recipient behind another between commas. */
export function insertPart(text: string, scalar: PlacedScalar, after: string, recipient: string): TextEdit[] | null {
  const parts = commaParts(text, scalar)
  const index = parts?.findIndex(({ value }) => value === after) ?? -1
  const part = parts?.[index]
  if (parts === null || part === undefined) return null
  const [from, to] = [parts[index + 1] === undefined ? parts[index - 1]?.end : part.end, parts[index + 1]?.start]
  const between = from === undefined ? "," : text.slice(from, to ?? part.start)
  return [insertion(part.end, `${/,\s*$/.exec(between)?.[0] ?? ","}${recipient}`)]
}

/** Takes a recipient out from between commas. */
export function removePart(text: string, scalar: PlacedScalar, recipient: string): TextEdit[] | null {
  const parts = commaParts(text, scalar)
  const index = parts?.findIndex(({ value }) => value === recipient) ?? -1
  const part = parts?.[index]
  if (parts === null || part === undefined) return null
  const previous = parts[index - 1]
  if (previous !== undefined) {
    const separator = /,\s*$/.exec(text.slice(previous.end, part.start))?.[0] ?? ""
    return [{ start: part.start - separator.length, end: part.end, text: "" }]
  }
  return [{ start: part.start, end: parts[index + 1]?.start ?? part.end, text: "" }]
}
