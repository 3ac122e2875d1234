/** What go-yaml refuses in a mapping that it decodes: keys that occur twice, and merges of what is no map. */
import { quote } from "../../quote.ts"
import { SyntaxInvalid } from "../failures.ts"
import type { YamlNode } from "./node.ts"

/** Whether a key is `<<` as YAML 1.1 means it. yaml.org/type/merge.html */
export function isMergeKey(key: YamlNode): boolean {
  if (key.kind !== "scalar" || key.value !== "<<") return false
  return key.tag === "!!merge" || (key.tag === "" && key.style === "plain")
}

function canMerge(node: YamlNode): boolean {
  const isMap = (item: YamlNode): boolean => (item.kind === "alias" ? item.target : item).kind === "mapping"
  return isMap(node) || (node.kind === "sequence" && node.items.every(isMap))
}

/** @throws SyntaxInvalid with the line of the second key, or of the merge */
export function checkKeys({ pairs }: YamlNode & { kind: "mapping" }): void {
  const lines = new Map<string, number>()
  for (const { key, value } of pairs) {
    if (key.kind === "alias") continue
    if (isMergeKey(key) && !canMerge(value))
      throw new SyntaxInvalid("YAML", "the merge key << wants a map or a list of maps", key.textLine)
    const text = `${key.kind} ${key.kind === "scalar" ? key.value : ""}`
    const line = lines.get(text)
    if (line !== undefined) {
      const name = key.kind === "scalar" ? quote(key.value) : "a collection"
      throw new SyntaxInvalid("YAML", `key ${name} is already defined on line ${line}`, key.textLine)
    }
    lines.set(text, key.textLine)
  }
}
