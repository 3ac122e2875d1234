/**
 * Turns YAML tokens into nodes. [YAML 1.1] chapter 4; comments go to nodes as in go-yaml v3, which decides where SOPS keeps them.
 */

import { type FlowStart, flowMapping, flowSequence } from "./flow.ts"
import {
  type Comments,
  emptyNode,
  moveFoot,
  noComments,
  type YamlDocument,
  type YamlNode,
  type YamlPair,
} from "./node.ts"
import { shortTag } from "./resolve.ts"
import type { Token } from "./token.ts"
import { TokenStream } from "./token-stream.ts"

/**
 * Parses YAML text.
 * @param text - from `decodeYaml`
 * @throws SyntaxInvalid with the line
 */
export function parseYaml(text: string): YamlDocument[] {
  return new Parser(text).parse()
}

type Properties = { anchor: string | undefined; tag: string; line: number }

class Parser {
  readonly #stream: TokenStream
  /** They hold for all documents that follow, as go-yaml has it. */
  readonly #anchors = new Map<string, YamlNode>()
  #tagHandles = new Map<string, string>()

  constructor(text: string) {
    this.#stream = new TokenStream(text)
  }

  parse(): YamlDocument[] {
    const documents: YamlDocument[] = []
    for (let first = true; ; first = false) {
      let token = this.#stream.peek()
      if (!first) {
        while (token.type === "document-end") {
          this.#stream.take()
          token = this.#stream.peek()
        }
      }
      if (token.type === "stream-end") return documents
      documents.push(this.#document(first))
    }
  }

  #document(implicitAllowed: boolean): YamlDocument {
    let head = ""
    const first = this.#stream.peek()
    const explicit =
      !implicitAllowed ||
      first.type === "version-directive" ||
      first.type === "tag-directive" ||
      first.type === "document-start"
    this.#directives()
    let root: YamlNode
    if (explicit) {
      const token = this.#stream.peek()
      if (token.type !== "document-start") this.#stream.fail("did not find expected <document start>", token)
      const content = this.#stream.next()
      root = endsDocument(content) ? emptyNode(content) : this.#node(true, false)
    } else {
      head = this.#stream.splitDocumentHead()
      root = this.#node(true, false)
    }
    const token = this.#stream.peek()
    if (token.type === "document-end") this.#stream.take()
    const end = this.#stream.takeComments()
    return { head, foot: end.foot === "" ? end.head : end.foot, root }
  }

