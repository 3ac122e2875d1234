/**
 * What hosts need, by the manifests that sops-install-secrets is given (sops-nix, modules/sops/manifest-for.nix), held against what
 * their keys can read.
 */
import { type KeyPath, keyPathText } from "../failure.ts"
import { quote } from "../quote.ts"
import { ManifestInvalid } from "./failures.ts"
import type { NamedKey } from "./key-names.ts"
import type { Repository, RepositoryFile } from "./repository.ts"
import type { FileAccess, WhoCanDecrypt } from "./who-can-decrypt.ts"

/** A secret that a host wants. `key`: steps with slashes between; "" for the whole file. `sha256`: of the file, where it is said. */
export type NeededSecret = Readonly<{
  name: string
  sopsFile: string
  key: string
  format: string
  sha256: string | null
}>

export type Manifest = Readonly<{ host: string; secrets: readonly NeededSecret[] }>

/** Whole-file formats have no keys to choose from. */
const wholeFiles = ["binary", "dotenv", "ini"]

/**
 * Reads a manifest. Fields that are not known are passed over, as sops-install-secrets does.
 * @param host - whose it is
 * @throws ManifestInvalid
 */
export function parseManifest(text: string, host: string): Manifest {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (cause) {
    throw new ManifestInvalid("it is not JSON", { cause })
  }
  const secrets = fieldsOf(parsed)?.["secrets"]
  if (!Array.isArray(secrets)) throw new ManifestInvalid("it has no list of secrets")
  return { host, secrets: secrets.map(readSecret) }
}

function fieldsOf(value: unknown): Record<string, unknown> | null {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : null
}

function readSecret(value: unknown, index: number): NeededSecret {
  const fields = fieldsOf(value)
  if (fields === null) throw new ManifestInvalid(`secret ${index + 1} is no object`)
  const text = (name: string): string => {
    const field = fields[name] ?? ""
    if (typeof field !== "string") throw new ManifestInvalid(`${quote(name)} of secret ${index + 1} is no text`)
    return field
  }
  const sopsFile = text("sopsFile")
  if (sopsFile === "") throw new ManifestInvalid(`secret ${index + 1} has no sopsFile`)
  const hash = text("sopsFileHash")
  return {
    name: text("name"),
    sopsFile,
    key: text("key"),
    format: text("format") === "" ? "yaml" : text("format"),
    sha256: /^[0-9a-f]{64}$/.test(hash) ? hash : null,
  }
}

/** The host that a manifest's file name says: `lena.json`, `lena-manifest.json`, `manifest-lena.json`. */
export function hostOfName(path: string): string {
  const name = path.split("/").at(-1) ?? ""
  return name
    .replace(/\.json$/, "")
    .replace(/[-_.]?(sops-)?manifest[-_.]?/, "")
    .replace(/^[0-9a-df-np-sv-z]{32}-/, "")
}

/** What one host can read of one file and does not need. `whole`: it needs nothing of it. */
export type Excess = Readonly<{ file: string; whole: boolean; values: readonly string[] }>

export type HostNeeds = Readonly<{
  host: string
  /** Its key; null when none is called so. */
  key: string | null
  /** How many secrets it needs, and in how many files. */
  secrets: number
  files: readonly string[]
  excess: readonly Excess[]
  /** Secrets that it needs and whose file it cannot read, or that are nowhere. */
  lacking: readonly Readonly<{ name: string; file: string; why: string }>[]
}>

/** Holds what a host needs against what it can read. */
export function needsOf(manifest: Manifest, repository: Repository, access: WhoCanDecrypt): HostNeeds {
  const { host, secrets } = manifest
  const named = keyOfHost(host, repository.names)
  const key = named?.recipient ?? null
  const byPath = new Map(access.files.map((file) => [file.path, file]))
  const needed = new Map<string, NeededSecret[]>()
  const lacking: HostNeeds["lacking"][number][] = []
  for (const secret of secrets) {
    const file = fileOf(secret, repository.files)
    if (typeof file === "string") {
      lacking.push({ name: secret.name, file: secret.sopsFile, why: file })
      continue
    }
    needed.set(file.path, [...(needed.get(file.path) ?? []), secret])
    const why = whyLacking(secret, byPath.get(file.path), key, named)
    if (why !== null) lacking.push({ name: secret.name, file: file.path, why })
  }
  const excess = key === null ? [] : access.files.flatMap((file) => excessIn(file, needed.get(file.path) ?? [], key))
  return { host, key, secrets: secrets.length, files: [...needed.keys()].sort(), excess, lacking }
}

/** A host's key is called as the host is, perhaps with what it is before or behind its name. */
function keyOfHost(host: string, names: ReadonlyMap<string, NamedKey>): NamedKey | undefined {
  const plain = (name: string): string =>
    name.replace(/^(host|server|machine)[-_.]/, "").replace(/[-_.](host|server|machine)$/, "")
  const all = [...names.values()]
  return (
    all.find((key) => key.names.includes(host)) ?? all.find((key) => key.names.some((name) => plain(name) === host))
  )
}

/** By the hash that Nix wrote; else by as much of the path as there is behind the store's own. */
function fileOf({ sopsFile, sha256 }: NeededSecret, files: readonly RepositoryFile[]): RepositoryFile | string {
  const same = sha256 === null ? [] : files.filter((file) => file.sha256 === sha256)
  const [only, ...others] = same
  if (only !== undefined && others.length === 0) return only
  const path = sopsFile.replace(/^\/nix\/store\/[0-9a-z]{32}-([^/]*)(\/|$)/, (_, name: string, slash: string) =>
    slash === "" ? name : "",
  )
  const found = files.filter((file) => file.path === path || `/${path}`.endsWith(`/${file.path}`))
  const candidates = found.length > 0 ? found : files.filter((file) => `/${file.path}`.endsWith(`/${path}`))
  const [first, second] = candidates.toSorted((one, other) => other.path.length - one.path.length)
  if (first === undefined) return "no file of the repository is it"
  if (found.length === 0 && second !== undefined) return "several files of the repository may be it"
  return first
}

function whyLacking(
  { key, format }: NeededSecret,
  file: FileAccess | undefined,
  hostKey: string | null,
  named: NamedKey | undefined,
): string | null {
  if (file?.state !== "encrypted") return "the file is not encrypted, or cannot be read"
  if (hostKey !== null && named !== undefined && (file.keys.get(hostKey)?.reach ?? null) === null)
    return "the host is no recipient of the file"
  if (wholeFiles.includes(format) || key === "") return null
  const path = keyPathText(key.split("/"))
  const values = [...file.sealed, ...file.plain.map(({ keyPath }) => keyPath)].map(keyPathText)
  return values.some((value) => isWithin(value, path)) ? null : `the file has no ${path}`
}

function isWithin(value: string, path: string): boolean {
  return value === path || value.startsWith(`${path}[`)
}

function excessIn(file: FileAccess, needed: readonly NeededSecret[], key: string): Excess[] {
  if ((file.keys.get(key)?.reach ?? null) === null) return []
  const values = file.sealed.map((path: KeyPath) => keyPathText(path))
  if (needed.some((secret) => secret.key === "" || wholeFiles.includes(secret.format))) return []
  const paths = needed.map((secret) => keyPathText(secret.key.split("/")))
  const unneeded = values.filter((value) => !paths.some((path) => isWithin(value, path)))
  return unneeded.length === 0 ? [] : [{ file: file.path, whole: needed.length === 0, values: unneeded }]
}
