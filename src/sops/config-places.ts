/** Where things stand in the text of `.sops.yaml`: the nodes with their offsets, which a change of the text itself needs. */
import { openText } from "./yaml/cursor.ts"
import { Scanner } from "./yaml/scanner.ts"
import type { ScalarStyle, Token } from "./yaml/token.ts"

/** `start` and `end` are offsets in the text; `start` is that of the anchor where there is one. */
type Span = Readonly<{ start: number; end: number }>

/** An anchor: `&lena`, without what it names. */
export type Anchor = Span & Readonly<{ name: string }>

/** A text. `content` is where it begins behind anchor and tag; a block scalar's end is that of its header. */
export type PlacedScalar = Span &
  Readonly<{ kind: "scalar"; content: number; value: string; style: ScalarStyle; anchor: Anchor | null }>
export type PlacedAlias = Span & Readonly<{ kind: "alias"; name: string }>
/** An entry of a list. `dash`: of a block list; `comma`: the one behind it, in a flow list. */
export type PlacedItem = Readonly<{ dash: number | null; comma: number | null; node: PlacedNode }>
export type PlacedSequence = Span &
  Readonly<{ kind: "sequence"; flow: boolean; items: readonly PlacedItem[]; anchor: Anchor | null }>
export type PlacedPair = Readonly<{ key: PlacedNode; value: PlacedNode }>
export type PlacedMapping = Span &
  Readonly<{ kind: "mapping"; flow: boolean; pairs: readonly PlacedPair[]; anchor: Anchor | null }>
export type PlacedNode =
  | PlacedScalar
  | PlacedAlias
  | PlacedSequence
  | PlacedMapping
  | (Span & Readonly<{ kind: "nothing" }>)

/**
 * Finds the nodes of the first document.
 * @param text - that `parseYaml` takes: nothing is checked here again
 */
export function placeNodes(text: string): PlacedNode {
  const shift = text.startsWith("\ufeff") ? 1 : 0
  const scanner = new Scanner(openText(text))
  const tokens: Token[] = []
  for (;;) {
    const token = scanner.peek()
    tokens.push({ ...token, start: { ...token.start, index: token.start.index + shift } })
    if (token.type === "stream-end") break
    scanner.take()
  }
  return new Places(text, tokens).document()
}

class Places {
  readonly #text: string
  readonly #tokens: readonly Token[]
  #at = 0

  constructor(text: string, tokens: readonly Token[]) {
    this.#text = text
    this.#tokens = tokens
  }

  document(): PlacedNode {
    while (["stream-start", "version-directive", "tag-directive", "document-start"].includes(this.#peek().type))
      this.#at++
    return this.#node()
  }

  #peek(): Token {
    const token = this.#tokens[this.#at]
    if (token === undefined) throw new RangeError('"text" expected YAML that was parsed before')
    return token
  }

  #take(): Token {
    const token = this.#peek()
    this.#at++
    return token
  }

