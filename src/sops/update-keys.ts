/**
 * Makes the recipients of a file those of a rule, without a new data key. Planned from what can be read without a key; carried out so
 * that whoever stays keeps the very `enc` that is there. [sops] cmd/sops/subcommand/updatekeys, which wraps anew for all.
 */
import { type ConfigKey, configKeyOf } from "./config-keys.ts"
import { joinParts, type KeyWrapper, type OpenedParts, partOf, requireThreshold, wrapDataKey } from "./data-key.ts"
import { KeyGroupEmpty, KeyTypeUnsupported } from "./failures.ts"
import type { EncryptedFile } from "./file.ts"
import { type KeyGroup, type MasterKey, type Metadata } from "./metadata.ts"
import { writeMetadataLike } from "./metadata-layout.ts"
import { indentOf, spliceMetadata } from "./splice.ts"
import { decodeText } from "./text.ts"

/** The keys that a group has at the end: those that stay, in the file's order, then the new ones. */
export type GroupPlan = Readonly<{
  kept: readonly MasterKey[]
  added: readonly ConfigKey[]
  removed: readonly MasterKey[]
}>

export type KeyPlan = Readonly<{
  /** By place; groups that the rule does not have any more come last, with all keys removed. */
  groups: readonly GroupPlan[]
  threshold: Readonly<{ from: number; to: number }>
  changes: boolean
  /** All shares are made anew, so that the `enc` of everybody changes: the threshold changes, or one group becomes several. */
  resplit: boolean
}>

/** What a rule wants. */
export type KeyWish = Readonly<{ groups: readonly (readonly ConfigKey[])[]; shamirThreshold: number }>

/**
 * Compares a file's keys with a rule's, group by group, without regard to order.
 * @throws KeyGroupEmpty; ConfigInvalid when the rule's threshold cannot be met
 */
export function planKeys(metadata: Metadata, wish: KeyWish): KeyPlan {
  if (wish.groups.length === 0 || wish.groups.some((group) => group.length === 0)) {
    throw new KeyGroupEmpty()
  }
  const groups: GroupPlan[] = []
  const count = Math.max(metadata.groups.length, wish.groups.length)
  for (let index = 0; index < count; index++)
    groups.push(compare(metadata.groups[index] ?? [], wish.groups[index] ?? []))
  const from = metadata.shamirThreshold
  const to = thresholdFor(metadata, wish)
  const several = wish.groups.length > 1
  return {
    groups,
    threshold: { from, to },
    changes: from !== to || groups.some(({ added, removed }) => added.length + removed.length > 0),
    resplit:
      metadata.groups.length > 1 !== several ||
      (several && effective(from, metadata.groups.length) !== effective(to, wish.groups.length)),
  }
}

function effective(threshold: number, groups: number): number {
  return threshold === 0 ? groups : threshold
}

/** The rule's threshold, which sops passes over; else the file's, as far as there are groups. */
function thresholdFor({ groups, shamirThreshold: from }: Metadata, wish: KeyWish): number {
  const count = wish.groups.length
  // For one group it has no meaning, and files have what their rule happens to say.
  if (count === 1) return groups.length === 1 ? from : Math.min(from, 1)
  if (wish.shamirThreshold > 0) {
    requireThreshold(wish.shamirThreshold, count)
    return wish.shamirThreshold
  }
  return from === 0 || from === 1 ? count : Math.min(from, count)
}

function sameKey(one: ConfigKey, other: ConfigKey): boolean {
  return one.type === other.type && one.name === other.name
}

function compare(file: KeyGroup, wish: readonly ConfigKey[]): GroupPlan {
  const wanted = (key: MasterKey): boolean => wish.some((other) => sameKey(configKeyOf(key), other))
  return {
    kept: file.filter(wanted),
    added: wish.filter((key) => !file.some((other) => sameKey(key, configKeyOf(other)))),
    removed: file.filter((key) => !wanted(key)),
  }
}

/** Whether carrying out a plan needs the data key: somebody is added, or all shares are made anew. */
export function needsKey(plan: KeyPlan): boolean {
  return plan.changes && (plan.resplit || plan.groups.some(({ added }) => added.length > 0))
}

