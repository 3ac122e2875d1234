/**
 * The data key of a file: opened from its key groups, and wrapped for them. With one group, each key wraps the data key itself; with
 * several, each group wraps its share by Shamir's scheme, and any key of a group opens the group. [sops] sops.go, shamir/shamir.go.
 */
import { randomBytes } from "node:crypto"
import { explain, Failure } from "../failure.ts"
import { Secret } from "../secret.ts"
import type { DataKey } from "./cipher.ts"
import {
  ConfigInvalid,
  DataKeyInvalid,
  DataKeyUnavailable,
  type KeyAttempt,
  KeyGroupEmpty,
  KeyTypeUnsupported,
  MetadataInvalid,
  SharesInvalid,
} from "./failures.ts"
import { type AgeKey, groupsNeeded, type KeyGroup, keyName, type Metadata } from "./metadata.ts"

const dataKeyLength = 32
/** A share is as long as the data key, and a byte more for its place. */
const shareLength = dataKeyLength + 1

/** Somebody who can open wrapped keys: the identities at hand. */
export type KeyOpener = Readonly<{
  /**
   * What opening would ask of a person, as a number: 0 for nothing, more for a PIN or a touch; null when it cannot be opened here.
   * Cheaper keys are tried first. Without this, keys are tried in the order of the file.
   */
  cost?(key: AgeKey): number | null
  /**
   * Opens the armored age file of one entry.
   * @returns its plaintext; null when no identity at hand fits
   * @throws Failure when one fits, and why it could not be opened
   */
  open(key: AgeKey): Promise<Secret<string> | null>
}>

/** Wraps a data key or a share for one recipient. @returns an armored age file */
export type KeyWrapper = (recipient: string, plain: Secret<string>) => Promise<string>

const unopened = "no identity at hand fits"
const foreign = "only sops can open keys of this type"

/** A new data key. */
export function newDataKey(): DataKey {
  return Secret.owning("data key", randomBytes(dataKeyLength))
}

type Candidate = { group: number; key: AgeKey; cost: number }

/** The parts of a data key that were opened, by group: the data key itself for one group, shares for several. */
export type OpenedParts = ReadonlyMap<number, Secret<string>>

/** Lets go of opened parts. */
export function disposeParts(parts: OpenedParts): void {
  for (const part of parts.values()) part[Symbol.dispose]()
}

/**
 * Opens groups until there are enough and not one more, the cheapest first, so that nobody is asked for a YubiKey in vain.
 * @returns parts that the caller owns
 * @throws DataKeyUnavailable with every attempt; DataKeyInvalid
 */
export async function openParts(metadata: Metadata, opener: KeyOpener): Promise<OpenedParts> {
  const { groups } = metadata
  const needed = groupsNeeded(metadata)
  const length = groups.length === 1 ? dataKeyLength : shareLength
  const attempts: KeyAttempt[] = []
  const parts = new Map<number, Secret<string>>()
  try {
    for (const { group, key } of inOrder(groups, opener, attempts)) {
      if (parts.size >= needed) break
      if (parts.has(group)) continue
      const part = await attempt(group, key, opener, attempts)
      if (part === null) continue
      parts.set(group, part)
      if (part.length !== length) throw new DataKeyInvalid(length, part.length)
    }
    if (parts.size < needed) throw new DataKeyUnavailable(groups.length, needed, [...parts.keys()], attempts)
    return parts
  } catch (failure) {
    disposeParts(parts)
    throw failure
  }
}

/**
 * Puts opened parts together.
 * @throws SharesInvalid
 */
export async function joinParts(metadata: Metadata, parts: OpenedParts): Promise<DataKey> {
  const opened = [...parts.values()]
  if (metadata.groups.length > 1) return combine(opened)
  return opened[0]!.use((bytes) => Secret.owning("data key", bytes.slice()))
}

/**
 * Opens the data key.
 * @throws what `openParts` and `joinParts` throw
 */
export async function openDataKey(metadata: Metadata, opener: KeyOpener): Promise<DataKey> {
  const parts = await openParts(metadata, opener)
  try {
    return await joinParts(metadata, parts)
  } finally {
    disposeParts(parts)
  }
}

/**
 * The part that a group wraps, or that a new group at this place would: for one group the data key, else the share at the group's
 * place, which follows from the opened shares since they lie on one polynomial.
 * @returns null when the file does not number its shares as sops does, so that the place of a group that was not opened is unknown
 */
export async function partOf(parts: OpenedParts, group: number): Promise<Secret<string> | null> {
  const own = parts.get(group)
  if (own !== undefined) return own.clone()
  for (const [index, part] of parts) if (part.use((bytes) => bytes[dataKeyLength]) !== placeOf(index)) return null
  return shareAt(parts, placeOf(group))
}

/** The share at a place, from enough others. */
async function shareAt(shares: OpenedParts, place: number): Promise<Secret<string>> {
  for (const share of shares.values()) if (share.use((bytes) => bytes[dataKeyLength]) === place) return share.clone()
  // In GF(2^8), shifting all places by the wanted one makes its share the value at 0, which is what combining gives.
  const shifted = [...shares.values()].map((part) =>
    part.use((bytes) => {
      const copy = bytes.slice()
      copy[dataKeyLength] = copy[dataKeyLength]! ^ place
      return copy
    }),
  )
  try {
    const { combine: combineShares } = await import("shamir-secret-sharing")
    const value = await combineShares(shifted)
    const share = new Uint8Array(shareLength)
    share.set(value)
    share[dataKeyLength] = place
    value.fill(0)
    return Secret.owning("share", share)
  } finally {
    for (const copy of shifted) copy.fill(0)
  }
}

