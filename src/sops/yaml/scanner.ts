/**
 * Cuts YAML text into tokens. [YAML 1.1], by the method of libyaml: a token is handed out once it is certain that no key begins
 * with it; blocks open and close by columns. Comments are collected on the side (comments.ts).
 */
import { type FoundComment, scanComments, scanLineComment } from "./comments.ts"
import type { Cursor } from "./cursor.ts"
import { isBlank, isBlankOrEnd, isBreak, isWord, type Mark, TAB } from "./cursor.ts"
import { scanDirective, scanTag } from "./properties.ts"
import { scanBlock, scanPlain, scanQuoted } from "./scalars.ts"
import { SimpleKeys } from "./simple-keys.ts"
import type { Token } from "./token.ts"

/** Blocks and flow collections may be nested this deep; deeper ones would outgrow the call stack of the parser. */
const deepest = 500

export class Scanner {
  readonly cursor: Cursor
  /** Comments that no token has taken up yet, oldest first. */
  readonly comments: FoundComment[] = []
  #tokens: Token[] = []
  #head = 0
  #handedOut = 0
  #indent = -1
  readonly #indents: number[] = []
  #flowLevel = 0
  #keyAllowed = true
  readonly #keys: SimpleKeys
  #ended = false

  constructor(cursor: Cursor) {
    this.cursor = cursor
    this.#keys = new SimpleKeys(cursor)
    this.#push({ type: "stream-start", start: cursor.mark() })
  }

  /** The next token, without taking it. */
  peek(): Token {
    // Comments are given to tokens before them too, which is why two more tokens must be known.
    while (!this.#ended && (this.#head >= this.#tokens.length - 2 || this.#keys.pendingAt(this.#handedOut)))
      this.#fetch()
    return this.#tokens[this.#head]!
  }

  /** Takes the next token. */
  take(): void {
    if (this.#head < this.#tokens.length - 1) this.#head += 1
    this.#handedOut += 1
    if (this.#head > 1000) {
      this.#tokens = this.#tokens.slice(this.#head)
      this.#head = 0
    }
  }

  #push(token: Token): void {
    this.#tokens.push(token)
  }

  #fetch(): void {
    const { cursor } = this
    const { index, line } = cursor
    this.#toNextToken(index, line)
    this.#unroll(cursor.column, index)
    const code = cursor.at()
    if (code === 0) {
      this.#fetchEnd()
      return
    }
    if (cursor.column === 0 && code === 0x25) {
      this.#fetchDirective()
      return
    }
    if (cursor.atDocumentMarker()) {
      this.#fetchDocumentMarker(code === 0x2d ? "document-start" : "document-end")
      return
    }
    const last = this.#tokens[this.#tokens.length - 1]
    const ofLast = this.#flowLevel === 0 ? code === 0x3a : code === 0x2c
    const owner = ofLast && last !== undefined ? last.start : cursor.mark()
    this.#fetchContent(code)
    // A comment on the line of a bare "-" is the head of what follows.
    if (this.#tokens[this.#tokens.length - 1]?.type !== "block-entry") scanLineComment(cursor, owner, this.comments)
  }

  #fetchContent(code: number): void {
    const inFlow = this.#flowLevel > 0
    const blankAfter = isBlankOrEnd(this.cursor.at(1))
    const character = String.fromCharCode(code)
    if (character === "[") this.#openFlow("flow-sequence-start")
    else if (character === "{") this.#openFlow("flow-mapping-start")
    else if (character === "]") this.#closeFlow("flow-sequence-end")
    else if (character === "}") this.#closeFlow("flow-mapping-end")
    else if (character === ",") this.#fetchFlowEntry()
    else if (character === "-" && blankAfter) this.#fetchBlockEntry()
    else if (character === "?" && (inFlow || blankAfter)) this.#fetchKey()
    else if (character === ":" && (inFlow || blankAfter)) this.#fetchValue()
    else if (character === "*") this.#fetchAnchor("alias")
    else if (character === "&") this.#fetchAnchor("anchor")
    else if (character === "!") this.#fetchTag()
    else if (character === "|" && !inFlow) this.#fetchBlockScalar(true)
    else if (character === ">" && !inFlow) this.#fetchBlockScalar(false)
    else if (character === "'") this.#fetchQuoted(true)
    else if (character === '"') this.#fetchQuoted(false)
    else if (this.#startsPlain(code)) this.#fetchPlain()
    else this.cursor.fail("found character that cannot start any token")
  }

  #fetchFlowEntry(): void {
    this.#keys.drop()
    this.#keyAllowed = true
    this.#pushIndicator("flow-entry")
  }

