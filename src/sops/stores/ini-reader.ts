/** Reads INI as gopkg.in/ini.v1 does: quotes, continued lines, inline comments. Sections may occur twice, keys may not. */
import { SyntaxInvalid } from "../failures.ts"
import { trimSpace, trimStart } from "../text.ts"

/** Comments with their `#` or `;`, several lines joined by line feeds; "" for none. */
export type IniKey = { name: string; value: string; comment: string }
export type IniSection = { name: string; comment: string; keys: IniKey[] }

/** The section of keys that stand before any section. */
export const defaultSection = "DEFAULT"

const tripleQuote = '"""'

/**
 * Parses INI text.
 * @throws SyntaxInvalid with the line
 */
export function parseIni(text: string): IniSection[] {
  return new IniReader(text.startsWith("\ufeff") ? text.slice(1) : text).sections()
}

class IniReader {
  readonly #lines: string[]
  #next = 0
  /** Comment lines so far, for what follows. */
  #comment = ""

  constructor(text: string) {
    this.#lines = text.split(/(?<=\n)/)
  }

  #fail(what: string): never {
    throw new SyntaxInvalid("INI", what, this.#next)
  }

  #readLine(): string {
    const line = this.#lines[this.#next] ?? ""
    this.#next += 1
    return line
  }

  sections(): IniSection[] {
    let section: IniSection = { name: defaultSection, comment: "", keys: [] }
    const sections = [section]
    let keys = new Map<string, IniKey>()
    while (this.#next < this.#lines.length) {
      const line = trimStart(this.#readLine())
      const first = line[0]
      if (first === undefined) continue
      if (first === "#" || first === ";") {
        this.#comment += line
      } else if (first === "[") {
        section = this.#section(line)
        sections.push(section)
        keys = new Map()
      } else {
        this.#key(line, section, keys)
      }
    }
    return sections
  }

  #takeComment(): string {
    const comment = trimSpace(this.#comment)
    this.#comment = ""
    return comment
  }

  #section(line: string): IniSection {
    const close = line.lastIndexOf("]")
    if (close < 0) this.#fail("a section without its closing bracket")
    const name = line.slice(1, close)
    if (name === "") this.#fail("a section without a name")
    this.#comment += commentIn(line.slice(close + 1))
    return { name, comment: this.#takeComment(), keys: [] }
  }

  /** `keys` are those of the section by their names. */
  #key(line: string, section: IniSection, keys: Map<string, IniKey>): void {
    const { name, rest } = this.#keyName(line)
    if (name === "") this.#fail("a key without a name")
    // ini.v1 numbers keys that are called "-"; sops then writes them as comments, and they are lost.
    if (name === "-") this.#fail('the key "-", which sops cannot keep')
    const value = this.#value(rest)
    const comment = this.#takeComment()
    const known = keys.get(name)
    if (known !== undefined) {
      Object.assign(known, { value, comment })
      return
    }
    const key: IniKey = { name, value, comment }
    keys.set(name, key)
    section.keys.push(key)
  }

  #keyName(line: string): { name: string; rest: string } {
    const opening =
      line.length > 6 && line.startsWith(tripleQuote)
        ? tripleQuote
        : line.startsWith('"')
          ? '"'
          : line.startsWith("`")
            ? "`"
            : ""
    if (opening !== "") {
      const start = opening.length
      const close = line.indexOf(opening, start)
      if (close < 0) this.#fail("a key without its closing quote")
      const delimiter = line.slice(close + start).search(/[=:]/)
      if (delimiter < 0) this.#noDelimiter()
      return { name: trimSpace(line.slice(start, close)), rest: line.slice(close + start + delimiter + 1) }
    }
    const delimiter = line.search(/[=:]/)
    if (delimiter < 0) this.#noDelimiter()
    return { name: trimSpace(line.slice(0, delimiter)), rest: line.slice(delimiter + 1) }
  }

  #noDelimiter(): never {
    return this.#fail('a line without "=" or ":"')
  }

  #value(text: string): string {
    const line = trimStart(text)
    if (line === "") return ""
    const quoteMark = line.length > 3 && line.startsWith(tripleQuote) ? tripleQuote : line.startsWith("`") ? "`" : ""
    if (quoteMark !== "") {
      const start = quoteMark.length
      const close = line.lastIndexOf(quoteMark)
      return close < start ? this.#multiline(line.slice(start), quoteMark) : line.slice(start, close)
    }
    let value = trimSpace(line)
    if (value.endsWith("\\")) return this.#continued(value.slice(0, -1))
    const inline = value.search(/[#;]/)
    if (inline >= 0) {
      this.#comment += value.slice(inline)
      value = trimSpace(value.slice(0, inline))
    }
    return isQuoted(value, "'") || isQuoted(value, '"') ? value.slice(1, -1) : value
  }

  #multiline(start: string, quoteMark: string): string {
    let value = start
    for (;;) {
      if (this.#next >= this.#lines.length) this.#fail("a value without its closing quote")
      const line = this.#readLine()
      const close = line.lastIndexOf(quoteMark)
      if (close < 0) {
        value += line
        continue
      }
      if (trimSpace(line.slice(close + quoteMark.length)).endsWith("\\")) {
        value += line
        continue
      }
      this.#comment += trimSpace(commentIn(line.slice(close)))
      return value + line.slice(0, close)
    }
  }

  #continued(start: string): string {
    let value = start
    for (;;) {
      const line = trimSpace(this.#readLine())
      // Only the line is looked at: looking at all that was put together would join it anew each time.
      if (!line.endsWith("\\")) return value + line
      value += line.slice(0, -1)
    }
  }
}

function commentIn(text: string): string {
  const start = text.search(/[#;]/)
  return start < 0 ? "" : text.slice(start)
}

/** Whether a text stands between quotes and has none inside. */
function isQuoted(text: string, mark: string): boolean {
  return text.length >= 2 && text.startsWith(mark) && text.indexOf(mark, 1) === text.length - 1
}