/**
 * Whether a plan can be carried out without sops.
 * @throws KeyTypeUnsupported naming the kinds of keys that would have to be written for
 */
export function requireWritable(plan: KeyPlan): void {
  const types = new Set<string>()
  for (const { kept, added } of plan.groups) {
    for (const { type } of added) types.add(type)
    if (plan.resplit) for (const { type } of kept) types.add(type)
  }
  types.delete("age")
  if (types.size > 0) throw new KeyTypeUnsupported([...types])
}

/**
 * Carries out a plan. Only the metadata changes, byte for byte, wherever its place in the file can be told.
 * @param bytes - of the file
 * @param parts - opened from the file; may be empty where `needsKey` says no
 * @returns the new bytes; the old ones where there is nothing to change
 * @throws KeyTypeUnsupported, and what `wrap` throws
 */
export async function applyKeys(
  bytes: Uint8Array,
  file: EncryptedFile,
  plan: KeyPlan,
  parts: OpenedParts,
  wrap: KeyWrapper,
): Promise<Uint8Array> {
  if (!plan.changes) return bytes
  const groups = await wrapPlanned(file.metadata, plan, parts, wrap)
  return writeKeys(bytes, file, groups, plan.threshold.to)
}

/**
 * Puts other key groups into a file: only the metadata changes, byte for byte, wherever its place in the file can be told.
 * @param groups - all of which wrap the file's data key
 */
export function writeKeys(
  bytes: Uint8Array,
  file: EncryptedFile,
  groups: readonly KeyGroup[],
  shamirThreshold: number,
): Uint8Array {
  const metadata: Metadata = { ...file.metadata, groups, shamirThreshold }
  const written = writeMetadataLike(metadata, file.written)
  const spliced = spliceMetadata(bytes, file, written)
  if (spliced !== null) return spliced
  const indent = indentOf(decodeText(bytes), file.store.format)
  const envelope = { documents: file.documents, metadata: written }
  return file.store.emitEncrypted(envelope, indent === null ? {} : { indent })
}

/**
 * The key groups that a plan makes of a file's: whoever stays keeps the `enc` that is there, unless all shares are made anew.
 * @throws KeyTypeUnsupported, and what `wrap` throws
 */
export async function wrapPlanned(
  metadata: Metadata,
  plan: KeyPlan,
  parts: OpenedParts,
  wrap: KeyWrapper,
): Promise<readonly KeyGroup[]> {
  if (!plan.changes) return metadata.groups
  requireWritable(plan)
  return (plan.resplit ? null : await extendGroups(plan, parts, wrap)) ?? (await wrapAnew(metadata, plan, parts, wrap))
}

function groupsLeft(plan: KeyPlan): GroupPlan[] {
  return plan.groups.filter(({ kept, added }) => kept.length + added.length > 0)
}

/** Wraps for the added keys alone. Null when a share that is needed cannot be told from those that were opened. */
async function extendGroups(plan: KeyPlan, parts: OpenedParts, wrap: KeyWrapper): Promise<KeyGroup[] | null> {
  const groups: KeyGroup[] = []
  for (const [index, { kept, added }] of groupsLeft(plan).entries()) {
    const keys: MasterKey[] = [...kept]
    if (added.length > 0) {
      using part = await partOf(parts, index)
      if (part === null) return null
      for (const { name } of added) keys.push({ type: "age", recipient: name, enc: await wrap(name, part) })
    }
    groups.push(keys)
  }
  return groups
}

async function wrapAnew(metadata: Metadata, plan: KeyPlan, parts: OpenedParts, wrap: KeyWrapper): Promise<KeyGroup[]> {
  using key = await joinParts(metadata, parts)
  const groups = groupsLeft(plan).map(({ kept, added }) => [
    ...kept,
    ...added.map(({ name }): MasterKey => ({ type: "age", recipient: name, enc: "" })),
  ])
  return await wrapDataKey(key, groups, plan.threshold.to, wrap)
}