  /** [YAML 1.1] 9.1.3 ns-plain-first, as libyaml narrows it. */
  #startsPlain(code: number): boolean {
    if (code === 0x2d) return !isBlank(this.cursor.at(1))
    if (code === 0x3f || code === 0x3a) return this.#flowLevel === 0 && !isBlankOrEnd(this.cursor.at(1))
    return !isBlankOrEnd(code) && !"-?:,[]{}#&*!|>'\"%@`".includes(String.fromCharCode(code))
  }

  #toNextToken(scanIndex: number, scanLine: number): void {
    const { cursor } = this
    for (;;) {
      while (cursor.at() === 0x20 || (cursor.at() === TAB && (this.#flowLevel > 0 || !this.#keyAllowed))) cursor.skip()
      this.#turnIntoHead()
      if (cursor.at() === 0x23) {
        scanComments(cursor, scanIndex, scanLine, this.#tokens, this.#indent, this.#flowLevel > 0, this.comments)
      }
      if (!isBreak(cursor.at())) return
      cursor.skipBreak()
      if (this.#flowLevel === 0) this.#keyAllowed = true
    }
  }

  /** A comment on the line of the first "-" of a list is the head of what follows it. */
  #turnIntoHead(): void {
    const count = this.#tokens.length
    const comment = this.comments[this.comments.length - 1]
    if (comment?.kind !== "line" || count < 2 || isBreak(this.cursor.at())) return
    if (this.#tokens[count - 2]!.type !== "block-sequence-start" || this.#tokens[count - 1]!.type !== "block-entry")
      return
    comment.kind = "head"
    if (comment.start.line === this.cursor.line - 1) comment.token = this.cursor.index
  }

  /** Closes the blocks that are deeper than a column; each ends before the comments that belong to the blocks around it. */
  #unroll(column: number, scanIndex: number): void {
    if (this.#flowLevel > 0 || this.#indent <= column) return
    let start: Mark = { ...this.cursor.mark(), index: scanIndex - 1 }
    while (this.#indent > column) {
      let stop = start.index
      for (let i = this.comments.length - 1; i >= 0; i--) {
        const comment = this.comments[i]!
        if (comment.end < stop) break
        if (comment.start.column === this.#indent + 1) start = comment.start
        stop = comment.scan
      }
      this.#push({ type: "block-end", start })
      this.#indent = this.#indents.pop()!
    }
  }

  /** Opens a block if the column is deeper than the current one; `number` is the token before which it opens. */
  #roll(mark: Mark, type: "block-sequence-start" | "block-mapping-start", number?: number): void {
    if (this.#flowLevel > 0 || this.#indent >= mark.column) return
    this.#indents.push(this.#indent)
    this.#indent = mark.column
    if (this.#indents.length > deepest) this.cursor.fail(`nested more than ${deepest} levels deep`)
    this.#insert({ type, start: mark }, number)
  }

  #insert(token: Token, number?: number): void {
    if (number === undefined) this.#tokens.push(token)
    else this.#tokens.splice(this.#head + number - this.#handedOut, 0, token)
  }

  #saveKey(): void {
    if (!this.#keyAllowed) return
    const required = this.#flowLevel === 0 && this.#indent === this.cursor.column
    this.#keys.save(this.#handedOut + (this.#tokens.length - this.#head), required)
  }

  #fetchEnd(): void {
    const { cursor } = this
    if (cursor.column !== 0) {
      cursor.column = 0
      cursor.line += 1
    }
    this.#unroll(-1, cursor.index)
    this.#keys.drop()
    this.#keyAllowed = false
    this.#push({ type: "stream-end", start: cursor.mark() })
    this.#ended = true
  }

  #fetchDirective(): void {
    this.#unroll(-1, this.cursor.index)
    this.#keys.drop()
    this.#keyAllowed = false
    this.#push(scanDirective(this.cursor))
  }

  #fetchDocumentMarker(type: "document-start" | "document-end"): void {
    this.#unroll(-1, this.cursor.index)
    this.#keys.drop()
    this.#keyAllowed = false
    this.#push({ type, start: this.cursor.mark() })
    this.cursor.skipRun(3)
  }

  #pushIndicator(type: "flow-entry" | "block-entry" | "key" | "value"): void {
    this.#push({ type, start: this.cursor.mark() })
    this.cursor.skip()
  }

  #openFlow(type: "flow-sequence-start" | "flow-mapping-start"): void {
    const start = this.cursor.mark()
    this.#saveKey()
    this.#keys.enter()
    this.#flowLevel += 1
    if (this.#flowLevel > deepest) this.cursor.fail(`nested more than ${deepest} levels deep`)
    this.#keyAllowed = true
    this.cursor.skip()
    this.#push({ type, start })
  }

  #closeFlow(type: "flow-sequence-end" | "flow-mapping-end"): void {
    this.#keys.drop()
    if (this.#flowLevel > 0) {
      this.#flowLevel -= 1
      this.#keys.leave()
    }
    this.#keyAllowed = false
    this.#push({ type, start: this.cursor.mark() })
    this.cursor.skip()
  }

  #fetchBlockEntry(): void {
    if (this.#flowLevel === 0) {
      if (!this.#keyAllowed) this.cursor.fail("block sequence entries are not allowed in this context")
      this.#roll(this.cursor.mark(), "block-sequence-start")
    }
    this.#keys.drop()
    this.#keyAllowed = true
    this.#pushIndicator("block-entry")
  }

  #fetchKey(): void {
    if (this.#flowLevel === 0) {
      if (!this.#keyAllowed) this.cursor.fail("mapping keys are not allowed in this context")
      this.#roll(this.cursor.mark(), "block-mapping-start")
    }
    this.#keys.drop()
    this.#keyAllowed = this.#flowLevel === 0
    this.#pushIndicator("key")
  }

  #fetchValue(): void {
    const key = this.#keys.take()
    if (key !== null) {
      this.#insert({ type: "key", start: key.mark }, key.number)
      this.#roll(key.mark, "block-mapping-start", key.number)
      this.#keyAllowed = false
    } else {
      if (this.#flowLevel === 0) {
        if (!this.#keyAllowed) this.cursor.fail("mapping values are not allowed in this context")
        this.#roll(this.cursor.mark(), "block-mapping-start")
      }
      this.#keyAllowed = this.#flowLevel === 0
    }
    this.#pushIndicator("value")
  }

  #fetchAnchor(type: "alias" | "anchor"): void {
    const { cursor } = this
    this.#saveKey()
    this.#keyAllowed = false
    const start = cursor.mark()
    cursor.skip()
    let length = 0
    while (isWord(cursor.at(length))) length += 1
    const name = cursor.text.slice(cursor.index, cursor.index + length)
    cursor.skipRun(length)
    const after = cursor.at()
    if (length === 0 || !(isBlankOrEnd(after) || "?:,]}%@`".includes(String.fromCharCode(after)))) {
      cursor.fail("did not find expected alphabetic or numeric character")
    }
    this.#push({ type, start, name })
  }

  #fetchTag(): void {
    this.#saveKey()
    this.#keyAllowed = false
    this.#push(scanTag(this.cursor))
  }

  #fetchBlockScalar(literal: boolean): void {
    const start = this.cursor.mark()
    this.#keys.drop()
    this.#keyAllowed = true
    const comment = (): void => scanLineComment(this.cursor, start, this.comments)
    const value = scanBlock(this.cursor, literal, this.#indent, comment)
    this.#push({ type: "scalar", start, value, style: literal ? "literal" : "folded" })
  }

  #fetchQuoted(single: boolean): void {
    const start = this.cursor.mark()
    this.#saveKey()
    this.#keyAllowed = false
    this.#push({ type: "scalar", start, value: scanQuoted(this.cursor, single), style: single ? "single" : "double" })
  }

  #fetchPlain(): void {
    const start = this.cursor.mark()
    this.#saveKey()
    this.#keyAllowed = false
    const { value, multiline } = scanPlain(this.cursor, this.#indent + 1, this.#flowLevel > 0)
    if (multiline) this.#keyAllowed = true
    this.#push({ type: "scalar", start, value, style: "plain" })
  }
}
