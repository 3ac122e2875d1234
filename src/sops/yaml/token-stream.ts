/** The tokens of a text with the comments that belong to each: what a parser looks at. */
import { SyntaxInvalid } from "../failures.ts"
import { openText } from "./cursor.ts"
import type { Comments } from "./node.ts"
import { Scanner } from "./scanner.ts"
import type { Token } from "./token.ts"

export class TokenStream {
  readonly #scanner: Scanner
  #head = ""
  #line = ""
  #foot = ""
  /** The head comment of a list entry whose value is itself a block, and which the comment belongs to as a whole. */
  #stem = ""

  constructor(text: string) {
    this.#scanner = new Scanner(openText(text))
    this.#scanner.peek()
    this.#scanner.take()
  }

  /** The next token; takes up the comments that stand before it. */
  peek(): Token {
    const token = this.#scanner.peek()
    const { comments } = this.#scanner
    let taken = 0
    for (; taken < comments.length; taken++) {
      const comment = comments[taken]!
      if (token.start.index < comment.token) break
      if (comment.kind === "head") {
        // No head on an end: it waits for what follows.
        if (token.type === "block-end") break
        this.#head = joined(this.#head, comment.text)
      } else if (comment.kind === "foot") {
        this.#foot = joined(this.#foot, comment.text)
      } else {
        this.#line = joined(this.#line, comment.text)
      }
    }
    // All at once: each time that the first of many goes, all others move up.
    if (taken > 0) comments.splice(0, taken)
    return token
  }

  /** Takes a token, without looking at the next. */
  take(): void {
    this.#scanner.take()
  }

  /** Takes a token and looks at the next. */
  next(): Token {
    this.#scanner.take()
    return this.peek()
  }

  /** The comments that were taken up since the last time. */
  takeComments(): Comments {
    const comments = { head: this.#head, line: this.#line, foot: this.#foot }
    this.#head = this.#line = this.#foot = this.#stem = ""
    return comments
  }

  /** Takes a token and the comments before it. */
  takeEnd(): Comments {
    const comments = this.takeComments()
    this.#scanner.take()
    return comments
  }

  fail(what: string, token: Token): never {
    throw new SyntaxInvalid("YAML", what, token.start.line + 1)
  }

  /** Of the comments on top, those above the last empty line are the document's, those below are its first key's. */
  splitDocumentHead(): string {
    const text = this.#head
    for (let i = text.length - 1; i > 0; i--) {
      if (text[i] !== "\n") continue
      if (i === text.length - 1 || text[i - 1] === "\n") {
        this.#head = text.slice(i + 1)
        return text.slice(0, i === text.length - 1 ? i : i - 1)
      }
    }
    return ""
  }

  /** Takes the "-" of a list entry. */
  takeEntry(): void {
    const before = this.#head.length
    this.#scanner.take()
    this.#splitStem(before)
  }

  /** The comment above a "-" belongs to the whole block that stands in the entry, not to the first thing in it. */
  #splitStem(length: number): void {
    if (length === 0) return
    const token = this.peek()
    if (token.type !== "block-sequence-start" && token.type !== "block-mapping-start") return
    this.#stem = this.#head.slice(0, length)
    this.#head = this.#head.slice(length + 1)
  }

  /** What `takeEntry` put aside. */
  takeStem(): Comments {
    const head = this.#stem
    this.#stem = ""
    return { head, line: "", foot: "" }
  }
}

function joined(text: string, more: string): string {
  return text === "" ? more : `${text}\n${more}`
}
