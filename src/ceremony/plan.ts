/** What a rekey will do to each file. Pure: no key, no disk, no clock. */
import { createHash } from "node:crypto"
import { Failure } from "../failure.ts"
import { keyName } from "../sops/metadata.ts"
import { type GroupPlan, type KeyPlan, planKeys, requireWritable } from "../sops/update-keys.ts"
import type { Repository, RepositoryFile } from "./repository.ts"

/** Why a file gets a new data key: who goes would otherwise read what is written from now on. */
export type RotationReason = "recipient removed" | "threshold changed" | "asked for"

/** `rewrap`: the data key stays, and so does the `enc` of all who stay. `rotate`: everything is encrypted anew. */
export type FileChange = Readonly<
  | { kind: "keep" }
  | { kind: "rewrap"; keys: KeyPlan }
  | { kind: "rotate"; keys: KeyPlan; because: readonly RotationReason[] }
  | { kind: "refuse"; why: Failure }
>

/** Recipients of one group, before and after; by what tells keys apart, the recipient string for age. */
export type PlannedGroup = Readonly<{ added: readonly string[]; removed: readonly string[]; kept: readonly string[] }>

export type PlannedFile = Readonly<{
  path: string
  /** SHA-256 of the file as it was planned for. */
  before: string
  change: FileChange
  groups: readonly PlannedGroup[]
  threshold: Readonly<{ from: number; to: number }>
}>

/** `rotateAll`: a new data key for every file, not only where a recipient goes. */
export type RekeyWish = Readonly<{ rotateAll: boolean }>

export type RekeyPlan = Readonly<{
  configSha256: string
  files: readonly PlannedFile[]
  /** SHA-256 over all of the above, in hex. */
  hash: string
}>

/** Plans a rekey of the files that are encrypted and that a rule is about. */
export function planRekey(repository: Repository, wish: RekeyWish): RekeyPlan {
  const files = repository.files.flatMap((file) => {
    const planned = planFile(file, wish)
    return planned === null ? [] : [planned]
  })
  return { configSha256: repository.configSha256, files, hash: hashOf(repository.configSha256, files) }
}

/** The files that a plan changes. */
export function changedFiles(plan: RekeyPlan): PlannedFile[] {
  return plan.files.filter(({ change }) => change.kind === "rewrap" || change.kind === "rotate")
}

function planFile(file: RepositoryFile, wish: RekeyWish): PlannedFile | null {
  const { path, rule, content, sha256: before } = file
  const none = { path, before, groups: [], threshold: { from: 0, to: 0 } }
  if (content.state === "broken") return { ...none, change: { kind: "refuse", why: content.failure } }
  if (content.state === "plain" || rule === null) return null
  try {
    const keys = planKeys(content.file.metadata, rule)
    const because = reasons(keys, wish)
    const change: FileChange =
      because.length > 0
        ? { kind: "rotate", keys, because }
        : keys.changes
          ? { kind: "rewrap", keys }
          : { kind: "keep" }
    if (change.kind !== "keep") requireWritable(keys)
    return { path, before, change, groups: keys.groups.map(groupOf), threshold: keys.threshold }
  } catch (why) {
    if (!(why instanceof Failure)) throw why
    return { ...none, change: { kind: "refuse", why } }
  }
}

function reasons(keys: KeyPlan, wish: RekeyWish): RotationReason[] {
  const reasons: RotationReason[] = []
  if (keys.groups.some(({ removed }) => removed.length > 0)) reasons.push("recipient removed")
  if (keys.resplit) reasons.push("threshold changed")
  if (wish.rotateAll && reasons.length === 0) reasons.push("asked for")
  return reasons
}

function groupOf({ added, removed, kept }: GroupPlan): PlannedGroup {
  return {
    added: added.map(({ name: recipient }) => recipient),
    removed: removed.map(keyName),
    kept: kept.map(keyName),
  }
}

/** Who could open a file and shall not any more: not those who only move to another group. */
export function leaving(planned: PlannedFile): string[] {
  const after = new Set(groupsAfter(planned).flat())
  return [...new Set(planned.groups.flatMap(({ removed }) => removed))].filter((recipient) => !after.has(recipient))
}

/** Who can open a file after the change, group by group. */
export function groupsAfter(file: PlannedFile): string[][] {
  return file.groups.map(({ kept, added }) => [...kept, ...added]).filter((group) => group.length > 0)
}

function hashOf(configSha256: string, files: readonly PlannedFile[]): string {
  const facts = files.map(({ path, before, change, groups, threshold }) => [
    path,
    before,
    change.kind,
    groups,
    threshold,
  ])
  return createHash("sha256")
    .update(JSON.stringify([1, configSha256, facts]))
    .digest("hex")
}
