/** Who can decrypt what, as the files stand, and who should by `.sops.yaml`. Needs no key. */
import type { KeyPath } from "../failure.ts"
import { SelectionInvalid } from "../sops/failures.ts"
import { groupsNeeded } from "../sops/metadata.ts"
import { compileSelection, type Selection } from "../sops/selection.ts"
import { keyId, versionOf, wantedKeyId } from "./file-version.ts"
import { keyLabel, type NamedKey } from "./key-names.ts"
import { type Role, roleOf } from "./policy.ts"
import type { Repository, RepositoryFile } from "./repository.ts"

/** `alone`: the key opens the file by itself; `with others`: it needs keys of other groups beside it. */
export type Reach = "alone" | "with others"

/** One key in one file. `wanted`: whether `.sops.yaml` says so. A key that is wanted and not there has no reach. */
export type Access = Readonly<{ reach: Reach | null; wanted: boolean }>

/** A value that stands in plain text. `mistake`: by the file's own rule it should be encrypted. */
export type PlainNote = Readonly<{ keyPath: KeyPath; mistake: boolean }>

export type FileAccess = Readonly<{
  path: string
  /** `broken`: it cannot be read, so nothing is known of it; `plain`: a rule is for it, but it is not encrypted. */
  state: RepositoryFile["content"]["state"]
  /** How many key groups there are, and how many open it. */
  groups: number
  needed: number
  keys: ReadonlyMap<string, Access>
  /** How many values are encrypted, and where. */
  sealed: readonly KeyPath[]
  plain: readonly PlainNote[]
}>

export type AuditedKey = Readonly<{
  key: string
  label: string
  names: readonly string[]
  role: Role
  /** Whether a rule of `.sops.yaml` names it. */
  configured: boolean
  /** How many files it opens, alone or with others. */
  files: number
}>

export type WhoCanDecrypt = Readonly<{ keys: readonly AuditedKey[]; files: readonly FileAccess[] }>

/** The matrix of keys and files. @param names - of keys, which may be those of the past too */
export async function whoCanDecrypt(
  repository: Repository,
  names: ReadonlyMap<string, NamedKey>,
): Promise<WhoCanDecrypt> {
  const files: FileAccess[] = []
  for (const file of repository.files) files.push(await accessTo(file))
  const configured = new Set((repository.config.rules ?? []).flatMap(({ groups }) => groups.flat().map(wantedKeyId)))
  const all = new Set([...configured, ...files.flatMap((file) => [...file.keys.keys()])])
  const line = (key: string): number => repository.names.get(key)?.line ?? Number.MAX_SAFE_INTEGER
  const keys = [...all].map((key) => ({
    key,
    label: keyLabel(key, names),
    names: names.get(key)?.names ?? [],
    role: roleOf(key, repository.policy, names),
    configured: configured.has(key),
    files: files.filter((file) => (file.keys.get(key)?.reach ?? null) !== null).length,
  }))
  return { keys: keys.sort((one, other) => line(one.key) - line(other.key) || (one.key < other.key ? -1 : 1)), files }
}

async function accessTo({ path, rule, content }: RepositoryFile): Promise<FileAccess> {
  const wanted = new Set(rule?.groups.flat().map(wantedKeyId) ?? [])
  if (content.state !== "encrypted") {
    const keys = new Map([...wanted].map((key) => [key, { reach: null, wanted: true }]))
    return { path, state: content.state, groups: 0, needed: 0, keys, sealed: [], plain: [] }
  }
  const { metadata } = content.file
  const needed = groupsNeeded(metadata)
  const counts = new Map<string, number>()
  for (const group of metadata.groups)
    for (const key of new Set(group.map(keyId))) counts.set(key, (counts.get(key) ?? 0) + 1)
  const keys = new Map<string, Access>()
  for (const key of new Set([...counts.keys(), ...wanted])) {
    const count = counts.get(key) ?? 0
    const reach = count === 0 ? null : count >= needed ? "alone" : "with others"
    // Where no rule is for a file, nothing says that a key should not be there.
    keys.set(key, { reach, wanted: rule === null || wanted.has(key) })
  }
  const { sealed, plain } = versionOf(content.file)
  const shouldBeSealed = await judgeOf(metadata.selection)
  return {
    path,
    state: content.state,
    groups: metadata.groups.length,
    needed,
    keys,
    sealed: sealed.map((value) => value.path),
    plain: plain.map((value) => ({
      keyPath: value.path,
      mistake: shouldBeSealed(value.keys),
    })),
  }
}

/** What a file's own rule says of a value at these keys. */
async function judgeOf(selection: Selection): Promise<(keys: readonly string[]) => boolean> {
  // What comments decide is for whoever decrypts to judge: they may be encrypted themselves.
  if (selection.rule.endsWith("_comment_regex")) return () => false
  try {
    const selector = await compileSelection(selection)
    return (keys) => selector.encrypts(keys, [], false)
  } catch (failure) {
    // An expression that sops cannot read leaves in the open what it was to encrypt.
    if (failure instanceof SelectionInvalid) return () => true
    throw failure
  }
}
