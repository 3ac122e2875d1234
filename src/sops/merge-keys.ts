/** Merges three-way for whom a file is encrypted: who was added on either side comes, who was removed on either side goes. */
import { type ConfigKey, configKeyOf } from "./config-keys.ts"
import type { KeyGroup, Metadata } from "./metadata.ts"
import type { KeyWish } from "./update-keys.ts"

/** For whom a file is encrypted. */
export function keysOf({ groups, shamirThreshold }: Metadata): KeyWish {
  return { groups: groups.map((group) => group.map(configKeyOf)), shamirThreshold }
}

/**
 * @param base - what both sides come from; null when each made the file by itself
 * @returns null where the two sides cannot both have what they want: each changed the number of groups or the threshold in its own way,
 *   or nobody is left in a group
 */
export function mergeKeys(base: Metadata | null, ours: Metadata, theirs: Metadata): KeyWish | null {
  const [before, own, other] = [base === null ? null : keysOf(base), keysOf(ours), keysOf(theirs)]
  const shamirThreshold = choose(before?.shamirThreshold, own.shamirThreshold, other.shamirThreshold, Object.is)
  const groups = mergeGroups(before?.groups, own.groups, other.groups)
  return shamirThreshold === null || groups === null || groups.some((group) => group.length === 0)
    ? null
    : { groups, shamirThreshold }
}

type Groups = KeyWish["groups"]
type Group = Groups[number]

function mergeGroups(base: Groups | undefined, ours: Groups, theirs: Groups): Groups | null {
  const count = ours.length
  if (theirs.length !== count || (base !== undefined && base.length !== count))
    return choose(base, ours, theirs, sameGroups)
  return ours.map((group, index) => mergeGroup(base?.[index] ?? [], group, theirs[index] ?? []))
}

function mergeGroup(base: Group, ours: Group, theirs: Group): Group {
  return [
    ...ours.filter((key) => has(theirs, key) || !has(base, key)),
    ...theirs.filter((key) => !has(ours, key) && !has(base, key)),
  ]
}

function has(group: Group, key: ConfigKey): boolean {
  return group.some(({ type, name }) => type === key.type && name === key.name)
}

/** Whether groups are for the same keys, in whatever order. */
function sameGroups(one: Groups, other: Groups): boolean {
  return (
    one.length === other.length &&
    one.every((group, index) => {
      const match = other[index] ?? []
      return group.length === match.length && group.every((key) => has(match, key))
    })
  )
}

export function sameWish(one: KeyWish, other: KeyWish): boolean {
  return one.shamirThreshold === other.shamirThreshold && sameGroups(one.groups, other.groups)
}

/** What was changed by one side, or by both alike; null when each changed it in its own way. */
function choose<T>(base: T | undefined, ours: T, theirs: T, same: (one: T, other: T) => boolean): T | null {
  if (same(ours, theirs)) return ours
  if (base === undefined) return null
  if (same(base, theirs)) return ours
  return same(base, ours) ? theirs : null
}

/** Whether all who can open a file are among these. */
export function areAmong(metadata: Metadata, { groups }: KeyWish): boolean {
  return keysOf(metadata)
    .groups.flat()
    .every((key) => groups.some((group) => has(group, key)))
}

/**
 * A file's groups with the entries that another file under the same data key has besides, as they stand there: nobody needs to wrap for
 * them again. Groups may only be compared where they are known to wrap the same part of the data key.
 */
export function adoptKeys(host: Metadata, other: Metadata): KeyGroup[] {
  const whole = host.groups.length === 1 && other.groups.length === 1
  return host.groups.map((group, index) => {
    const theirs = other.groups[index] ?? []
    const encs = new Set(group.flatMap((key) => (key.type === "age" ? [key.enc] : [])))
    const samePart = whole || theirs.some((key) => key.type === "age" && encs.has(key.enc))
    return samePart ? [...group, ...theirs.filter((key) => !has(group.map(configKeyOf), configKeyOf(key)))] : group
  })
}
