/**
 * Finds comments and decides what each belongs to, as go-yaml v3 does, since SOPS stores comments by that: a comment is the head
 * of what follows, stands on the line of something, or is the foot of what went before.
 */
import { type Cursor, isBlank, isBreak, isBreakOrEnd, type Mark } from "./cursor.ts"
import type { Token } from "./token.ts"

/** `token` is the index from which tokens take the comment up; the text keeps its `#`, lines are joined by line feeds. */
export type FoundComment = {
  kind: "head" | "line" | "foot"
  text: string
  token: number
  start: Mark
  /** Where the search that found it began, and where it ended; both 0 for a comment on the line of a token. */
  scan: number
  end: number
}

/** go-yaml looks this many characters ahead for the next comment. */
const lookahead = 512
const HASH = 0x23

function readComment(cursor: Cursor, upTo: number): string {
  while (cursor.index < upTo) {
    if (isBreak(cursor.at())) cursor.skipBreak()
    else cursor.skip()
  }
  return cursor.readLine()
}

/** Takes up a comment on the rest of this line, as one of the token that begins at `token`. */
export function scanLineComment(cursor: Cursor, token: Mark, found: FoundComment[]): void {
  if (cursor.newlines > 0) return
  let ahead = 0
  while (ahead < lookahead && isBlank(cursor.at(ahead))) ahead += 1
  if (ahead === lookahead || cursor.at(ahead) !== HASH) return
  cursor.skipBlanks()
  const start = cursor.mark()
  const text = readComment(cursor, cursor.index)
  found.push({ kind: "line", text, token: token.index, start, scan: 0, end: 0 })
}

/**
 * Takes up the comment lines that begin here, before the next token.
 * @param scanFrom - index at which the search for the next token began, on line `scanLine`
 * @param tokens - all so far; the last is what a foot belongs to
 * @param indent - column of the innermost open block, -1 for none
 */
export function scanComments(
  cursor: Cursor,
  scanFrom: number,
  scanLine: number,
  tokens: readonly Token[],
  indent: number,
  inFlow: boolean,
  found: FoundComment[],
): void {
  const last = tokens[tokens.length - 1]!
  const token = last.type === "flow-entry" && tokens.length > 1 ? tokens[tokens.length - 2]! : last
  const nextIndent = Math.max(indent, 0)
  let owner = token.start.index
  let scanIndex = scanFrom
  let emptyLine = false
  let firstEmpty = cursor.newlines <= 1
  let { line, column } = cursor
  let text = ""
  // Columns of a comment's start count from 1 here, as go-yaml has them; the foot of the prior content must start on this line.
  let start: Mark = { index: 0, line: 0, column: 0 }
  let footLine = -1
  if (scanLine > 0) {
    footLine = cursor.line - cursor.newlines + 1
    if (cursor.newlines === 0 && cursor.column > 1) footLine += 1
  }
  let peek = 0

  const foot = (): void => {
    const end = cursor.index + peek
    found.push({ kind: "foot", text, token: owner, start, scan: scanIndex, end })
    scanIndex = end
    owner = end
    text = ""
  }

  for (; peek < lookahead; peek++) {
    column += 1
    const code = cursor.at(peek)
    if (isBlank(code)) continue
    const closesFlow = inFlow && (code === 0x5d || code === 0x7d)
    if (closesFlow || isBreakOrEnd(code)) {
      if (closesFlow || !emptyLine) {
        const dedented = start.column - 1 < nextIndent
        if (closesFlow || (firstEmpty && ((start.line === footLine && token.type !== "value") || dedented))) {
          if (text !== "") {
            if (dedented) owner = start.index
            foot()
          }
        } else if (text !== "" && code !== 0) {
          text += "\n"
        }
      }
      if (!isBreak(code)) break
      firstEmpty = false
      emptyLine = true
      column = 0
      line += 1
      continue
    }
    if (text !== "" && column - 1 < nextIndent && column !== start.column) foot()
    if (code !== HASH) break
    if (text === "") start = { index: cursor.index + peek, line, column }
    else text += "\n"
    emptyLine = false
    text += readComment(cursor, cursor.index + peek)
    peek = 0
    column = 0
    line = cursor.line
  }

  if (text !== "") {
    const end = cursor.index + peek - 1
    found.push({ kind: "head", text, token: start.index, start, scan: scanIndex, end })
  }
}
