/** Scans the content of scalars. [YAML 1.1] chapter 9; where go-yaml is more or less strict, its way is followed. */
import { type Cursor, isBlank, isBlankOrEnd, isBreak, isBreakOrEnd, SPACE, TAB } from "./cursor.ts"

const COLON = 0x3a
const HASH = 0x23
const QUOTE = 0x27
const DOUBLE_QUOTE = 0x22
const BACKSLASH = 0x5c

/** `,` `?` `[` `]` `{` `}`: end a plain scalar inside a flow collection. */
function endsFlowPlain(code: number): boolean {
  return code === 0x2c || code === 0x3f || code === 0x5b || code === 0x5d || code === 0x7b || code === 0x7d
}

/** What the breaks between two lines of a flow scalar are worth: [YAML 1.1] 9.1.4 line folding. */
function fold(first: string, more: string): string {
  if (first !== "\n") return first + more
  return more === "" ? " " : more
}

/**
 * A scalar without quotes.
 * @param indent - column that continuation lines must at least have
 * @returns its text, and whether it ran over a line break, after which a key may stand
 */
export function scanPlain(cursor: Cursor, indent: number, inFlow: boolean): { value: string; multiline: boolean } {
  let value = ""
  let blanks = ""
  let firstBreak = ""
  let moreBreaks = ""
  let afterBreak = false
  for (;;) {
    if (cursor.atDocumentMarker() || cursor.at() === HASH) break
    let length = 0
    for (;;) {
      const code = cursor.at(length)
      if (isBlankOrEnd(code)) break
      if (code === COLON && isBlankOrEnd(cursor.at(length + 1))) break
      if (inFlow && endsFlowPlain(code)) break
      length += 1
    }
    if (length > 0) {
      value += afterBreak ? fold(firstBreak, moreBreaks) : blanks
      blanks = firstBreak = moreBreaks = ""
      afterBreak = false
      value += cursor.text.slice(cursor.index, cursor.index + length)
      cursor.skipRun(length)
    }
    let code = cursor.at()
    if (!isBlank(code) && !isBreak(code)) break
    while (isBlank(code) || isBreak(code)) {
      if (isBreak(code)) {
        blanks = ""
        if (afterBreak) moreBreaks += cursor.readBreak()
        else firstBreak = cursor.readBreak()
        afterBreak = true
      } else {
        if (afterBreak && cursor.column < indent && code === TAB) {
          cursor.fail("found a tab character that violates indentation")
        }
        if (!afterBreak) blanks += String.fromCharCode(code)
        cursor.skip()
      }
      code = cursor.at()
    }
    if (!inFlow && cursor.column < indent) break
  }
  return { value, multiline: afterBreak }
}

const escapes: ReadonlyMap<string, string> = new Map([
  ["0", "\0"],
  ["a", "\x07"],
  ["b", "\b"],
  ["t", "\t"],
  ["\t", "\t"],
  ["n", "\n"],
  ["v", "\v"],
  ["f", "\f"],
  ["r", "\r"],
  ["e", "\x1b"],
  [" ", " "],
  ['"', '"'],
  ["'", "'"],
  ["\\", "\\"],
  ["N", "\x85"],
  ["_", "\xa0"],
  ["L", "\u2028"],
  ["P", "\u2029"],
])
const codeLengths: ReadonlyMap<string, number> = new Map([
  ["x", 2],
  ["u", 4],
  ["U", 8],
])

function scanEscape(cursor: Cursor, startLine: number): string {
  const letter = String.fromCharCode(cursor.at(1))
  const simple = escapes.get(letter)
  if (simple !== undefined) {
    cursor.skip()
    cursor.skip()
    return simple
  }
  const length = codeLengths.get(letter)
  if (length === undefined) return cursor.fail("found unknown escape character", startLine)
  cursor.skip()
  cursor.skip()
  const digits = cursor.text.slice(cursor.index, cursor.index + length)
  if (digits.length < length || !/^[0-9a-fA-F]+$/.test(digits)) {
    return cursor.fail("did not find expected hexadecimal number", startLine)
  }
  const point = Number.parseInt(digits, 16)
  if (point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) {
    return cursor.fail("found invalid Unicode character escape code", startLine)
  }
  for (let i = 0; i < length; i++) cursor.skip()
  return String.fromCodePoint(point)
}

