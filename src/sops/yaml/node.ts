/** The nodes of a YAML document, with their comments, before they become a tree. */
import type { ScalarStyle, Token } from "./token.ts"

/** Comments as they stand in the text, `#` included, lines joined by line feeds; "" for none. */
export type Comments = { head: string; line: string; foot: string }

/** `tag` is short (`!!int`), or "" when none was given and the node is no collection. Lines count from 1. */
export type YamlNode = Comments & { textLine: number } & (
    | { kind: "scalar"; tag: string; value: string; style: ScalarStyle }
    | { kind: "sequence"; tag: string; items: YamlNode[] }
    | { kind: "mapping"; tag: string; flow: boolean; pairs: YamlPair[] }
    | { kind: "alias"; name: string; target: YamlNode }
  )

export type YamlPair = { key: YamlNode; value: YamlNode }

export type YamlDocument = { head: string; foot: string; root: YamlNode }

export function noComments(): Comments {
  return { head: "", line: "", foot: "" }
}

/** What stands where nothing is written. */
export function emptyNode(token: Token, tag = ""): YamlNode {
  return { kind: "scalar", tag, value: "", style: "plain", textLine: token.start.line + 1, ...noComments() }
}

/** The foot of a value is the foot of its pair. */
export function moveFoot(key: YamlNode, value: YamlNode): void {
  if (key.foot !== "" || value.foot === "") return
  key.foot = value.foot
  value.foot = ""
}
