/**
 * Turns YAML tokens into nodes. [YAML 1.1] chapter 4; comments go to nodes as in go-yaml v3, which decides where SOPS keeps them.
 */

import { quote } from "../../quote.ts"
import { SyntaxInvalid } from "../failures.ts"
import { openText } from "./cursor.ts"
import { type Comments, type YamlDocument, type YamlNode, type YamlPair } from "./node.ts"
import { shortTag } from "./resolve.ts"
import { Scanner } from "./scanner.ts"
import type { Token } from "./token.ts"

/**
 * Parses YAML text.
 * @param text - from `decodeText`
 * @throws SyntaxInvalid with the line
 */
export function parseYaml(text: string): YamlDocument[] {
  return new Parser(text).parse()
}

type Properties = { anchor: string | undefined; tag: string; line: number }

class Parser {
  readonly #scanner: Scanner
  #head = ""
  #line = ""
  #foot = ""
  /** The head comment of a list entry whose value is itself a block, and which the comment belongs to as a whole. */
  #stem = ""
  /** They hold for all documents that follow, as go-yaml has it. */
  readonly #anchors = new Map<string, YamlNode>()
  #tagHandles = new Map<string, string>()

  constructor(text: string) {
    this.#scanner = new Scanner(openText(text))
  }

  parse(): YamlDocument[] {
    const documents: YamlDocument[] = []
    this.#scanner.peek()
    this.#scanner.take()
    for (let first = true; ; first = false) {
      let token = this.#peek()
      if (!first) {
        while (token.type === "document-end") {
          this.#scanner.take()
          token = this.#peek()
        }
      }
      if (token.type === "stream-end") return documents
      documents.push(this.#document(first))
    }
  }

  /** The next token; takes up the comments that stand before it. */
  #peek(): Token {
    const token = this.#scanner.peek()
    const { comments } = this.#scanner
    while (comments.length > 0 && token.start.index >= comments[0]!.token) {
      const comment = comments[0]!
      if (comment.kind === "head") {
        // No head on an end: it waits for what follows.
        if (token.type === "block-end") break
        this.#head = joined(this.#head, comment.text)
      } else if (comment.kind === "foot") {
        this.#foot = joined(this.#foot, comment.text)
      } else {
        this.#line = joined(this.#line, comment.text)
      }
      comments.shift()
    }
    return token
  }