  #node(): PlacedNode {
    const { start } = this.#peek()
    let anchor: Anchor | null = null
    for (;;) {
      const token = this.#peek()
      if (token.type === "anchor")
        anchor = { start: token.start.index, end: token.start.index + 1 + token.name.length, name: token.name }
      else if (token.type !== "tag") break
      this.#at++
    }
    return this.#content(start.index, anchor)
  }

  #content(start: number, anchor: Anchor | null): PlacedNode {
    const token = this.#peek()
    if (token.type === "block-entry") return this.#blockSequence(start, anchor, true)
    this.#at++
    if (token.type === "alias")
      return { kind: "alias", start, end: token.start.index + 1 + token.name.length, name: token.name }
    if (token.type === "scalar") return this.#scalar(token, start, anchor)
    if (token.type === "block-sequence-start") return this.#blockSequence(start, anchor)
    if (token.type === "flow-sequence-start") return this.#flowSequence(start, anchor)
    if (token.type === "block-mapping-start") return this.#mapping(start, anchor, false)
    if (token.type === "flow-mapping-start") return this.#mapping(start, anchor, true)
    this.#at--
    return { kind: "nothing", start, end: start }
  }

  #scalar(token: Token & { type: "scalar" }, start: number, anchor: Anchor | null): PlacedScalar {
    const { value, style } = token
    const content = token.start.index
    return { kind: "scalar", start, end: endOfScalar(this.#text, content, value, style), content, value, style, anchor }
  }

  #blockSequence(start: number, anchor: Anchor | null, indentless = false): PlacedSequence {
    const items: PlacedItem[] = []
    while (this.#peek().type === "block-entry") {
      const dash = this.#take().start.index
      items.push({ dash, comma: null, node: this.#node() })
    }
    if (!indentless) this.#at++
    return { kind: "sequence", flow: false, start, end: items.at(-1)?.node.end ?? start, items, anchor }
  }

  #flowSequence(start: number, anchor: Anchor | null): PlacedSequence {
    const items: PlacedItem[] = []
    while (this.#peek().type !== "flow-sequence-end") {
      const node = this.#peek().type === "key" ? this.#singlePair() : this.#node()
      const comma = this.#peek().type === "flow-entry" ? this.#take().start.index : null
      items.push({ dash: null, comma, node })
    }
    const end = this.#take().start.index + 1
    return { kind: "sequence", flow: true, start, end, items, anchor }
  }

  #singlePair(): PlacedMapping {
    const pair = this.#pair()
    return { kind: "mapping", flow: true, start: pair.key.start, end: pair.value.end, pairs: [pair], anchor: null }
  }

  #mapping(start: number, anchor: Anchor | null, flow: boolean): PlacedMapping {
    const pairs: PlacedPair[] = []
    const last = flow ? "flow-mapping-end" : "block-end"
    while (this.#peek().type !== last) {
      if (this.#peek().type === "flow-entry") this.#at++
      else pairs.push(this.#pair())
    }
    const end = this.#take().start.index + (flow ? 1 : 0)
    return { kind: "mapping", flow, start, end, pairs, anchor }
  }

  #pair(): PlacedPair {
    if (this.#peek().type === "key") this.#at++
    const key = this.#node()
    if (this.#peek().type !== "value") return { key, value: { kind: "nothing", start: key.end, end: key.end } }
    this.#at++
    return { key, value: this.#node() }
  }
}

function endOfScalar(text: string, start: number, value: string, style: ScalarStyle): number {
  switch (style) {
    case "single": {
      let at = start + 1
      while (at < text.length && (text[at] !== "'" || text[at + 1] === "'")) at += text[at] === "'" ? 2 : 1
      return at + 1
    }
    case "double": {
      let at = start + 1
      while (at < text.length && text[at] !== '"') at += text[at] === "\\" ? 2 : 1
      return at + 1
    }
    case "plain": {
      // Lines of a plain text are joined by blanks; its words stand as they are.
      let at = start
      for (const word of value.split(/\s+/)) {
        if (word !== "") at = text.indexOf(word, at) + word.length
      }
      return at
    }
    case "literal":
    case "folded":
      return endOfLine(text, start)
  }
}

/** Where the line of an offset begins. */
export function startOfLine(text: string, at: number): number {
  return text.lastIndexOf("\n", at - 1) + 1
}

/** Where the line of an offset ends, before its line break. */
export function endOfLine(text: string, at: number): number {
  const end = text.indexOf("\n", at)
  if (end === -1) return text.length
  return text[end - 1] === "\r" && end > at ? end - 1 : end
}

/** The value of a key of a mapping, or undefined. */
export function placedField(node: PlacedNode | undefined, key: string): PlacedNode | undefined {
  if (node?.kind !== "mapping") return undefined
  return node.pairs.find((pair) => pair.key.kind === "scalar" && pair.key.value === key)?.value
}
