/**
 * Writes changed metadata in the shape that a file already has, so that a diff shows what changed and nothing else: sops before 3.13
 * did not sort keys, and before 3.10 wrote empty lists for kinds of keys that a file does not use.
 */
import { type Metadata, writeMetadata } from "./metadata.ts"
import { defaultSelection, type Selection, selectionRules } from "./selection.ts"
import { type Branch, branch, type Entry, entry, type List, list, sameValue, type Value, valueOf } from "./tree.ts"

/**
 * @param metadata - as it is to be
 * @param written - as it stands in the file
 */
export function writeMetadataLike(metadata: Metadata, written: Branch): Branch {
  const wanted = writeMetadata(metadata)
  // A file without a rule follows the default one; it need not say so.
  const quiet = selectionRules.every((rule) => valueOf(written, rule) === undefined)
  return mergeMap(quiet && isDefault(metadata.selection) ? without(wanted, defaultSelection.rule) : wanted, written)
}

function isDefault(selection: Selection): boolean {
  return (
    selection.rule === "everything" ||
    (selection.rule === defaultSelection.rule && selection.text === defaultSelection.text)
  )
}

function without(map: Branch, key: string): Branch {
  return branch(map.items.filter((item) => item.type === "comment" || item.key !== key))
}

function entriesOf(map: Branch): Map<string, Value> {
  const entries = new Map<string, Value>()
  for (const item of map.items)
    if (item.type === "entry" && typeof item.key === "string") entries.set(item.key, item.value)
  return entries
}

function mergeMap(wanted: Branch, written: Branch): Branch {
  const fresh = entriesOf(wanted)
  const items: Entry[] = []
  for (const [key, value] of entriesOf(written)) {
    const want = fresh.get(key)
    fresh.delete(key)
    if (want !== undefined) items.push(entry(key, mergeValue(key, want, value)))
    else if (meansNothing(value)) items.push(entry(key, value))
  }
  const sorted = isSorted([...entriesOf(written).keys()])
  for (const [key, value] of fresh) items.push(entry(key, value))
  return branch(sorted ? items.sort((one, other) => (one.key < other.key ? -1 : 1)) : items)
}

function mergeValue(key: string, wanted: Value, written: Value): Value {
  if (wanted.type === "list" && written.type === "list") {
    if (key === "key_groups") return mergeGroups(wanted, written)
    // Entries of other kinds are carried along as they are.
    return key === "age" ? mergeEntries(wanted, written) : wanted
  }
  // What means the same (`true` and "true") stays as it is written.
  return sameText(wanted, written) ? written : wanted
}

function sameText(one: Value, other: Value): boolean {
  if (sameValue(one, other)) return true
  return "value" in one && "value" in other && String(one.value).toLowerCase() === String(other.value).toLowerCase()
}

function mapsIn(values: List): Branch[] {
  return values.items.filter((item) => item.type === "map")
}

/** Groups follow each other in the file's order; what is new takes after the first. */
function mergeGroups(wanted: List, written: List): List {
  const models = mapsIn(written)
  const [first = branch([])] = models
  return list(mapsIn(wanted).map((group, index) => mergeMap(group, models[index] ?? first)))
}

/** The entry of a recipient may have fields of its own; one that is new takes after the first. */
function mergeEntries(wanted: List, written: List): List {
  const models = mapsIn(written)
  const [first = branch([])] = models
  return list(
    mapsIn(wanted).map((item) => mergeMap(item, models.find((model) => isSameRecipient(item, model)) ?? first)),
  )
}

function isSameRecipient(one: Branch, other: Branch): boolean {
  const [name, otherName] = [valueOf(one, "recipient"), valueOf(other, "recipient")]
  return name !== undefined && otherName !== undefined && sameValue(name, otherName)
}

function meansNothing(value: Value): boolean {
  switch (value.type) {
    case "null":
      return true
    case "list":
    case "map":
      return value.items.length === 0
    case "bool":
      return !value.value
    case "int":
      return value.value === 0n
    case "str":
      return value.value === ""
    case "float":
    case "time":
      return false
  }
}

function isSorted(keys: readonly string[]): boolean {
  return keys.every((key, index) => index === 0 || keys[index - 1]! < key)
}
