/** A repository of secrets as a commit has it: read from git, without a checkout. */
import { dirname, join, resolve } from "node:path"
import { parseConfig, ruleFor } from "../sops/config.ts"
import { configName } from "../sops/find-config.ts"
import { NoRepository } from "./failures.ts"
import { gitLine } from "./git.ts"
import { listTree, readBlobs, resolveCommit } from "./history.ts"
import { readKeyNames } from "./key-names.ts"
import { noPolicy, parsePolicy, policyName } from "./policy.ts"
import {
  isExcluded,
  type Repository,
  type RepositoryFile,
  repositoryFile,
  sha256Hex,
  sniffLimit,
  within,
} from "./repository.ts"

/**
 * Reads the repository that a folder is in as it was in a commit.
 * @param revision - anything that git takes for a commit
 * @throws RevisionUnknown, NoRepository, ConfigInvalid, PolicyInvalid, GitFailed
 */
export async function readRepositoryAt(folder: string, revision: string): Promise<Repository> {
  const start = resolve(folder)
  const top = await gitLine(start, "rev-parse", "--show-toplevel")
  const head = await resolveCommit(start, revision)
  const tree = await listTree(top, head)
  const prefix = await gitLine(start, "rev-parse", "--show-prefix")
  const below = configFolder(prefix, tree)
  if (below === null) throw new NoRepository(`${start}, ${head.slice(0, 12)}`)
  const paths = [...tree.keys()].filter((path) => path.startsWith(below))
  const contents = new Map<string, Uint8Array>()
  const blobs = [...new Set(paths.map((path) => tree.get(path) ?? ""))]
  for await (const { id, bytes } of readBlobs(top, blobs, sniffLimit)) if (bytes !== null) contents.set(id, bytes)
  const content = (name: string): Uint8Array | undefined => contents.get(tree.get(below + name) ?? "")
  const configBytes = content(configName) ?? new Uint8Array(0)
  const config = within(configName, () => parseConfig(configBytes))
  const names = readKeyNames(Buffer.from(configBytes).toString("utf8"))
  const policyBytes = content(policyName)
  const policy =
    policyBytes === undefined
      ? noPolicy
      : within(policyName, () => parsePolicy(Buffer.from(policyBytes).toString("utf8"), names))
  const root = join(top, below)
  const files: RepositoryFile[] = []
  for (const path of paths.map((path) => path.slice(below.length)).sort()) {
    const bytes = content(path)
    if (bytes === undefined || isExcluded(path, policy)) continue
    const file = await repositoryFile(path, bytes, await ruleFor(config, join(root, path), root), false)
    if (file !== null) files.push(file)
  }
  const state = { top, head, branch: null, behind: null, changed: new Set<string>() }
  return { root, configSha256: sha256Hex(configBytes), config, names, policy, files, git: state }
}

/** The folder of the nearest `.sops.yaml`, with a slash at its end, or "" for the top; null when there is none. */
function configFolder(prefix: string, tree: ReadonlyMap<string, string>): string | null {
  for (let folder = prefix.replace(/\/$/, ""); ; folder = dirname(folder)) {
    const below = folder === "" || folder === "." ? "" : `${folder}/`
    if (tree.has(below + configName)) return below
    if (below === "") return null
  }
}
