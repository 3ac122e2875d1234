/** Reads a configuration out of YAML nodes: aliases followed, `<<` merged, each thing with its line. */

import { SyntaxInvalid } from "../failures.ts"
import { checkKeys, isMergeKey } from "./mapping-keys.ts"
import type { YamlNode } from "./node.ts"
import { resolveScalar } from "./resolve.ts"

/** A key of a mapping, the line that it stands on, and what is there. */
export type Field = Readonly<{ key: string; line: number; value: YamlNode }>

/** The node that an alias stands for. An alias inside its own anchor ends nowhere; it counts as null. */
export function follow(node: YamlNode): YamlNode {
  const seen = new Set<YamlNode>()
  let target = node
  while (target.kind === "alias" && !seen.has(target)) {
    seen.add(target)
    target = target.target
  }
  return target
}

/** Whether there is nothing: `key:` without a value, `null`, `~`. */
export function isNull(node: YamlNode): boolean {
  return node.kind === "scalar" && resolveScalar(node).type === "null"
}

/** Of mappings that were looked at: merges of merges may lead to one on more ways than can be gone. Null while it is looked at. */
const known = new WeakMap<YamlNode, readonly Field[] | null>()

/**
 * The fields of a mapping. Own fields come before merged ones, and a merged field does not replace one that is there.
 * @throws SyntaxInvalid for keys that occur twice, and merges of what is no map or of the mapping itself
 * @see [YAML 1.1] merge key type, yaml.org/type/merge.html
 */
export function fieldsOf(mapping: YamlNode & { kind: "mapping" }): readonly Field[] {
  const before = known.get(mapping)
  if (before !== undefined) {
    if (before === null) throw new SyntaxInvalid("YAML", "a map merges itself", mapping.textLine)
    return before
  }
  known.set(mapping, null)
  checkKeys(mapping)
  const fields: Field[] = []
  const sources: YamlNode[] = []
  for (const { key, value } of mapping.pairs) {
    const keyNode = follow(key)
    if (keyNode.kind !== "scalar") continue
    if (isMergeKey(keyNode)) {
      const target = follow(value)
      for (const source of target.kind === "sequence" ? target.items : [target]) sources.push(follow(source))
    } else {
      fields.push({ key: keyNode.value, line: key.textLine, value })
    }
  }
  const names = new Set(fields.map(({ key }) => key))
  for (const source of sources) {
    for (const field of source.kind === "mapping" ? fieldsOf(source) : []) {
      if (names.has(field.key)) continue
      names.add(field.key)
      fields.push(field)
    }
  }
  known.set(mapping, fields)
  return fields
}
