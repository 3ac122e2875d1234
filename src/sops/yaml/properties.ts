/** Tags and directives. [YAML 1.1] 6.8.2 and 7.1. */
import { type Cursor, isBlank, isBlankOrEnd, isBreakOrEnd, isWord } from "./cursor.ts"
import type { Token } from "./token.ts"

const uriPunctuation = ";/?:@&=+$,.!~*'()[]%"

function scanWord(cursor: Cursor): string {
  let length = 0
  while (isWord(cursor.at(length))) length += 1
  const word = cursor.text.slice(cursor.index, cursor.index + length)
  cursor.skipRun(length)
  return word
}

/** A tag's URI with its escaped octets decoded. `head` is a handle that turned out to be the URI's beginning. */
function scanUri(cursor: Cursor, head: string): string {
  let length = 0
  for (;;) {
    const code = cursor.at(length)
    if (!isWord(code) && (code === 0 || !uriPunctuation.includes(String.fromCharCode(code)))) break
    length += 1
  }
  if (length === 0 && head === "") cursor.fail("did not find expected tag URI")
  const escaped = head.slice(1) + cursor.text.slice(cursor.index, cursor.index + length)
  cursor.skipRun(length)
  try {
    return decodeURIComponent(escaped)
  } catch {
    return cursor.fail("found an incorrect URI escape in a tag")
  }
}

function scanHandle(cursor: Cursor, directive: boolean): string {
  if (cursor.at() !== 0x21) cursor.fail("did not find expected '!'")
  cursor.skip()
  const word = scanWord(cursor)
  if (cursor.at() === 0x21) {
    cursor.skip()
    return `!${word}!`
  }
  if (directive && word !== "") cursor.fail("did not find expected '!'")
  return `!${word}`
}

/** A tag; the cursor stands on its `!`. */
export function scanTag(cursor: Cursor): Token {
  const start = cursor.mark()
  let handle = ""
  let suffix: string
  if (cursor.at(1) === 0x3c) {
    cursor.skipRun(2)
    suffix = scanUri(cursor, "")
    if (cursor.at() !== 0x3e) cursor.fail("did not find the expected '>'")
    cursor.skip()
  } else {
    handle = scanHandle(cursor, false)
    if (handle.length > 1 && handle.endsWith("!")) {
      suffix = scanUri(cursor, "")
    } else {
      suffix = scanUri(cursor, handle)
      handle = "!"
      if (suffix === "") [handle, suffix] = [suffix, handle]
    }
  }
  if (!isBlankOrEnd(cursor.at())) cursor.fail("did not find expected whitespace or line break")
  return { type: "tag", start, handle, suffix }
}

function scanVersion(cursor: Cursor): string {
  const number = (): string => {
    let length = 0
    while (cursor.at(length) >= 0x30 && cursor.at(length) <= 0x39) length += 1
    if (length === 0) cursor.fail("did not find expected version number")
    if (length > 2) cursor.fail("found extremely long version number")
    const digits = cursor.text.slice(cursor.index, cursor.index + length)
    cursor.skipRun(length)
    return String(Number(digits))
  }
  const major = number()
  if (cursor.at() !== 0x2e) cursor.fail("did not find expected digit or '.' character")
  cursor.skip()
  return `${major}.${number()}`
}

/** A `%YAML` or `%TAG` directive with its line; the cursor stands on the `%`. */
export function scanDirective(cursor: Cursor): Token {
  const start = cursor.mark()
  cursor.skip()
  const name = scanWord(cursor)
  if (name === "") cursor.fail("could not find expected directive name")
  if (!isBlankOrEnd(cursor.at())) cursor.fail("found unexpected non-alphabetical character")
  if (name !== "YAML" && name !== "TAG") cursor.fail("found unknown directive name")
  cursor.skipBlanks()
  let token: Token
  if (name === "YAML") {
    token = { type: "version-directive", start, version: scanVersion(cursor) }
  } else {
    const handle = scanHandle(cursor, true)
    if (!isBlank(cursor.at())) cursor.fail("did not find expected whitespace")
    cursor.skipBlanks()
    const prefix = scanUri(cursor, "")
    if (!isBlankOrEnd(cursor.at())) cursor.fail("did not find expected whitespace or line break")
    token = { type: "tag-directive", start, handle, prefix }
  }
  cursor.skipBlanks()
  if (cursor.at() === 0x23) cursor.readLine()
  if (!isBreakOrEnd(cursor.at())) cursor.fail("did not find expected comment or line break")
  cursor.skipBreak()
  return token
}
