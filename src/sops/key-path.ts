/** Paths into a document, `["a"]["b"][0]`. [sops] cmd/sops/main.go, `parseTreePath`. */
import type { KeyPath } from "../failure.ts"
import { KeyPathInvalid, KeyPathMissing } from "./failures.ts"
import type { Branch, Comment, Value } from "./tree.ts"

/**
 * Parses a path. Quotes may be single or double; there are no escapes in them.
 * @throws KeyPathInvalid
 */
export function parseKeyPath(text: string): KeyPath {
  const steps: (string | number)[] = []
  for (const component of text.split("[")) {
    if (component === "") continue
    if (!component.endsWith("]")) throw new KeyPathInvalid(text, "a step does not end with a bracket")
    const step = component.slice(0, -1)
    if (step.startsWith('"') || step.startsWith("'")) {
      if (step.length < 2) throw new KeyPathInvalid(text, "a quote is not closed")
      steps.push(step.slice(1, -1))
    } else {
      if (!/^\+?[0-9]{1,9}$/.test(step)) throw new KeyPathInvalid(text, "a step is neither in quotes nor a position")
      steps.push(Number(step))
    }
  }
  return steps
}

/**
 * Follows a path.
 * @throws KeyPathMissing with the part of the path that leads nowhere
 */
export function valueAt(document: Branch, path: KeyPath): Value | Comment {
  let value: Value | Comment = document
  path.forEach((step, index) => {
    const next = stepInto(value, step)
    if (next === undefined) throw new KeyPathMissing(whyMissing(value, step), path.slice(0, index + 1))
    value = next
  })
  return value
}

/** Positions in a list count its comments too, as sops counts them. */
function stepInto(value: Value | Comment, step: string | number): Value | Comment | undefined {
  if (typeof step === "number") return value.type === "list" ? value.items[step] : undefined
  if (value.type !== "map") return undefined
  for (const item of value.items) if (item.type === "entry" && item.key === step) return item.value
  return undefined
}

function whyMissing(value: Value | Comment, step: string | number): string {
  if (typeof step === "string") return value.type === "map" ? "there is no such key" : "is not in a map"
  return value.type === "list" ? `the list has ${value.items.length} items` : "is not in a list"
}
