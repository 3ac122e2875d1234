/** All that an audit finds, as one value: it can be printed, written as JSON, or made a page of. Needs no key. */
import { type Drift, driftOf } from "./drift.ts"
import { type Ledger, readLedger } from "./ledger.ts"
import { type HostNeeds, type Manifest, needsOf } from "./manifest-needs.ts"
import type { Repository } from "./repository.ts"
import { type WhoCanDecrypt, whoCanDecrypt } from "./who-can-decrypt.ts"

export type Audit = Readonly<{
  /** The commit that was looked at; null for the work tree. */
  at: string | null
  drift: Drift
  access: WhoCanDecrypt
  hosts: readonly HostNeeds[]
  /** Null without git's history. */
  ledger: Ledger | null
}>

export type AuditWish = Readonly<{
  at: string | null
  manifests: readonly Manifest[]
  /** Recipients whose attestation is on file. */
  attested: ReadonlySet<string>
  /** Whether a file, by its path below the repository, is asked about. */
  covers: (path: string) => boolean
}>

/**
 * Audits a repository.
 * @param repository - whole: the ledger follows values from file to file
 * @throws GitFailed, ExposureMarksInvalid, SelectionInvalid
 */
export async function audit(repository: Repository, wish: AuditWish): Promise<Audit> {
  const ledger = await readLedger(repository)
  const names = ledger?.names ?? repository.names
  const part = { ...repository, files: repository.files.filter(({ path }) => wish.covers(path)) }
  const access = await whoCanDecrypt(part, names)
  // A host's needs are not confined to what is asked about.
  const whole = wish.manifests.length === 0 ? access : await whoCanDecrypt(repository, names)
  return {
    at: wish.at,
    drift: driftOf(part, access, wish.attested, part.files.length < repository.files.length),
    access,
    hosts: wish.manifests.map((manifest) => needsOf(manifest, repository, whole)),
    ledger: ledger === null ? null : partOf(ledger, repository, wish),
  }
}

/** The ledger's rows that are asked about, with paths as the repository has them. */
function partOf(ledger: Ledger, { root, git }: Repository, { covers }: AuditWish): Ledger {
  const below = git === null || root === git.top ? "" : `${root.slice(git.top.length + 1)}/`
  const within = <T extends Readonly<{ file: string }>>(rows: readonly T[]): T[] =>
    rows.map((row) => ({ ...row, file: row.file.slice(below.length) })).filter(({ file }) => covers(file))
  return { ...ledger, exposures: within(ledger.exposures), plainOnce: within(ledger.plainOnce) }
}
