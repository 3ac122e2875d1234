/** Who reads what: the keys of a repository with their roles, the number of files that each reads, and when each was last proven. */
import { keyName } from "../sops/metadata.ts"
import { readKeyNames } from "./key-names.ts"
import { type Role, roleOf } from "./policy.ts"
import type { Repository } from "./repository.ts"
import { parseTranscript } from "./transcript.ts"

/** A key. `names` is empty for one that stands in files or rules and has no anchor; `proven`: the time of the ceremony. */
export type ListedKey = Readonly<{
  recipient: string
  names: readonly string[]
  role: Role
  files: number
  proven: string | null
}>

/**
 * Lists the keys: those with names in the order of `.sops.yaml`, then the others.
 * @param config - the text of `.sops.yaml`: the repository knows names of the last commit too
 * @param record - lines of the transcript
 */
export function listKeys(repository: Repository, config: string, record: readonly string[]): ListedKey[] {
  const { names, policy, files } = repository
  const readers = new Map<string, number>()
  for (const { content } of files) {
    if (content.state !== "encrypted") continue
    for (const key of new Set(content.file.metadata.groups.flat().map(keyName)))
      readers.set(key, (readers.get(key) ?? 0) + 1)
  }
  const wanted = (repository.config.rules ?? []).flatMap(({ groups }) => groups.flat().map(({ name }) => name))
  const known = [...readKeyNames(config).keys()]
  const proven = provenIn(record)
  return [...new Set([...known, ...wanted, ...readers.keys()])].map((recipient) => ({
    recipient,
    names: names.get(recipient)?.names ?? [],
    role: roleOf(recipient, policy, names),
    files: readers.get(recipient) ?? 0,
    proven: proven.get(recipient) ?? null,
  }))
}

/** When each recipient last opened something, by the record. */
function provenIn(record: readonly string[]): Map<string, string> {
  const proven = new Map<string, string>()
  for (const line of parseTranscript(record)) {
    if (line.event === "rekey") for (const recipient of recipientsIn(line["proven"])) proven.set(recipient, line.time)
    if (line.event === "key-added" && line["proven"] === true && typeof line["recipient"] === "string")
      proven.set(line["recipient"], line.time)
  }
  return proven
}

function recipientsIn(list: unknown): string[] {
  if (!Array.isArray(list)) return []
  return list.flatMap((entry: unknown) =>
    typeof entry === "object" && entry !== null && "recipient" in entry && typeof entry.recipient === "string"
      ? [entry.recipient]
      : [],
  )
}
