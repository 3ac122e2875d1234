/** Proves that a changed `.sops.yaml` says what was wished, and else what it said before. */
import { quote } from "../quote.ts"
import { type CreationRule, parseConfig } from "./config.ts"
import { byHand, type ConfigChange } from "./config-change.ts"
import { definitionsIn } from "./config-names.ts"
import { placeNodes } from "./config-places.ts"
import { ConfigNotEdited } from "./failures.ts"
import { decodeText } from "./text.ts"

/** The recipients of a group as they should be; null where nothing but `null` says that the group stays as it is. */
type Wish = (recipients: ReadonlySet<string>, rule: number, group: number) => ReadonlySet<string>

/**
 * Compares what two configurations say.
 * @throws ConfigNotEdited naming the first difference that was not wished
 */
export function requireWished(before: Uint8Array, after: Uint8Array, change: ConfigChange): void {
  const refuse = (what: string): ConfigNotEdited =>
    new ConfigNotEdited(`.sops.yaml is written in a way that this change does not fit: ${what}`, byHand(change))
  const [old, made] = [parseConfig(before), reparsed(after, refuse)]
  const [oldNames, madeNames] = [namesIn(before), namesIn(after)]
  requireNames(oldNames, madeNames, change, refuse)
  if (JSON.stringify(old.indents) !== JSON.stringify(made.indents)) throw refuse("its stores would change")
  const [oldRules, madeRules] = [old.rules ?? [], made.rules ?? []]
  if (oldRules.length !== madeRules.length) throw refuse("the number of rules would change")
  const wish = wishOf(change, oldNames)
  for (const [position, rule] of oldRules.entries()) {
    const other = madeRules[position]
    const { index } = rule
    if (other === undefined || restOf(rule) !== restOf(other))
      throw refuse(`rule ${index + 1} would change in more than its keys`)
    for (const [number, group] of rule.groups.entries()) {
      const wished = wish(ageKeys(group), index, number)
      const got = ageKeys(other.groups[number] ?? [])
      if (wished.size === 0 && group.every(({ type }) => type === "age") && group.length > 0)
        throw new ConfigNotEdited(
          `rule ${index + 1} would be left without keys`,
          "remove the rule, or add another key to it first",
          { where: { line: rule.line } },
        )
      if (text(wished) !== text(got)) throw refuse(`rule ${index + 1} would be for others than was wished`)
    }
  }
}

function reparsed(after: Uint8Array, refuse: (what: string) => ConfigNotEdited): ReturnType<typeof parseConfig> {
  try {
    return parseConfig(after)
  } catch (cause) {
    throw Object.assign(refuse("it could not be read any more"), { cause })
  }
}

function namesIn(bytes: Uint8Array): Map<string, string> {
  return new Map(definitionsIn(placeNodes(decodeText(bytes))).map(({ anchor, value }) => [anchor.name, value]))
}

function requireNames(
  old: ReadonlyMap<string, string>,
  made: ReadonlyMap<string, string>,
  change: ConfigChange,
  refuse: (what: string) => ConfigNotEdited,
): void {
  const wished = new Map(old)
  const recipient = wished.get(change.name)
  if (change.kind === "remove") wished.delete(change.name)
  if (change.kind === "rename" && recipient !== undefined) {
    wished.delete(change.name)
    wished.set(change.to, recipient)
  }
  // Where keys have no anchors, a new one gets none either.
  if (change.kind === "replace" || (change.kind === "add" && made.has(change.name)))
    wished.set(change.name, change.recipient)
  for (const name of new Set([...wished.keys(), ...made.keys()]))
    if (wished.get(name) !== made.get(name)) throw refuse(`the key ${quote(name)} would be another`)
}

/** What each group should be, by what was wished. */
function wishOf(change: ConfigChange, names: ReadonlyMap<string, string>): Wish {
  switch (change.kind) {
    case "rename":
      return (recipients) => recipients
    case "remove":
      return (recipients) => without(recipients, names.get(change.name))
    case "replace": {
      const old = names.get(change.name)
      return (recipients) =>
        old !== undefined && recipients.has(old) ? new Set([...without(recipients, old), change.recipient]) : recipients
    }
    case "add": {
      const { place, recipient } = change
      if ("like" in place) {
        const model = names.get(place.like) ?? place.like
        return (recipients) => (recipients.has(model) ? new Set([...recipients, recipient]) : recipients)
      }
      return (recipients, rule, group) =>
        place.rules.includes(rule) && group === (place.group ?? 0) ? new Set([...recipients, recipient]) : recipients
    }
  }
}

function without(recipients: ReadonlySet<string>, one: string | undefined): Set<string> {
  return new Set([...recipients].filter((recipient) => recipient !== one))
}

function ageKeys(group: CreationRule["groups"][number]): Set<string> {
  return new Set(group.filter(({ type }) => type === "age").map(({ name }) => name))
}

/** All of a rule but its age keys and its place in the text. */
function restOf(rule: CreationRule): string {
  const others = rule.groups.map((group) => group.filter(({ type }) => type !== "age"))
  return JSON.stringify({ ...rule, groups: others, line: 0 })
}

function text(recipients: ReadonlySet<string>): string {
  return JSON.stringify([...recipients].sort())
}