/** sops numbers shares from 1. [sops] shamir/shamir.go */
function placeOf(group: number): number {
  return group + 1
}

/** Groups by their cheapest key, keys of a group by cost, equals by the file's order. What cannot be opened at all is noted. */
function inOrder(groups: readonly KeyGroup[], opener: KeyOpener, attempts: KeyAttempt[]): Candidate[] {
  const byGroup = groups.map((keys, group) => {
    const candidates: Candidate[] = []
    for (const key of keys) {
      const cost = key.type === "age" ? costOf(key, opener) : null
      if (key.type === "age" && cost !== null) candidates.push({ group, key, cost })
      else attempts.push({ group, key: keyName(key), outcome: key.type === "age" ? unopened : foreign })
    }
    return candidates.sort((one, other) => byCost(one.cost, other.cost))
  })
  return byGroup.sort((one, other) => byCost(one[0]?.cost ?? 0, other[0]?.cost ?? 0)).flat()
}

/** Infinity, which no subtraction compares, is a cost too. */
function byCost(one: number, other: number): number {
  if (one === other) return 0
  return one < other ? -1 : 1
}

function costOf(key: AgeKey, opener: KeyOpener): number | null {
  return opener.cost === undefined ? 0 : opener.cost(key)
}

async function attempt(
  group: number,
  key: AgeKey,
  opener: KeyOpener,
  attempts: KeyAttempt[],
): Promise<Secret<string> | null> {
  try {
    const part = await opener.open(key)
    if (part === null) attempts.push({ group, key: key.recipient, outcome: unopened })
    return part
  } catch (cause) {
    if (!(cause instanceof Failure)) throw cause
    attempts.push({ group, key: key.recipient, outcome: explain(cause).text, cause })
    return null
  }
}

async function combine(parts: readonly Secret<string>[]): Promise<DataKey> {
  const copies = parts.map((part) => part.use((bytes) => bytes.slice()))
  try {
    const places = new Set(copies.map((copy) => copy[dataKeyLength]))
    if (places.size < copies.length) throw new SharesInvalid("two groups have the same share")
    if (places.has(0)) throw new SharesInvalid("one is at place 0, where the data key itself would be")
    // One share with a threshold of one would be the data key in the open; sops cannot make it.
    if (copies.length < 2) throw new MetadataInvalid("shamir_threshold is 1 with several key groups")
    const { combine: combineShares } = await import("shamir-secret-sharing")
    return Secret.owning("data key", await combineShares(copies))
  } finally {
    for (const copy of copies) copy.fill(0)
  }
}

/** The parts that groups are to wrap: the data key itself for one group, a share for each of several. */
async function split(key: DataKey, groups: number, threshold: number): Promise<Secret<string>[]> {
  if (groups === 1) return [key.clone()]
  requireThreshold(threshold, groups)
  const { split: splitKey } = await import("shamir-secret-sharing")
  const copy = key.use((bytes) => bytes.slice())
  try {
    // The library puts shares at random places. Any `threshold` of them say what stands at the places that sops would use.
    const drawn = await splitKey(copy, groups, threshold)
    const known = new Map(drawn.slice(0, threshold).map((share, index) => [index, Secret.owning("share", share)]))
    const shares = await Promise.all(Array.from({ length: groups }, (_, group) => shareAt(known, placeOf(group))))
    for (const share of drawn) share.fill(0)
    return shares
  } finally {
    copy.fill(0)
  }
}

/**
 * Wraps a data key for groups of recipients.
 * @param groups - where an entry already has an `enc`, it is wrapped anew
 * @param threshold - how many groups are needed; 0 for all; without meaning for one group
 * @throws what requireWrappable throws, before anything is wrapped
 */
export async function wrapDataKey(
  key: DataKey,
  groups: readonly KeyGroup[],
  threshold: number,
  wrap: KeyWrapper,
): Promise<KeyGroup[]> {
  requireWrappable(groups, threshold)
  const parts = await split(key, groups.length, threshold === 0 ? groups.length : threshold)
  try {
    const wrapped: KeyGroup[] = []
    for (const [index, group] of groups.entries()) {
      const keys: AgeKey[] = []
      for (const entry of group) {
        if (entry.type !== "age") continue
        keys.push({ type: "age", recipient: entry.recipient, enc: await wrap(entry.recipient, parts[index]!) })
      }
      wrapped.push(keys)
    }
    return wrapped
  } finally {
    for (const part of parts) part[Symbol.dispose]()
  }
}

/**
 * Whether a data key can be wrapped for groups at all, as far as it can be told without wrapping.
 * @param threshold - as wrapDataKey has it
 * @throws KeyTypeUnsupported, KeyGroupEmpty, ConfigInvalid
 */
export function requireWrappable(groups: readonly KeyGroup[], threshold: number): void {
  requireAge(groups)
  if (groups.length > 1 && threshold !== 0) requireThreshold(threshold, groups.length)
}

/** One share with a threshold of one would be the data key in the open. @throws ConfigInvalid */
export function requireThreshold(threshold: number, groups: number): void {
  if (threshold >= 2 && threshold <= groups) return
  throw new ConfigInvalid(`${threshold} of ${groups} key groups cannot be required: at least 2, at most all of them`, {
    hint: "shamir_threshold, of the rule in .sops.yaml or of the command line, says how many",
  })
}

/** @throws KeyTypeUnsupported when a group has keys that only sops can write for; KeyGroupEmpty */
function requireAge(groups: readonly KeyGroup[]): void {
  if (groups.length === 0 || groups.some((group) => group.length === 0)) {
    throw new KeyGroupEmpty()
  }
  const types = new Set(groups.flat().map(({ type }) => type))
  types.delete("age")
  if (types.size > 0) throw new KeyTypeUnsupported([...types])
}