/** A scalar between quotes; the cursor stands on the opening one. */
export function scanQuoted(cursor: Cursor, single: boolean): string {
  const startLine = cursor.line
  const quote = single ? QUOTE : DOUBLE_QUOTE
  let value = ""
  cursor.skip()
  for (;;) {
    if (cursor.atDocumentMarker()) cursor.fail("found unexpected document indicator", startLine)
    if (cursor.at() === 0) cursor.fail("found unexpected end of stream", startLine)
    let afterBreak = false
    for (;;) {
      let length = 0
      let code = cursor.at()
      while (!isBlankOrEnd(code) && code !== quote && (single || code !== BACKSLASH)) {
        length += 1
        code = cursor.at(length)
      }
      if (length > 0) {
        value += cursor.text.slice(cursor.index, cursor.index + length)
        cursor.skipRun(length)
      }
      if (isBlankOrEnd(code)) break
      if (code === quote) {
        if (!single || cursor.at(1) !== QUOTE) break
        value += "'"
        cursor.skip()
        cursor.skip()
      } else if (isBreak(cursor.at(1))) {
        cursor.skip()
        cursor.skipBreak()
        afterBreak = true
        break
      } else {
        value += scanEscape(cursor, startLine)
      }
    }
    if (cursor.at() === quote) break
    let blanks = ""
    let firstBreak = ""
    let moreBreaks = ""
    for (let code = cursor.at(); isBlank(code) || isBreak(code); code = cursor.at()) {
      if (isBreak(code)) {
        blanks = ""
        if (afterBreak) moreBreaks += cursor.readBreak()
        else firstBreak = cursor.readBreak()
        afterBreak = true
      } else {
        if (!afterBreak) blanks += String.fromCharCode(code)
        cursor.skip()
      }
    }
    value += afterBreak ? fold(firstBreak, moreBreaks) : blanks
    // An escaped line break leaves no first break; the breaks after it still count.
  }
  cursor.skip()
  return value
}

function scanBlockHeader(cursor: Cursor): { chomp: "strip" | "clip" | "keep"; increment: number } {
  let chomp: "strip" | "clip" | "keep" = "clip"
  let increment = 0
  const readChomp = (): boolean => {
    const code = cursor.at()
    if (code !== 0x2b && code !== 0x2d) return false
    chomp = code === 0x2b ? "keep" : "strip"
    cursor.skip()
    return true
  }
  const readIncrement = (): void => {
    const digit = cursor.at() - 0x30
    if (digit < 0 || digit > 9) return
    if (digit === 0) cursor.fail("found an indentation indicator equal to 0")
    increment = digit
    cursor.skip()
  }
  if (readChomp()) readIncrement()
  else {
    readIncrement()
    if (increment > 0) readChomp()
  }
  return { chomp, increment }
}

/**
 * A literal (`|`) or folded (`>`) scalar; the cursor stands on the indicator.
 * @param parentIndent - column of the innermost open block, -1 for none
 * @param lineComment - called where a comment may follow the header
 */
export function scanBlock(cursor: Cursor, literal: boolean, parentIndent: number, lineComment: () => void): string {
  const startLine = cursor.line
  cursor.skip()
  const { chomp, increment } = scanBlockHeader(cursor)
  cursor.skipBlanks()
  if (cursor.at() === HASH) {
    lineComment()
    cursor.readLine()
  }
  if (!isBreakOrEnd(cursor.at())) cursor.fail("did not find expected comment or line break", startLine)
  cursor.skipBreak()

  let indent = increment === 0 ? 0 : Math.max(parentIndent, 0) + increment
  const scanBreaks = (): string => {
    let breaks = ""
    let widest = 0
    for (;;) {
      while ((indent === 0 || cursor.column < indent) && cursor.at() === SPACE) cursor.skip()
      widest = Math.max(widest, cursor.column)
      if ((indent === 0 || cursor.column < indent) && cursor.at() === TAB) {
        cursor.fail("found a tab character where an indentation space is expected", startLine)
      }
      if (!isBreak(cursor.at())) break
      breaks += cursor.readBreak()
    }
    if (indent === 0) indent = Math.max(widest, parentIndent + 1, 1)
    return breaks
  }

  let value = ""
  let lastBreak = ""
  let moreBreaks = scanBreaks()
  let lastBlank = false
  while (cursor.column === indent && cursor.at() !== 0) {
    const blank = isBlank(cursor.at())
    if (!literal && !lastBlank && !blank && lastBreak === "\n") {
      if (moreBreaks === "") value += " "
    } else {
      value += lastBreak
    }
    value += moreBreaks
    lastBlank = blank
    value += cursor.readLine()
    lastBreak = cursor.readBreak()
    moreBreaks = scanBreaks()
  }
  if (chomp !== "strip") value += lastBreak
  if (chomp === "keep") value += moreBreaks
  return value
}
