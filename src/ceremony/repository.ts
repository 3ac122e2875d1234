/** A repository of secrets as it stands: configuration, policy, names, and every file that the rules are about. Read, never changed. */
import { createHash } from "node:crypto"
import { existsSync, lstatSync, readFileSync } from "node:fs"
import { access, readdir, realpath } from "node:fs/promises"
import { dirname, join, relative, resolve, sep } from "node:path"
import { Failure } from "../failure.ts"
import { isMissing, readBytes } from "../read-file.ts"
import { ReadFailed } from "../replace-file.ts"
import { type CreationRule, parseConfig, ruleFor, type SopsConfig } from "../sops/config.ts"
import { type EncryptedFile, readEncrypted } from "../sops/file.ts"
import { configName, findConfig } from "../sops/find-config.ts"
import { formatOfEncrypted } from "../sops/format.ts"
import { NoRepository } from "./failures.ts"
import { type GitState, git, listFiles, readGitState } from "./git.ts"
import { type NamedKey, readKeyNames } from "./key-names.ts"
import { isOwnFile } from "./own-files.ts"
import { noPolicy, type Policy, parsePolicy, policyName } from "./policy.ts"

/** A file that a rule is about, or that is encrypted. Paths are relative to the repository, with `/`. */
export type RepositoryFile = Readonly<{
  path: string
  bytes: Uint8Array
  sha256: string
  rule: CreationRule | null
  content:
    | Readonly<{ state: "encrypted"; file: EncryptedFile }>
    | Readonly<{ state: "plain" }>
    | Readonly<{ state: "broken"; failure: Failure }>
  /** Whether it differs from what is committed; files that git does not have count as changed. */
  changed: boolean
}>

export type Repository = Readonly<{
  /** Absolute: the folder of `.sops.yaml`. */
  root: string
  configSha256: string
  config: SopsConfig
  names: ReadonlyMap<string, NamedKey>
  policy: Policy
  files: readonly RepositoryFile[]
  git: GitState | null
}>

export function sha256Hex(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex")
}

/** Files that are larger than this are not looked into unless a rule names them: secrets are small. Bytes. */
export const sniffLimit = 8 << 20

/** The folder of the `.sops.yaml` that is for a folder, absolute. @throws NoRepository */
export async function findRepository(folder: string): Promise<string> {
  const start = await realpath(resolve(folder))
  const found = await findConfig(start, (path) =>
    access(path).then(
      () => true,
      () => false,
    ),
  )
  if (found.path === null) throw new NoRepository(start)
  return dirname(found.path)
}

/**
 * Reads the repository that a folder is in.
 * @param paths - files and folders that are wanted, absolute; all when empty
 * @param instead - to read the repository as if these were its `.sops.yaml` and policy: a change that is planned, and not yet made
 * @throws NoRepository, ConfigInvalid, PolicyInvalid, GitFailed
 */
export async function readRepository(
  folder: string,
  paths: readonly string[] = [],
  instead: Readonly<{ config?: Uint8Array; policy?: Uint8Array }> = {},
): Promise<Repository> {
  const root = await findRepository(folder)
  const configBytes = instead.config ?? readBytes(join(root, configName))
  const parsed = within(configName, () => parseConfig(configBytes))
  const names = await namesOf(root, Buffer.from(configBytes).toString("utf8"))
  const policyPath = join(root, policyName)
  const policy = existsSync(policyPath)
    ? within(policyName, () =>
        parsePolicy(Buffer.from(instead.policy ?? readBytes(policyPath)).toString("utf8"), names),
      )
    : noPolicy
  const state = await readGitState(root)
  const listed = await filesBelow(root)
  const wanted = await Promise.all(paths.map((path) => realpath(resolve(path)).catch(() => resolve(path))))
  const files: RepositoryFile[] = []
  for (const path of listed) {
    if (isExcluded(path, policy)) continue
    const absolute = join(root, path)
    if (wanted.length > 0 && !wanted.some((folder) => absolute === folder || absolute.startsWith(folder + sep)))
      continue
    const file = await readFile(root, path, parsed, state)
    if (file !== null) files.push(file)
  }
  return { root, configSha256: sha256Hex(configBytes), config: parsed, names, policy, files, git: state }
}

/** The names of now, and for keys that have none any more those of the last commit: who was removed is still called by name. */
async function namesOf(root: string, text: string): Promise<Map<string, NamedKey>> {
  const committed = await git(root, "show", `HEAD:./${configName}`).catch(() => "")
  return new Map([...readKeyNames(committed), ...readKeyNames(text)])
}

/** Has a failure name the file that it is about. */
export function within<T>(file: string, work: () => T): T {
  try {
    return work()
  } catch (failure) {
    throw failure instanceof Failure ? failure.within({ file }) : failure
  }
}

/** Whether a file is none of the secrets: one of the ceremonies' own, or one that the policy leaves alone. */
export function isExcluded(path: string, policy: Policy): boolean {
  return (
    isOwnFile(path) ||
    policy.exclude.some(
      (excluded) => path === excluded || path.startsWith(excluded.endsWith("/") ? excluded : `${excluded}/`),
    )
  )
}

/** The files below a folder, relative to it, with `/`: those that git knows or would add; without git, all but those of hidden folders. @throws GitFailed */
export async function filesBelow(folder: string): Promise<string[]> {
  return (await listFiles(folder)) ?? (await walk(folder))
}

async function walk(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join("/"))
    .filter((path) => !path.split("/").some((part) => part.startsWith(".")))
    .sort()
}

async function readFile(
  root: string,
  path: string,
  config: SopsConfig,
  state: GitState | null,
): Promise<RepositoryFile | null> {
  const absolute = join(root, path)
  const rule = await ruleFor(config, absolute, root)
  let bytes: Uint8Array
  try {
    // What a link points to is another entry, or none of ours; a folder is a repository of its own in git's.
    if (!lstatSync(absolute).isFile()) return null
    bytes = readFileSync(absolute)
  } catch (cause) {
    // A file that was deleted and is still in git's index is none of ours. One that cannot be read may be for a key that is to go.
    if (isMissing(cause)) return null
    throw new ReadFailed(path, cause)
  }
  const gitPath = state === null ? path : relative(state.top, absolute).split(sep).join("/")
  return await repositoryFile(path, bytes, rule, state?.changed.has(gitPath) ?? false)
}

/** A rule for every path is meant for secrets, not for the README beside them. */
function isNamed(rule: CreationRule | null): boolean {
  return rule !== null && rule.pathRegex !== ""
}

/** What a repository knows of one file; null for a file that is none of its secrets. */
export async function repositoryFile(
  path: string,
  bytes: Uint8Array,
  rule: CreationRule | null,
  changed: boolean,
): Promise<RepositoryFile | null> {
  const named = isNamed(rule)
  if (!named && bytes.length > sniffLimit) return null
  const format = formatOfEncrypted(path, bytes)
  if (format === null && !named) return null
  const content = format === null ? { state: "plain" as const } : await readContent(bytes, format)
  return { path, bytes, sha256: sha256Hex(bytes), rule, content, changed }
}

async function readContent(
  bytes: Uint8Array,
  format: Parameters<typeof readEncrypted>[1],
): Promise<RepositoryFile["content"]> {
  try {
    return { state: "encrypted", file: await readEncrypted(bytes, format) }
  } catch (failure) {
    if (failure instanceof Failure) return { state: "broken", failure }
    throw failure
  }
}
