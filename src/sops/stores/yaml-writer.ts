/**
 * Writes YAML in the layout of go-yaml v3 as sops drives it: 4 spaces a level, lines of any length, nothing in flow style but what
 * is empty. [YAML 1.1]; the placing of comments and blank lines follows go-yaml's emitter, whose pending comments are state here too.
 */

import type { Documents, Value } from "../tree.ts"
import { isBreak } from "../yaml/cursor.ts"
import { escapeDouble, type WrittenScalar } from "../yaml/scalar-style.ts"
import { readableKey, toNode, type WriterNode } from "./yaml-nodes.ts"
import { type Place, YamlOutput } from "./yaml-output.ts"

/**
 * Writes documents.
 * @param indent - spaces a level, 2 to 9
 * @param asSops - with go-yaml's faults: the hint of a literal is `indent` everywhere, which inside lists no parser reads back right,
 *   a list's first comment is lost where its first item has one too, and a comment stands between a dash and `{}`, or between its braces
 */
export function writeYaml(documents: Documents, indent: number, asSops = false): string {
  const writer = new Writer(indent, asSops)
  documents.forEach((document, index) => writer.document(toNode(document), index === 0))
  return writer.text()
}

/** Writes a value alone, at go-yaml's own indentation. */
export function writeYamlValue(value: Value, asSops = false): string {
  const writer = new Writer(4, asSops)
  writer.document(toNode(value), true)
  return writer.text()
}

function isEmpty(node: WriterNode): boolean {
  return (node.kind === "mapping" && node.pairs.length === 0) || (node.kind === "sequence" && node.items.length === 0)
}

class Writer {
  readonly #asSops: boolean
  readonly #out: YamlOutput
  /** Comments that wait to be written; each is overtaken by the next of its kind. */
  #head = ""
  #line = ""
  #foot = ""
  #tail = ""
  #keyLine = ""

  constructor(indent: number, asSops: boolean) {
    this.#asSops = asSops
    this.#out = new YamlOutput(indent)
  }

  text(): string {
    return this.#out.text()
  }

  document(root: WriterNode, first: boolean): void {
    if (!first) {
      this.#out.writeIndent()
      this.#out.indicator("---", true)
      this.#out.writeIndent()
    }
    if (this.#head !== "") {
      this.#processHead()
      this.#out.break()
    }
    this.#pend(root)
    this.#processHead()
    this.#begin(root, "root")
    this.#processLine()
    this.#processFoot()
    this.#content(root, "root")
    this.#out.footIndent = 0
    this.#processFoot()
    this.#out.footIndent = -1
    this.#out.writeIndent()
  }

