/** Reads a configuration out of YAML nodes: aliases followed, `<<` merged, each thing with its line. */

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

/** Deep enough for any configuration; an alias that contains itself goes no further. */
const deepestMerge = 20

/**
 * The fields of a mapping. Own fields come before merged ones, and a merged field does not replace one that is there.
 * @see [YAML 1.1] merge key type, yaml.org/type/merge.html
 */
export function fieldsOf(mapping: YamlNode & { kind: "mapping" }, depth = 0): Field[] {
  const fields: Field[] = []
  const merged: Field[] = []
  for (const { key, value } of mapping.pairs) {
    const keyNode = follow(key)
    if (keyNode.kind !== "scalar") continue
    if (keyNode.value === "<<" && keyNode.style === "plain" && depth < deepestMerge) {
      const target = follow(value)
      const sources = target.kind === "sequence" ? target.items.map(follow) : [target]
      for (const source of sources) if (source.kind === "mapping") merged.push(...fieldsOf(source, depth + 1))
    } else {
      fields.push({ key: keyNode.value, line: key.textLine, value })
    }
  }
  const known = new Set(fields.map(({ key }) => key))
  for (const field of merged) {
    if (known.has(field.key)) continue
    known.add(field.key)
    fields.push(field)
  }
  return fields
}