  #next(): Token {
    this.#scanner.take()
    return this.#peek()
  }

  #takeComments(): Comments {
    const comments = { head: this.#head, line: this.#line, foot: this.#foot }
    this.#head = this.#line = this.#foot = this.#stem = ""
    return comments
  }

  #fail(what: string, token: Token): never {
    throw new SyntaxInvalid("YAML", what, token.start.line + 1)
  }

  #document(implicitAllowed: boolean): YamlDocument {
    let head = ""
    const first = this.#peek()
    const explicit =
      !implicitAllowed ||
      first.type === "version-directive" ||
      first.type === "tag-directive" ||
      first.type === "document-start"
    this.#directives()
    let root: YamlNode
    if (explicit) {
      const token = this.#peek()
      if (token.type !== "document-start") this.#fail("did not find expected <document start>", token)
      const content = this.#next()
      root = endsDocument(content) ? this.#empty(content) : this.#node(true, false)
    } else {
      head = this.#splitDocumentHead()
      root = this.#node(true, false)
    }
    const token = this.#peek()
    if (token.type === "document-end") this.#scanner.take()
    const end = this.#takeComments()
    return { head, foot: end.foot === "" ? end.head : end.foot, root }
  }

  /** Of the comments on top, those above the last empty line are the document's, those below are its first key's. */
  #splitDocumentHead(): string {
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

  #directives(): void {
    this.#tagHandles = new Map()
    let versionSeen = false
    for (let token = this.#peek(); ; token = this.#next()) {
      if (token.type === "version-directive") {
        if (versionSeen) this.#fail("found duplicate %YAML directive", token)
        if (token.version !== "1.1") this.#fail("found incompatible YAML document", token)
        versionSeen = true
      } else if (token.type === "tag-directive") {
        if (this.#tagHandles.has(token.handle)) this.#fail("found duplicate %TAG directive", token)
        this.#tagHandles.set(token.handle, token.prefix)
      } else {
        break
      }
    }
    if (!this.#tagHandles.has("!")) this.#tagHandles.set("!", "!")
    if (!this.#tagHandles.has("!!")) this.#tagHandles.set("!!", "tag:yaml.org,2002:")
  }

  #node(block: boolean, indentlessSequence: boolean): YamlNode {
    const token = this.#peek()
    if (token.type === "alias") {
      const target = this.#anchors.get(token.name)
      if (target === undefined) this.#fail(`unknown anchor ${quote(token.name)} referenced`, token)
      const node: YamlNode = {
        kind: "alias",
        name: token.name,
        target,
        textLine: token.start.line + 1,
        ...this.#takeComments(),
      }
      this.#scanner.take()
      return node
    }
    const properties = this.#properties(token)
    const content = this.#peek()
    if (indentlessSequence && content.type === "block-entry")
      return this.#sequence(properties, noComments(), "indentless")
    if (content.type === "scalar") return this.#scalar(properties, content)
    if (content.type === "flow-sequence-start") return this.#flowSequence(properties)
    if (content.type === "flow-mapping-start") return this.#flowMapping(properties)
    if (block && content.type === "block-sequence-start") return this.#sequence(properties, this.#takeStem(), "block")
    if (block && content.type === "block-mapping-start") return this.#mapping(properties, this.#takeStem())
    if (properties.anchor !== undefined || properties.tag !== "") {
      const node = this.#empty(token, properties.tag)
      this.#register(properties, node)
      return node
    }
    return this.#fail("did not find expected node content", content)
  }

  #scalar({ tag, line, anchor }: Properties, { value, style }: Token & { type: "scalar" }): YamlNode {
    const node: YamlNode = { kind: "scalar", tag, value, style, textLine: line, ...this.#takeComments() }
    if (anchor !== undefined) this.#anchors.set(anchor, node)
    this.#scanner.take()
    return node
  }

  #properties(first: Token): Properties {
    const properties: Properties = { anchor: undefined, tag: "", line: first.start.line + 1 }
    let tagged = false
    for (let token = first; ; token = this.#next()) {
      if (token.type === "anchor" && properties.anchor === undefined) {
        properties.anchor = token.name
      } else if (token.type === "tag" && !tagged) {
        tagged = true
        properties.tag = this.#resolveTag(token)
      } else {
        return properties
      }
    }
  }

  #resolveTag(token: Token & { type: "tag" }): string {
    if (token.handle === "") return token.suffix === "!" ? "" : shortTag(token.suffix)
    const prefix = this.#tagHandles.get(token.handle)
    if (prefix === undefined) this.#fail("found undefined tag handle", token)
    const tag = prefix + token.suffix
    return tag === "!" ? "" : shortTag(tag)
  }

  #register(properties: Properties, node: YamlNode): void {
    if (properties.anchor !== undefined) this.#anchors.set(properties.anchor, node)
  }

  #takeStem(): Comments {
    const head = this.#stem
    this.#stem = ""
    return { head, line: "", foot: "" }
  }

  #empty(token: Token, tag = ""): YamlNode {
    return { kind: "scalar", tag, value: "", style: "plain", textLine: token.start.line + 1, ...noComments() }
  }

  #sequence(properties: Properties, comments: Comments, form: "block" | "indentless"): YamlNode {
    const items: YamlNode[] = []
    const node: YamlNode = { kind: "sequence", tag: properties.tag, items, textLine: properties.line, ...comments }
    this.#register(properties, node)
    let token = form === "block" ? this.#next() : this.#peek()
    while (token.type === "block-entry") {
      const before = this.#head.length
      const entry = token
      this.#scanner.take()
      this.#splitStem(before)
      token = this.#peek()
      const emptyEntry =
        token.type === "block-entry" ||
        token.type === "block-end" ||
        (form === "indentless" && (token.type === "key" || token.type === "value"))
      items.push(emptyEntry ? this.#empty(entry) : this.#node(true, false))
      token = this.#peek()
    }
    if (form === "block") {
      if (token.type !== "block-end") this.#fail("did not find expected '-' indicator", token)
      this.#scanner.take()
    }
    node.foot = ""
    return node
  }

  /** The comment above a "-" belongs to the whole block that stands in the entry, not to the first thing in it. */
  #splitStem(length: number): void {
    if (length === 0) return
    const token = this.#peek()
    if (token.type !== "block-sequence-start" && token.type !== "block-mapping-start") return
    this.#stem = this.#head.slice(0, length)
    this.#head = this.#head.slice(length + 1)
  }

  #mapping(properties: Properties, comments: Comments): YamlNode {
    const pairs: YamlPair[] = []
    const node: YamlNode = {
      kind: "mapping",
      tag: properties.tag,
      flow: false,
      pairs,
      textLine: properties.line,
      ...comments,
    }
    this.#register(properties, node)
    let token = this.#next()
    while (token.type === "key") {
      const key = this.#mappingPart(token)
      const prior = pairs[pairs.length - 1]
      if (key.foot !== "" && prior !== undefined) {
        // The foot of what was before a dedent.
        prior.key.foot = key.foot
        key.foot = ""
      }
      token = this.#peek()
      const value = token.type === "value" ? this.#mappingPart(token) : this.#empty(token)
      moveFoot(key, value)
      pairs.push({ key, value })
      token = this.#peek()
    }
    if (token.type !== "block-end") this.#fail("did not find expected key", token)
    const end = this.#takeComments()
    this.#scanner.take()
    node.line = end.line
    const last = pairs[pairs.length - 1]
    if (end.foot !== "" && last !== undefined) last.key.foot = end.foot
    else node.foot = end.foot
    return node
  }

  /** What follows a `?` or `:` indicator in a block mapping. */
  #mappingPart(indicator: Token): YamlNode {
    const { type } = this.#next()
    if (type === "key" || type === "value" || type === "block-end") return this.#empty(indicator)
    return this.#node(true, true)
  }

  #flowSequence(properties: Properties): YamlNode {
    const items: YamlNode[] = []
    const comments = this.#takeComments()
    const node: YamlNode = { kind: "sequence", tag: properties.tag, items, textLine: properties.line, ...comments }
    this.#register(properties, node)
    let token = this.#next()
    for (let first = true; token.type !== "flow-sequence-end"; first = false) {
      if (!first) {
        if (token.type !== "flow-entry") this.#fail("did not find expected ',' or ']'", token)
        token = this.#next()
      }
      if (token.type === "key") items.push(this.#singlePair(token))
      else if (token.type !== "flow-sequence-end") items.push(this.#node(false, false))
      token = this.#peek()
    }
    return this.#closeFlow(node)
  }

  /** A mapping of one pair without braces, `[a: b]`. */
  #singlePair(start: Token): YamlNode {
    let token = this.#next()
    let key: YamlNode
    if (token.type === "value" || token.type === "flow-entry" || token.type === "flow-sequence-end") {
      key = this.#empty(token)
      this.#scanner.take()
    } else {
      key = this.#node(false, false)
    }
    token = this.#peek()
    let value: YamlNode | undefined
    if (token.type === "value") {
      token = this.#next()
      if (token.type !== "flow-entry" && token.type !== "flow-sequence-end") value = this.#node(false, false)
    }
    value ??= this.#empty(token)
    moveFoot(key, value)
    return {
      kind: "mapping",
      tag: "",
      flow: true,
      pairs: [{ key, value }],
      textLine: start.start.line + 1,
      ...noComments(),
    }
  }

  #flowMapping(properties: Properties): YamlNode {
    const pairs: YamlPair[] = []
    const comments = this.#takeComments()
    const node: YamlNode = {
      kind: "mapping",
      tag: properties.tag,
      flow: true,
      pairs,
      textLine: properties.line,
      ...comments,
    }
    this.#register(properties, node)
    let token = this.#next()
    for (let first = true; token.type !== "flow-mapping-end"; first = false) {
      if (!first) {
        if (token.type !== "flow-entry") this.#fail("did not find expected ',' or '}'", token)
        token = this.#next()
      }
      if (token.type === "key") pairs.push(this.#flowPair())
      else if (token.type !== "flow-mapping-end") {
        const key = this.#node(false, false)
        const value = this.#empty(this.#peek())
        moveFoot(key, value)
        pairs.push({ key, value })
      }
      token = this.#peek()
    }
    return this.#closeFlow(node)
  }

  #flowPair(): YamlPair {
    let token = this.#next()
    const ends = (): boolean => token.type === "flow-entry" || token.type === "flow-mapping-end"
    const key = token.type === "value" || ends() ? this.#empty(token) : this.#node(false, false)
    token = this.#peek()
    let value: YamlNode | undefined
    if (token.type === "value") {
      token = this.#next()
      if (!ends()) value = this.#node(false, false)
    }
    value ??= this.#empty(token)
    moveFoot(key, value)
    return { key, value }
  }

  #closeFlow(node: YamlNode): YamlNode {
    const { line, foot } = this.#takeEnd()
    node.line = line
    node.foot = foot
    return node
  }

  #takeEnd(): Comments {
    const comments = this.#takeComments()
    this.#scanner.take()
    return comments
  }
}

function noComments(): Comments {
  return { head: "", line: "", foot: "" }
}

function joined(text: string, more: string): string {
  return text === "" ? more : `${text}\n${more}`
}

/** The foot of a value is the foot of its pair. */
function moveFoot(key: YamlNode, value: YamlNode): void {
  if (key.foot !== "" || value.foot === "") return
  key.foot = value.foot
  value.foot = ""
}

function endsDocument(token: Token): boolean {
  return (
    token.type === "version-directive" ||
    token.type === "tag-directive" ||
    token.type === "document-start" ||
    token.type === "document-end" ||
    token.type === "stream-end"
  )
}
