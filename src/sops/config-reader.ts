/** Takes `.sops.yaml` apart, by the types that sops wants, and notes what means nothing to it. */
import { quote } from "../quote.ts"
import { ConfigInvalid } from "./failures.ts"
import { nearestName } from "./similar.ts"
import type { YamlNode } from "./yaml/node.ts"
import { resolveScalar } from "./yaml/resolve.ts"
import { type Field, fieldsOf, follow, isNull } from "./yaml/view.ts"

/** Something in the file that has no effect, or not the one that was meant. */
export type ConfigWarning = Readonly<{ line: number; text: string }>

/** What aliases may unfold to, all together: more is an attack on memory. */
const mostValues = 1_000_000

/** Takes fields out of mappings, by type, and remembers what nobody asked for. */
export class ConfigReader {
  readonly warnings: ConfigWarning[] = []
  #values = 0

  #count(size: number, line: number): void {
    this.#values += size
    if (this.#values > mostValues) throw invalid(`aliases unfold to more than ${mostValues} values`, line)
  }

  fields(
    node: YamlNode,
    what: string,
    known: readonly string[],
    quiet: (key: string) => boolean = () => false,
  ): Map<string, Field> {
    const mapping = follow(node)
    if (mapping.kind !== "mapping") throw invalid(`${what} is no map`, node.textLine)
    const fields = new Map<string, Field>()
    const found = fieldsOf(mapping)
    this.#count(found.length + 1, node.textLine)
    for (const field of found) {
      fields.set(field.key, field)
      if (known.includes(field.key) || quiet(field.key)) continue
      this.warnings.push({
        line: field.line,
        text: `${quote(field.key)} in ${what} means nothing to sops${meant(field.key, known)}`,
      })
    }
    return fields
  }

  /** The fields of a mapping of ours: what is misspelt would not be done, so an unknown key is refused. @throws ConfigInvalid */
  onlyFields(node: YamlNode, what: string, known: readonly string[]): Map<string, Field> {
    const fields = this.fields(node, what, known, () => true)
    for (const { key, line } of fields.values())
      if (!known.includes(key)) throw invalid(`${quote(key)} is not known${meant(key, known)}`, line)
    return fields
  }

  /** An item that is a text. @throws ConfigInvalid saying what is expected */
  word(node: YamlNode, expected: string): string {
    const target = follow(node)
    if (target.kind !== "scalar") throw invalid(`${expected} is expected`, node.textLine)
    return target.value
  }

  items(field: Field): YamlNode[] {
    const node = follow(field.value)
    if (isNull(node)) return []
    if (node.kind !== "sequence") throw invalid(`${field.key} is no list`, field.line)
    this.#count(node.items.length, field.line)
    return node.items
  }

  text(field: Field | undefined): string {
    if (field === undefined) return ""
    const node = follow(field.value)
    if (node.kind !== "scalar") throw invalid(`${field.key} is no text`, field.line)
    return isNull(node) ? "" : node.value
  }

  number(field: Field | undefined): number {
    if (field === undefined || isNull(follow(field.value))) return 0
    const node = follow(field.value)
    const leaf = node.kind === "scalar" ? resolveScalar(node) : null
    if (leaf?.type !== "int" || leaf.value < -1n || leaf.value > 255n)
      throw invalid(`${field.key} is no number up to 255`, field.line)
    return Number(leaf.value)
  }

  boolean(field: Field | undefined): boolean {
    if (field === undefined || isNull(follow(field.value))) return false
    const node = follow(field.value)
    const text = node.kind === "scalar" ? node.value : ""
    // Where a boolean is wanted, go-yaml takes the words of YAML 1.1 too.
    if (/^(true|True|TRUE|y|Y|yes|Yes|YES|on|On|ON)$/.test(text)) return true
    if (/^(false|False|FALSE|n|N|no|No|NO|off|Off|OFF)$/.test(text)) return false
    throw invalid(`${field.key} is neither true nor false`, field.line)
  }
}

function meant(key: string, known: readonly string[]): string {
  const nearest = nearestName(key, known)
  return nearest === null ? "" : `; did you mean ${nearest}?`
}

export function invalid(what: string, line: number): ConfigInvalid {
  return new ConfigInvalid(what, { where: { line } })
}
