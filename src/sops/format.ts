/** Which format a file has: by what the user says, by its name, by its content. [sops] cmd/sops/formats/formats.go. */
import { isAgeFile } from "../age/file.ts"
import { NotEncrypted } from "./failures.ts"
import type { Format, Store } from "./stores/store.ts"

export const formats = ["yaml", "json", "dotenv", "ini", "binary"] as const satisfies readonly Format[]

/** The format that sops takes a file for by its name; what it does not know is binary. */
export function formatOfName(path: string): Format {
  if (path.endsWith(".yaml") || path.endsWith(".yml")) return "yaml"
  if (path.endsWith(".json")) return "json"
  if (path.endsWith(".env")) return "dotenv"
  if (path.endsWith(".ini")) return "ini"
  return "binary"
}

/** A format's name as `--input-type` takes it; null for a name that is none. */
export function formatNamed(name: string): Format | null {
  return formats.find((format) => format === name) ?? null
}

/** Loads the code of one format. */
export async function storeOf(format: Format): Promise<Store> {
  switch (format) {
    case "yaml":
      return (await import("./stores/yaml.ts")).yamlStore
    case "json":
      return (await import("./stores/json.ts")).jsonStore
    case "dotenv":
      return (await import("./stores/dotenv.ts")).dotenvStore
    case "ini":
      return (await import("./stores/ini.ts")).iniStore
    case "binary":
      return (await import("./stores/binary.ts")).binaryStore
  }
}

/** What each format's metadata looks like at the start of a line. Versions before 3.13 wrote it unsorted, so any key will do. */
const marks: readonly (readonly [Format, RegExp])[] = [
  ["yaml", /^(sops|"sops"|'sops'):[ \t]*(#.*|\{.*)?\r?$/m],
  ["dotenv", /^sops_(version|mac|lastmodified)=/m],
  ["ini", /^\[sops\][ \t]*\r?$/m],
]

/**
 * Tells by its content which format an encrypted file has, whatever its name.
 * @returns null when it is no SOPS file; "binary" for JSON with nothing but `data` beside its metadata
 */
export function sniffEncrypted(bytes: Uint8Array): Format | null {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1")
  if (/^\s*\{/.test(text)) {
    if (!/"sops"\s*:\s*\{/.test(text)) return null
    return /^\s*\{\s*"data"\s*:\s*"ENC\[[^"]*",\s*"sops"\s*:/.test(text) ? "binary" : "json"
  }
  return marks.find(([, mark]) => mark.test(text))?.[0] ?? null
}

/**
 * The format to read an encrypted file in: by its name where the name says something, else by its content.
 * @returns null when neither says anything: it is no SOPS file, as far as can be told
 */
export function formatOfEncrypted(path: string | undefined, bytes: Uint8Array): Format | null {
  const named = path === undefined ? "binary" : formatOfName(path)
  const sniffed = sniffEncrypted(bytes)
  if (sniffed === null) return null
  // A name that says yaml is right for JSON too, which is YAML.
  return named === "binary" ? sniffed : named
}

/** Says what a file is that is no SOPS file. */
export function notEncrypted(bytes: Uint8Array): NotEncrypted {
  return foreign(bytes) ?? new NotEncrypted()
}

/** How what others encrypt begins, what it is, and who opens it. */
const others: readonly (readonly [start: string, what: string, hint: string])[] = [
  ["$ANSIBLE_VAULT;", "an Ansible vault", "ansible-vault decrypt opens it"],
  ["\0GITCRYPT\0", "locked by git-crypt", "git-crypt unlock opens it"],
  ["-----BEGIN PGP MESSAGE-----", "an OpenPGP message", "gpg --decrypt opens it"],
]

/**
 * What can be told of a file by its beginning alone.
 * @returns null for one that may be a SOPS file
 */
export function foreign(bytes: Uint8Array): NotEncrypted | null {
  if (bytes.every((byte) => byte === 0x20 || (byte >= 0x09 && byte <= 0x0d)))
    return new NotEncrypted("the file is empty", {
      hint: "what was in it may be in git (git log -p shows it, git checkout brings it back) or in a backup",
    })
  if (isAgeFile(bytes))
    return new NotEncrypted("an age file, not a SOPS file", {
      hint: "ts-age-yk decrypt opens it, ts-age-yk encrypt --age makes it anew",
    })
  const lead = Buffer.from(bytes.subarray(0, 64)).toString("latin1")
  for (const [start, what, hint] of others)
    if (lead.startsWith(start)) return new NotEncrypted(`${what}, not a SOPS file`, { hint })
  return null
}
