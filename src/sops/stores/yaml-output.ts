/** Text that grows line by line, as go-yaml's emitter writes it: it knows when a space or a line break is due. */
import { isBreak } from "../yaml/cursor.ts"

/** Where a node stands, which decides its indentation. */
export type Place = "root" | "item" | "key" | "value"

export class YamlOutput {
  /** Spaces a level. */
  readonly best: number
  readonly #pieces: string[] = []
  #column = 0
  #whitespace = true
  #indention = true
  /** Spaces before what comes next; -1 before anything has begun. */
  indent = -1
  readonly #indents: number[] = []
  /** Where a foot comment ended: what then begins at the same place stands off by an empty line. -1 for none. */
  footIndent = -1

  constructor(indent: number) {
    this.best = indent >= 2 && indent <= 9 ? indent : 2
  }

  text(): string {
    return this.#pieces.join("")
  }

  /** One level deeper; what stands in a list item, or begins a flow collection at the top, has its own measure. */
  increaseIndent(place: Place, flow: boolean): void {
    this.#indents.push(this.indent)
    if (this.indent < 0) this.indent = flow ? this.best : 0
    else if (place === "item") this.indent += 2
    else this.indent = this.best * Math.floor((this.indent + this.best) / this.best)
  }

  decreaseIndent(): void {
    this.indent = this.#indents.pop()!
  }

  /** A word of its own, set off by a space. */
  word(text: string): void {
    if (text !== "" && !this.#whitespace) this.#put(" ")
    this.#put(text)
    this.#whitespace = this.#indention = false
  }

  /** A part of a text, set off by nothing. */
  run(text: string): void {
    this.#put(text)
    this.#indention = false
  }

  /** After the header of a block text, its lines need no space before them. */
  beginText(): void {
    this.#whitespace = true
  }

  /** A comment on the line of what was written last. */
  lineComment(text: string): void {
    if (!this.#whitespace) this.#put(" ")
    this.comment(text)
  }

  #put(text: string): void {
    if (text === "") return
    this.#pieces.push(text)
    this.#column += text.length
  }

  /** Ends the line. */
  break(): void {
    this.#pieces.push("\n")
    this.#column = 0
    this.#indention = true
  }

  /** Breaks that are part of a text and of another kind. */
  rawBreaks(text: string): void {
    this.#pieces.push(text)
    this.#column = 0
    this.#indention = true
  }

  /** Goes to a line of its own, indented. */
  writeIndent(): void {
    const indent = Math.max(this.indent, 0)
    if (!this.#indention || this.#column > indent || (this.#column === indent && !this.#whitespace)) this.break()
    if (this.footIndent === indent) this.break()
    if (this.#column < indent) this.#put(" ".repeat(indent - this.#column))
    this.#whitespace = true
    this.footIndent = -1
  }

  /** A sign of YAML's own. */
  indicator(text: string, needsSpace: boolean, isSpace = false, isIndention = false): void {
    if (needsSpace && !this.#whitespace) this.#put(" ")
    this.#put(text)
    this.#whitespace = isSpace
    this.#indention = this.#indention && isIndention
  }

  /** A comment with its line break; lines after the first are indented. */
  comment(text: string): void {
    let afterBreak = false
    let pound = false
    for (const piece of text.split(/(\r\n|[\n\r\u0085\u2028\u2029])/)) {
      if (piece === "") continue
      if (isBreak(piece.charCodeAt(0))) {
        if (piece === "\n") this.break()
        else this.rawBreaks(piece)
        afterBreak = true
        pound = false
        continue
      }
      if (afterBreak) this.writeIndent()
      if (!pound && !piece.startsWith("#")) this.#put("# ")
      pound = true
      this.#put(piece)
      this.#indention = false
      afterBreak = false
    }
    if (!afterBreak) this.break()
    this.#whitespace = true
  }
}
