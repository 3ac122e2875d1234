/**
 * Writes YAML in the layout of go-yaml v3 as sops drives it: 4 spaces a level, lines of any length, nothing in flow style but what
 * is empty. [YAML 1.1]; the placing of comments and blank lines follows go-yaml's emitter, whose pending comments are state here too.
 */

import type { Comment, Documents, Entry, Value } from "../tree.ts"
import { isBreak } from "../yaml/cursor.ts"
import { escapeDouble, scalarOf, type WrittenScalar } from "../yaml/scalar-style.ts"

type WriterNode = { head: string; line: string; foot: string } & (
  | { kind: "scalar"; scalar: WrittenScalar }
  | { kind: "mapping"; pairs: { key: WriterNode & { kind: "scalar" }; value: WriterNode }[] }
  | { kind: "sequence"; items: WriterNode[] }
)

/**
 * Writes documents.
 * @param indent - spaces a level, 2 to 9
 * @param asSops - the hint of a literal is `indent` everywhere, as go-yaml has it, which inside lists no parser reads back right
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

function scalarNode(
  key: Entry["key"] | (Value & { type: Exclude<Value["type"], "map" | "list"> }),
): WriterNode & { kind: "scalar" } {
  return {
    kind: "scalar",
    scalar: scalarOf(typeof key === "string" ? { type: "str", value: key } : key),
    head: "",
    line: "",
    foot: "",
  }
}

/** Comments before the first item are the collection's, others are the next item's, and those after the last its foot. */
function toNode(value: Value): WriterNode {
  if (value.type !== "map" && value.type !== "list") return scalarNode(value)
  const node: WriterNode =
    value.type === "map"
      ? { kind: "mapping", pairs: [], head: "", line: "", foot: "" }
      : { kind: "sequence", items: [], head: "", line: "", foot: "" }
  let heads: string[] = []
  let inlines: string[] = []
  let last: WriterNode | undefined
  const items: readonly (Entry | Comment | Value)[] = value.items
  for (const item of items) {
    if (item.type === "comment") {
      ;(item.inline ? inlines : heads).push(item.value)
      continue
    }
    if (last === undefined && heads.length > 0) {
      node.head = commentText(heads)
      heads = []
    }
    const target = toNode(item.type === "entry" ? item.value : item)
    target.line = commentText(inlines)
    inlines = []
    if (item.type === "entry" && node.kind === "mapping") {
      const key = scalarNode(item.key)
      key.head = commentText(heads)
      node.pairs.push({ key, value: target })
      last = key
    } else if (node.kind === "sequence") {
      if (heads.length > 0)
        target.head = target.head === "" ? commentText(heads) : `${commentText(heads)}\n${target.head}`
      node.items.push(target)
      last = target
    }
    heads = []
  }
  const rest = commentText([...heads, ...inlines])
  if (rest === "") return node
  if (last === undefined) node.head = rest
  else last.foot = last.foot === "" ? rest : `${last.foot}\n${rest}`
  return node
}

function commentText(lines: readonly string[]): string {
  return lines.length === 0 ? "" : `#${lines.join("\n#")}`
}

/** The key `<<` is no merge where there is nothing to merge, or go-yaml refuses to read it. */
function readableKey(key: WrittenScalar, value: WriterNode): WrittenScalar {
  const merges =
    value.kind === "mapping" || (value.kind === "sequence" && value.items.every(({ kind }) => kind === "mapping"))
  return key.tag !== "!!merge" || merges ? key : { ...key, tag: "", style: "double" }
}

/** Where a node stands, which decides its indentation. */
type Place = "root" | "item" | "key" | "value"

class Writer {
  readonly #best: number
  readonly #asSops: boolean
  readonly #out: string[] = []
  #column = 0
  #whitespace = true
  #indention = true
  #indent = -1
  readonly #indents: number[] = []
  #footIndent = -1
  /** Comments that wait to be written; each is overtaken by the next of its kind. */
  #head = ""
  #line = ""
  #foot = ""
  #tail = ""
  #keyLine = ""

  constructor(indent: number, asSops: boolean) {
    this.#asSops = asSops
    this.#best = indent >= 2 && indent <= 9 ? indent : 2
  }

