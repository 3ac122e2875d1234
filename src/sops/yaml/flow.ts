/** Flow collections, `[a, b]` and `{a: b}`. [YAML 1.1] 7.3. */
import { emptyNode, moveFoot, noComments, type YamlNode, type YamlPair } from "./node.ts"
import type { Token } from "./token.ts"
import type { TokenStream } from "./token-stream.ts"

/** Parses the node that the stream stands on. */
export type ParseNode = () => YamlNode

/** What is known of a collection before its bracket, and who is told of it before its inside is parsed, for its anchor. */
export type FlowStart = Readonly<{ tag: string; line: number; register: (node: YamlNode) => void }>

/** A list in brackets; the stream stands on the opening one. */
export function flowSequence(stream: TokenStream, parseNode: ParseNode, start: FlowStart): YamlNode {
  const items: YamlNode[] = []
  const comments = stream.takeComments()
  const collection: YamlNode = { kind: "sequence", tag: start.tag, items, textLine: start.line, ...comments }
  start.register(collection)
  let token = stream.next()
  for (let first = true; token.type !== "flow-sequence-end"; first = false) {
    if (!first) {
      if (token.type !== "flow-entry") stream.fail("did not find expected ',' or ']'", token)
      token = stream.next()
    }
    if (token.type === "key") items.push(singlePair(stream, parseNode, token))
    else if (token.type !== "flow-sequence-end") items.push(parseNode())
    token = stream.peek()
  }
  return closeFlow(stream, collection)
}

/** A mapping of one pair without braces, `[a: b]`. */
function singlePair(stream: TokenStream, parseNode: ParseNode, start: Token): YamlNode {
  let token = stream.next()
  let key: YamlNode
  if (token.type === "value" || token.type === "flow-entry" || token.type === "flow-sequence-end") {
    key = emptyNode(token)
    stream.take()
  } else {
    key = parseNode()
  }
  token = stream.peek()
  let value: YamlNode | undefined
  if (token.type === "value") {
    token = stream.next()
    if (token.type !== "flow-entry" && token.type !== "flow-sequence-end") value = parseNode()
  }
  value ??= emptyNode(token)
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

/** A map in braces; the stream stands on the opening one. */
export function flowMapping(stream: TokenStream, parseNode: ParseNode, start: FlowStart): YamlNode {
  const pairs: YamlPair[] = []
  const comments = stream.takeComments()
  const collection: YamlNode = { kind: "mapping", tag: start.tag, flow: true, pairs, textLine: start.line, ...comments }
  start.register(collection)
  let token = stream.next()
  for (let first = true; token.type !== "flow-mapping-end"; first = false) {
    if (!first) {
      if (token.type !== "flow-entry") stream.fail("did not find expected ',' or '}'", token)
      token = stream.next()
    }
    if (token.type === "key") pairs.push(flowPair(stream, parseNode))
    else if (token.type !== "flow-mapping-end") {
      const key = parseNode()
      const value = emptyNode(stream.peek())
      moveFoot(key, value)
      pairs.push({ key, value })
    }
    token = stream.peek()
  }
  return closeFlow(stream, collection)
}

function flowPair(stream: TokenStream, parseNode: ParseNode): YamlPair {
  let token = stream.next()
  const ends = (): boolean => token.type === "flow-entry" || token.type === "flow-mapping-end"
  const key = token.type === "value" || ends() ? emptyNode(token) : parseNode()
  token = stream.peek()
  let value: YamlNode | undefined
  if (token.type === "value") {
    token = stream.next()
    if (!ends()) value = parseNode()
  }
  value ??= emptyNode(token)
  moveFoot(key, value)
  return { key, value }
}

function closeFlow(stream: TokenStream, node: YamlNode): YamlNode {
  const { line, foot } = stream.takeEnd()
  node.line = line
  node.foot = foot
  return node
}
