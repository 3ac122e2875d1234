/** A position in YAML text, with the line and column that indentation and comments are judged by. */
import { SyntaxInvalid } from "../failures.ts"
import { decodeText } from "../text.ts"

/** A place in the text; all three count from 0. */
export type Mark = Readonly<{ index: number; line: number; column: number }>

export const TAB = 0x09
export const LF = 0x0a
export const CR = 0x0d
export const SPACE = 0x20

/** [YAML 1.1] 5.4: next line, line separator and paragraph separator break lines too. */
export function isBreak(code: number): boolean {
  return code === LF || code === CR || code === 0x85 || code === 0x2028 || code === 0x2029
}

export function isBlank(code: number): boolean {
  return code === SPACE || code === TAB
}

/** A break, or the end of the text. */
export function isBreakOrEnd(code: number): boolean {
  return code === 0 || isBreak(code)
}

export function isBlankOrEnd(code: number): boolean {
  return code === SPACE || code === TAB || isBreakOrEnd(code)
}

/** Letters, digits, `_` and `-`: what anchors and tag handles are made of. */
export function isWord(code: number): boolean {
  return (
    (code >= 0x30 && code <= 0x39) ||
    (code >= 0x41 && code <= 0x5a) ||
    (code >= 0x61 && code <= 0x7a) ||
    code === 0x5f ||
    code === 0x2d
  )
}

/** Walks over text that holds no NUL; code 0 stands for its end. */
export class Cursor {
  readonly text: string
  readonly end: number
  index = 0
  line = 0
  column = 0
  /** Breaks passed since the last character that is neither blank nor break. */
  newlines = 0

  constructor(text: string) {
    this.end = text.length
    this.text = text
  }

  mark(): Mark {
    return { index: this.index, line: this.line, column: this.column }
  }

  /** Code of the character at an offset from here; 0 past the end. */
  at(offset = 0): number {
    const index = this.index + offset
    return index < this.end ? this.text.charCodeAt(index) : 0
  }

  /** Passes one character that is no break. */
  skip(): void {
    if (!isBlank(this.at())) this.newlines = 0
    this.index += 1
    this.column += 1
  }

  /** Passes `count` characters that are no breaks, the last of them no blank. */
  skipRun(count: number): void {
    if (count === 0) return
    this.newlines = 0
    this.index += count
    this.column += count
  }

  /** Passes blanks. */
  skipBlanks(): void {
    while (isBlank(this.at())) this.skip()
  }

  /** Passes a line break, if there is one. */
  skipBreak(): void {
    const code = this.at()
    if (!isBreak(code)) return
    this.index += code === CR && this.at(1) === LF ? 2 : 1
    this.column = 0
    this.line += 1
    this.newlines += 1
  }

  /** Passes a line break and gives what it counts as in a scalar: a line feed, or the separator itself. */
  readBreak(): string {
    const code = this.at()
    if (!isBreak(code)) return ""
    this.skipBreak()
    return code === 0x2028 || code === 0x2029 ? String.fromCharCode(code) : "\n"
  }

  /** Passes everything up to the end of the line and gives it. */
  readLine(): string {
    const start = this.index
    let stop = start
    while (stop < this.end && !isBreak(this.text.charCodeAt(stop))) stop += 1
    for (let at = start; at < stop; at++) {
      if (!isBlank(this.text.charCodeAt(at))) {
        this.newlines = 0
        break
      }
    }
    this.column += stop - start
    this.index = stop
    return this.text.slice(start, stop)
  }

  /** Whether a document marker, `---` or `...`, stands here at the start of a line. */
  atDocumentMarker(): boolean {
    if (this.column !== 0) return false
    const code = this.at()
    if (code !== 0x2d && code !== 0x2e) return false
    return this.at(1) === code && this.at(2) === code && isBlankOrEnd(this.at(3))
  }

  fail(what: string, line = this.line): never {
    throw new SyntaxInvalid("YAML", what, line + 1)
  }
}

/** The text of a YAML file: UTF-8, or UTF-16 with a byte-order mark. [YAML 1.1] 5.2 */
export function decodeYaml(bytes: Uint8Array): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return new TextDecoder("utf-16le").decode(bytes)
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return new TextDecoder("utf-16be").decode(bytes)
  return decodeText(bytes)
}

const forbidden = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]/u

/**
 * Takes what may precede YAML text off it and makes sure that only characters are left which YAML allows.
 * @param text - decoded by `decodeYaml`, so that invalid UTF-8 shows as lone surrogates
 * @throws SyntaxInvalid with the line
 * @see [YAML 1.1] 5.1 Character Set
 */
export function openText(text: string): Cursor {
  const body = text.charCodeAt(0) === 0xfeff ? text.slice(1) : text
  const bad = forbidden.exec(body)
  if (bad !== null) {
    const line = body.slice(0, bad.index).split("\n").length
    const code = bad[0].charCodeAt(0)
    const what = code >= 0xd800 && code <= 0xdfff ? "invalid UTF-8" : "control characters are not allowed"
    throw new SyntaxInvalid("YAML", what, line)
  }
  return new Cursor(body)
}
