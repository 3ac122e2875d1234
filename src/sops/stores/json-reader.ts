/** Parses JSON into trees: keys in order and even twice, integers exact. [RFC 8259], as strict as Go's encoding/json. */
import { quote } from "../../quote.ts"
import { SyntaxInvalid } from "../failures.ts"
import { branch, type Entry, entry, list, NULL, str, type Value } from "../tree.ts"
import { fitsInt64 } from "../value.ts"

/** Deeper nesting would outgrow the call stack. */
const deepest = 500

const number = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?/y
/** A run of characters that a string holds as they are. */
const plainRun = /[^"\\\0-\x1f]*/y
const blank = /[ \t\n\r]*/y

const escapes: ReadonlyMap<string, string> = new Map([
  ['"', '"'],
  ["\\", "\\"],
  ["/", "/"],
  ["b", "\b"],
  ["f", "\f"],
  ["n", "\n"],
  ["r", "\r"],
  ["t", "\t"],
])

/**
 * Parses the JSON value that text begins with.
 * @returns it, and whether anything but white space follows
 * @throws SyntaxInvalid with the line
 */
export function parseJson(text: string): { value: Value; rest: boolean } {
  const reader = new JsonReader(text)
  const value = reader.value(0)
  reader.skipBlank()
  return { value, rest: reader.index < text.length }
}

class JsonReader {
  readonly #text: string
  index = 0

  constructor(text: string) {
    this.#text = text
  }

  #fail(what: string): never {
    throw new SyntaxInvalid("JSON", what, this.#text.slice(0, this.index).split("\n").length)
  }

  skipBlank(): void {
    blank.lastIndex = this.index
    blank.test(this.#text)
    this.index = blank.lastIndex
  }

  value(depth: number): Value {
    if (depth > deepest) this.#fail(`nested more than ${deepest} levels deep`)
    this.skipBlank()
    const first = this.#text[this.index]
    switch (first) {
      case "{":
        return this.#object(depth)
      case "[":
        return this.#array(depth)
      case '"':
        return str(this.#string())
      case "t":
        return this.#word("true", { type: "bool", value: true })
      case "f":
        return this.#word("false", { type: "bool", value: false })
      case "n":
        return this.#word("null", NULL)
      case undefined:
        return this.#fail("it ends too early")
      default:
        return this.#number()
    }
  }

  #word(word: string, value: Value): Value {
    if (!this.#text.startsWith(word, this.index)) this.#unexpected()
    this.index += word.length
    return value
  }

  #unexpected(): never {
    const character = this.#text[this.index]
    return this.#fail(character === undefined ? "it ends too early" : `unexpected character ${quote(character)}`)
  }

  #expect(character: string): void {
    this.skipBlank()
    if (this.#text[this.index] !== character) this.#unexpected()
    this.index += 1
  }

  /** After an item: true for a comma, false for the end. */
  #more(end: string): boolean {
    this.skipBlank()
    const character = this.#text[this.index]
    if (character !== "," && character !== end) this.#unexpected()
    this.index += 1
    return character === ","
  }

  #startsEmpty(end: string): boolean {
    this.index += 1
    this.skipBlank()
    if (this.#text[this.index] !== end) return false
    this.index += 1
    return true
  }

  #object(depth: number): Value {
    const items: Entry[] = []
    if (this.#startsEmpty("}")) return branch(items)
    do {
      this.skipBlank()
      if (this.#text[this.index] !== '"') this.#unexpected()
      const key = this.#string()
      this.#expect(":")
      items.push(entry(key, this.value(depth + 1)))
    } while (this.#more("}"))
    return branch(items)
  }

  #array(depth: number): Value {
    const items: Value[] = []
    if (this.#startsEmpty("]")) return list(items)
    do items.push(this.value(depth + 1))
    while (this.#more("]"))
    return list(items)
  }

  #number(): Value {
    number.lastIndex = this.index
    const match = number.exec(this.#text)
    if (match === null) this.#unexpected()
    const [digits, fraction, exponent] = match
    if (fraction === undefined && exponent === undefined) {
      const value = BigInt(digits)
      if (fitsInt64(value)) {
        this.index = number.lastIndex
        return { type: "int", value }
      }
    }
    const value = Number(digits)
    if (!Number.isFinite(value)) this.#fail("a number is too large")
    this.index = number.lastIndex
    return { type: "float", value }
  }

  #string(): string {
    let text = ""
    this.index += 1
    for (;;) {
      plainRun.lastIndex = this.index
      plainRun.test(this.#text)
      text += this.#text.slice(this.index, plainRun.lastIndex)
      this.index = plainRun.lastIndex
      const character = this.#text[this.index]
      if (character === '"') break
      if (character !== "\\") this.#unexpected()
      text += this.#escape()
    }
    this.index += 1
    // Go puts U+FFFD for invalid UTF-8 and for halves of surrogate pairs.
    return text.replace(/[\ud800-\udfff]/gu, "\ufffd")
  }

  #escape(): string {
    const letter = this.#text[this.index + 1] ?? ""
    const simple = escapes.get(letter)
    if (simple !== undefined) {
      this.index += 2
      return simple
    }
    const digits = this.#text.slice(this.index + 2, this.index + 6)
    if (letter !== "u" || !/^[0-9a-fA-F]{4}$/.test(digits)) this.#fail("invalid escape in a text")
    this.index += 6
    return String.fromCharCode(Number.parseInt(digits, 16))
  }
}