  /** What the start of a node brings: its head, and the rest only when the node ends with its start. */
  #pend(node: WriterNode): void {
    if (node.head !== "") this.#head = node.head
    if (node.kind === "scalar") this.#pendEnd(node)
  }

  #pendEnd(node: WriterNode): void {
    if (node.line !== "") this.#line = node.line
    if (node.foot !== "") this.#foot = node.foot
  }

  #begin(node: WriterNode, place: Place): void {
    if (node.kind === "scalar") this.#scalar(node.scalar, place)
  }

  #content(node: WriterNode, place: Place): void {
    if (node.kind === "mapping") {
      if (isEmpty(node)) this.#emptyMapping(node, place)
      else this.#mapping(node, place)
    } else if (node.kind === "sequence") {
      if (isEmpty(node)) this.#emptySequence(node)
      else this.#sequence(node, place)
    }
  }

  #mapping(node: WriterNode & { kind: "mapping" }, place: Place): void {
    this.#out.increaseIndent(place, false)
    let tail = ""
    for (const { key, value } of node.pairs) {
      if (key.head !== "") this.#head = key.head
      if (tail !== "") this.#tail = tail
      tail = key.foot
      this.#processHead()
      this.#out.writeIndent()
      if (this.#line !== "") {
        this.#keyLine = this.#line
        this.#line = ""
      }
      const scalar = this.#asSops ? key.scalar : readableKey(key.scalar, value)
      const simple = !key.scalar.multiline && key.scalar.length <= 128
      if (simple) {
        this.#scalar(scalar, "key")
      } else {
        this.#out.indicator("?", true, false, true)
        this.#scalar(scalar, "key")
      }
      this.#value(value, simple)
    }
    if (tail !== "") this.#tail = tail
    this.#pendEnd(node)
    this.#processHead()
    this.#out.decreaseIndent()
  }

  #value(value: WriterNode, simpleKey: boolean): void {
    this.#pend(value)
    if (simpleKey) {
      this.#out.indicator(":", false)
    } else {
      this.#out.writeIndent()
      this.#out.indicator(":", true, false, true)
    }
    if (this.#keyLine !== "") {
      if (value.kind !== "scalar") {
        const line = this.#line
        this.#line = this.#keyLine
        this.#processLine()
        this.#line = line
        this.#keyLine = ""
      } else if (this.#line === "") {
        this.#line = this.#keyLine
        this.#keyLine = ""
      }
    }
    this.#begin(value, "value")
    this.#processLine()
    this.#processFoot()
    this.#content(value, "value")
  }

  #sequence(node: WriterNode & { kind: "sequence" }, place: Place): void {
    this.#out.increaseIndent(place, false)
    for (const item of node.items) {
      const listHead = this.#head
      this.#pend(item)
      // go-yaml writes the head of the first item in the place of the list's.
      if (!this.#asSops && listHead !== "" && item.head !== "") this.#head = `${listHead}\n${item.head}`
      if (!this.#asSops && isEmpty(item)) this.#lineToHead()
      this.#processHead()
      this.#out.writeIndent()
      this.#out.indicator("-", true, false, true)
      this.#begin(item, "item")
      this.#processLine()
      this.#processFoot()
      this.#content(item, "item")
    }
    this.#pendEnd(node)
    this.#out.decreaseIndent()
  }

  /** A line comment that the item before left would tear `{}` from its dash. */
  #lineToHead(): void {
    this.#head = [this.#head, this.#line].filter((text) => text !== "").join("\n")
    this.#line = ""
  }

  #emptyMapping(node: WriterNode, place: Place): void {
    this.#pendEnd(node)
    // Between the braces, where go-yaml writes it, a comment is lost when it is read again.
    if (!this.#asSops && this.#line === "" && !this.#head.includes("\n")) [this.#line, this.#head] = [this.#head, ""]
    this.#out.indicator("{", true, true)
    this.#out.increaseIndent(place, true)
    this.#processHead()
    this.#out.decreaseIndent()
    this.#out.indicator("}", false)
    this.#processLine()
    this.#processFoot()
  }

  #emptySequence(node: WriterNode): void {
    this.#pendEnd(node)
    this.#out.indicator("[", true, true)
    this.#out.indicator("]", false)
    this.#processLine()
    this.#processFoot()
  }

  #scalar(scalar: WrittenScalar, place: Place): void {
    if (scalar.tag !== "") {
      this.#out.word(scalar.tag)
    }
    const parent = Math.max(this.#out.indent, 0)
    this.#out.increaseIndent(place, true)
    // Where there is nothing but line breaks, any hint reads back right, so it can be as in sops.
    const hint = this.#asSops || /^[\n\u2028\u2029]+$/.test(scalar.value) ? this.#out.best : this.#out.indent - parent
    switch (scalar.style) {
      case "plain":
        this.#out.word(scalar.value)
        break
      case "single":
        this.#out.indicator("'", true)
        this.#singleQuoted(scalar.value)
        this.#out.indicator("'", false)
        break
      case "literal":
        this.#literal(scalar.value, hint)
        break
      case "double":
        this.#out.indicator('"', true)
        this.#out.run(escapeDouble(scalar.value))
        this.#out.indicator('"', false)
        break
    }
    this.#out.decreaseIndent()
  }

  #singleQuoted(value: string): void {
    let afterBreak = false
    for (const piece of value.split(/([\u2028\u2029]+)/)) {
      if (piece === "") continue
      if (isBreak(piece.charCodeAt(0))) {
        this.#out.rawBreaks(piece)
        afterBreak = true
        continue
      }
      if (afterBreak) this.#out.writeIndent()
      this.#out.run(piece.replaceAll("'", "''"))
      afterBreak = false
    }
  }

  #literal(value: string, hint: number): void {
    this.#out.indicator("|", true)
    const first = value.charCodeAt(0)
    if (first === 0x20 || isBreak(first)) this.#out.indicator(String(hint), false)
    const end = value.length
    if (!isBreak(value.charCodeAt(end - 1))) this.#out.indicator("-", false)
    else if (end === 1 || isBreak(value.charCodeAt(end - 2))) this.#out.indicator("+", false)
    if (this.#line === "") this.#out.break()
    else this.#processLine()
    this.#out.beginText()
    for (const piece of value.split(/([\n\u2028\u2029])/)) {
      if (piece === "") continue
      if (piece === "\n") this.#out.break()
      else if (isBreak(piece.charCodeAt(0))) this.#out.rawBreaks(piece)
      else {
        this.#out.writeIndent()
        this.#out.run(piece)
      }
    }
  }

  #processHead(): void {
    if (this.#tail !== "") {
      this.#out.writeIndent()
      this.#out.comment(this.#tail)
      this.#tail = ""
      this.#out.footIndent = Math.max(this.#out.indent, 0)
    }
    if (this.#head === "") return
    this.#out.writeIndent()
    this.#out.comment(this.#head)
    this.#head = ""
  }

  #processLine(): void {
    if (this.#line === "") return
    this.#out.lineComment(this.#line)
    this.#line = ""
  }

  #processFoot(): void {
    if (this.#foot === "") return
    this.#out.writeIndent()
    this.#out.comment(this.#foot)
    this.#foot = ""
    this.#out.footIndent = Math.max(this.#out.indent, 0)
  }
}