  text(): string {
    return this.#out.join("")
  }

  document(root: WriterNode, first: boolean): void {
    if (!first) {
      this.#writeIndent()
      this.#indicator("---", true)
      this.#writeIndent()
    }
    if (this.#head !== "") {
      this.#processHead()
      this.#break()
    }
    this.#pend(root)
    this.#processHead()
    this.#begin(root, "root")
    this.#processLine()
    this.#processFoot()
    this.#content(root, "root")
    this.#footIndent = 0
    this.#processFoot()
    this.#footIndent = -1
    this.#writeIndent()
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
      if (node.pairs.length === 0) this.#emptyMapping(node, place)
      else this.#mapping(node, place)
    } else if (node.kind === "sequence") {
      if (node.items.length === 0) this.#emptySequence(node)
      else this.#sequence(node, place)
    }
  }

  #mapping(node: WriterNode & { kind: "mapping" }, place: Place): void {
    this.#increaseIndent(place, false)
    let tail = ""
    for (const { key, value } of node.pairs) {
      if (key.head !== "") this.#head = key.head
      if (tail !== "") this.#tail = tail
      tail = key.foot
      this.#processHead()
      this.#writeIndent()
      if (this.#line !== "") {
        this.#keyLine = this.#line
        this.#line = ""
      }
      const scalar = this.#asSops ? key.scalar : readableKey(key.scalar, value)
      const simple = !key.scalar.multiline && key.scalar.length <= 128
      if (simple) {
        this.#scalar(scalar, "key")
      } else {
        this.#indicator("?", true, false, true)
        this.#scalar(scalar, "key")
      }
      this.#value(value, simple)
    }
    if (tail !== "") this.#tail = tail
    this.#pendEnd(node)
    this.#processHead()
    this.#decreaseIndent()
  }

  #value(value: WriterNode, simpleKey: boolean): void {
    this.#pend(value)
    if (simpleKey) {
      this.#indicator(":", false)
    } else {
      this.#writeIndent()
      this.#indicator(":", true, false, true)
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
    this.#increaseIndent(place, false)
    for (const item of node.items) {
      this.#pend(item)
      this.#processHead()
      this.#writeIndent()
      this.#indicator("-", true, false, true)
      this.#begin(item, "item")
      this.#processLine()
      this.#processFoot()
      this.#content(item, "item")
    }
    this.#pendEnd(node)
    this.#decreaseIndent()
  }

  #emptyMapping(node: WriterNode, place: Place): void {
    this.#pendEnd(node)
    this.#indicator("{", true, true)
    this.#increaseIndent(place, true)
    this.#processHead()
    this.#decreaseIndent()
    this.#indicator("}", false)
    this.#processLine()
    this.#processFoot()
  }

  #emptySequence(node: WriterNode): void {
    this.#pendEnd(node)
    this.#indicator("[", true, true)
    this.#indicator("]", false)
    this.#processLine()
    this.#processFoot()
  }

  #increaseIndent(place: Place, flow: boolean): void {
    this.#indents.push(this.#indent)
    if (this.#indent < 0) this.#indent = flow ? this.#best : 0
    else if (place === "item") this.#indent += 2
    else this.#indent = this.#best * Math.floor((this.#indent + this.#best) / this.#best)
  }

  #decreaseIndent(): void {
    this.#indent = this.#indents.pop()!
  }

  #scalar(scalar: WrittenScalar, place: Place): void {
    if (scalar.tag !== "") {
      if (!this.#whitespace) this.#put(" ")
      this.#put(scalar.tag)
      this.#whitespace = this.#indention = false
    }
    const parent = Math.max(this.#indent, 0)
    this.#increaseIndent(place, true)
    // Where there is nothing but line breaks, any hint reads back right, so it can be as in sops.
    const hint = this.#asSops || /^[\n\u2028\u2029]+$/.test(scalar.value) ? this.#best : this.#indent - parent
    switch (scalar.style) {
      case "plain":
        if (scalar.value !== "" && !this.#whitespace) this.#put(" ")
        this.#put(scalar.value)
        this.#whitespace = this.#indention = false
        break
      case "single":
        this.#indicator("'", true)
        this.#singleQuoted(scalar.value)
        this.#indicator("'", false)
        break
      case "literal":
        this.#literal(scalar.value, hint)
        break
      case "double":
        this.#indicator('"', true)
        this.#put(escapeDouble(scalar.value))
        this.#indicator('"', false)
        break
    }
    this.#decreaseIndent()
  }

  #singleQuoted(value: string): void {
    let afterBreak = false
    for (const piece of value.split(/([\u2028\u2029]+)/)) {
      if (piece === "") continue
      if (isBreak(piece.charCodeAt(0))) {
        this.#rawBreaks(piece)
        afterBreak = true
        continue
      }
      if (afterBreak) this.#writeIndent()
      this.#put(piece.replaceAll("'", "''"))
      this.#indention = false
      afterBreak = false
    }
  }

  #literal(value: string, hint: number): void {
    this.#indicator("|", true)
    const first = value.charCodeAt(0)
    if (first === 0x20 || isBreak(first)) this.#indicator(String(hint), false)
    const end = value.length
    if (!isBreak(value.charCodeAt(end - 1))) this.#indicator("-", false)
    else if (end === 1 || isBreak(value.charCodeAt(end - 2))) this.#indicator("+", false)
    if (this.#line === "") this.#break()
    else this.#processLine()
    this.#whitespace = true
    for (const piece of value.split(/([\n\u2028\u2029])/)) {
      if (piece === "") continue
      if (piece === "\n") this.#break()
      else if (isBreak(piece.charCodeAt(0))) this.#rawBreaks(piece)
      else {
        this.#writeIndent()
        this.#put(piece)
        this.#indention = false
      }
    }
  }

  #put(text: string): void {
    if (text === "") return
    this.#out.push(text)
    this.#column += text.length
  }

  #break(): void {
    this.#out.push("\n")
    this.#column = 0
    this.#indention = true
  }

  #rawBreaks(text: string): void {
    this.#out.push(text)
    this.#column = 0
    this.#indention = true
  }

  #writeIndent(): void {
    const indent = Math.max(this.#indent, 0)
    if (!this.#indention || this.#column > indent || (this.#column === indent && !this.#whitespace)) this.#break()
    if (this.#footIndent === indent) this.#break()
    if (this.#column < indent) this.#put(" ".repeat(indent - this.#column))
    this.#whitespace = true
    this.#footIndent = -1
  }

  #indicator(text: string, needsSpace: boolean, isSpace = false, isIndention = false): void {
    if (needsSpace && !this.#whitespace) this.#put(" ")
    this.#put(text)
    this.#whitespace = isSpace
    this.#indention = this.#indention && isIndention
  }

  #processHead(): void {
    if (this.#tail !== "") {
      this.#writeIndent()
      this.#comment(this.#tail)
      this.#tail = ""
      this.#footIndent = Math.max(this.#indent, 0)
    }
    if (this.#head === "") return
    this.#writeIndent()
    this.#comment(this.#head)
    this.#head = ""
  }

  #processLine(): void {
    if (this.#line === "") return
    if (!this.#whitespace) this.#put(" ")
    this.#comment(this.#line)
    this.#line = ""
  }

  #processFoot(): void {
    if (this.#foot === "") return
    this.#writeIndent()
    this.#comment(this.#foot)
    this.#foot = ""
    this.#footIndent = Math.max(this.#indent, 0)
  }

  #comment(text: string): void {
    let afterBreak = false
    let pound = false
    for (const piece of text.split(/(\r\n|[\n\r\u0085\u2028\u2029])/)) {
      if (piece === "") continue
      if (isBreak(piece.charCodeAt(0))) {
        if (piece === "\n") this.#break()
        else this.#rawBreaks(piece)
        afterBreak = true
        pound = false
        continue
      }
      if (afterBreak) this.#writeIndent()
      if (!pound && !piece.startsWith("#")) this.#put("# ")
      pound = true
      this.#put(piece)
      this.#indention = false
      afterBreak = false
    }
    if (!afterBreak) this.#break()
    this.#whitespace = true
  }
}