  #directives(): void {
    this.#tagHandles = new Map()
    let versionSeen = false
    for (let token = this.#stream.peek(); ; token = this.#stream.next()) {
      if (token.type === "version-directive") {
        if (versionSeen) this.#stream.fail("found duplicate %YAML directive", token)
        if (token.version !== "1.1") this.#stream.fail("found incompatible YAML document", token)
        versionSeen = true
      } else if (token.type === "tag-directive") {
        if (this.#tagHandles.has(token.handle)) this.#stream.fail("found duplicate %TAG directive", token)
        this.#tagHandles.set(token.handle, token.prefix)
      } else {
        break
      }
    }
    if (!this.#tagHandles.has("!")) this.#tagHandles.set("!", "!")
    if (!this.#tagHandles.has("!!")) this.#tagHandles.set("!!", "tag:yaml.org,2002:")
  }

  #node(block: boolean, indentlessSequence: boolean): YamlNode {
    const token = this.#stream.peek()
    if (token.type === "alias") {
      const target = this.#anchors.get(token.name)
      if (target === undefined)
        this.#stream.fail("an alias of an anchor that is not there; a text that begins with * stands in quotes", token)
      const node: YamlNode = {
        kind: "alias",
        name: token.name,
        target,
        textLine: token.start.line + 1,
        ...this.#stream.takeComments(),
      }
      this.#stream.take()
      return node
    }
    const properties = this.#properties(token)
    const content = this.#stream.peek()
    if (indentlessSequence && content.type === "block-entry")
      return this.#sequence(properties, noComments(), "indentless")
    if (content.type === "scalar") return this.#scalar(properties, content)
    if (content.type === "flow-sequence-start")
      return flowSequence(this.#stream, this.#flowNode, this.#flowStart(properties))
    if (content.type === "flow-mapping-start")
      return flowMapping(this.#stream, this.#flowNode, this.#flowStart(properties))
    if (block && content.type === "block-sequence-start")
      return this.#sequence(properties, this.#stream.takeStem(), "block")
    if (block && content.type === "block-mapping-start") return this.#mapping(properties, this.#stream.takeStem())
    if (properties.anchor !== undefined || properties.tag !== "") {
      const node = emptyNode(token, properties.tag)
      this.#register(properties, node)
      return node
    }
    return this.#stream.fail("did not find expected node content", content)
  }

  readonly #flowNode = (): YamlNode => this.#node(false, false)

  #flowStart(properties: Properties): FlowStart {
    const { tag, line } = properties
    return { tag, line, register: (node) => this.#register(properties, node) }
  }

  #scalar({ tag, line, anchor }: Properties, { value, style }: Token & { type: "scalar" }): YamlNode {
    const node: YamlNode = { kind: "scalar", tag, value, style, textLine: line, ...this.#stream.takeComments() }
    if (anchor !== undefined) this.#anchors.set(anchor, node)
    this.#stream.take()
    return node
  }

  #properties(first: Token): Properties {
    const properties: Properties = { anchor: undefined, tag: "", line: first.start.line + 1 }
    let tagged = false
    for (let token = first; ; token = this.#stream.next()) {
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
    if (prefix === undefined) this.#stream.fail("found undefined tag handle", token)
    const tag = prefix + token.suffix
    return tag === "!" ? "" : shortTag(tag)
  }

  #register(properties: Properties, node: YamlNode): void {
    if (properties.anchor !== undefined) this.#anchors.set(properties.anchor, node)
  }

  #sequence(properties: Properties, comments: Comments, form: "block" | "indentless"): YamlNode {
    const items: YamlNode[] = []
    const node: YamlNode = { kind: "sequence", tag: properties.tag, items, textLine: properties.line, ...comments }
    this.#register(properties, node)
    let token = form === "block" ? this.#stream.next() : this.#stream.peek()
    while (token.type === "block-entry") {
      const entry = token
      this.#stream.takeEntry()
      token = this.#stream.peek()
      const emptyEntry =
        token.type === "block-entry" ||
        token.type === "block-end" ||
        (form === "indentless" && (token.type === "key" || token.type === "value"))
      items.push(emptyEntry ? emptyNode(entry) : this.#node(true, false))
      token = this.#stream.peek()
    }
    if (form === "block") {
      if (token.type !== "block-end") this.#stream.fail("did not find expected '-' indicator", token)
      this.#stream.take()
    }
    node.foot = ""
    return node
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
    let token = this.#stream.next()
    while (token.type === "key") {
      const key = this.#mappingPart(token)
      const prior = pairs[pairs.length - 1]
      if (key.foot !== "" && prior !== undefined) {
        // The foot of what was before a dedent.
        prior.key.foot = key.foot
        key.foot = ""
      }
      token = this.#stream.peek()
      const value = token.type === "value" ? this.#mappingPart(token) : emptyNode(token)
      moveFoot(key, value)
      pairs.push({ key, value })
      token = this.#stream.peek()
    }
    if (token.type !== "block-end") this.#stream.fail("did not find expected key", token)
    const end = this.#stream.takeComments()
    this.#stream.take()
    node.line = end.line
    const last = pairs[pairs.length - 1]
    if (end.foot !== "" && last !== undefined) last.key.foot = end.foot
    else node.foot = end.foot
    return node
  }

  /** What follows a `?` or `:` indicator in a block mapping. */
  #mappingPart(indicator: Token): YamlNode {
    const { type } = this.#stream.next()
    if (type === "key" || type === "value" || type === "block-end") return emptyNode(indicator)
    return this.#node(true, true)
  }
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
