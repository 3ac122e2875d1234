/** Where a repository is not as `.sops.yaml` and the policy say. Pure. */
import { type Guard, type GuardName, guardsOf } from "./guards.ts"
import { changedFiles, type PlannedFile, planRekey } from "./plan.ts"
import type { Repository } from "./repository.ts"
import type { PlainNote, WhoCanDecrypt } from "./who-can-decrypt.ts"

export type Drift = Readonly<{
  /** Files that a rekey would change, and those that it could not. */
  files: readonly PlannedFile[]
  /** What the policy minds, and what is worth knowing. */
  guards: readonly Guard[]
  /** Values in plain text that should be encrypted. */
  mistakes: readonly Readonly<{ file: string; keyPath: PlainNote["keyPath"] }>[]
  /** Keys that files are encrypted for and that no rule names. */
  unknown: readonly string[]
  /** Keys without a name in `.sops.yaml` and the policy. */
  unnamed: readonly string[]
  /** Whether there is something to mend. */
  due: boolean
}>

/** Guards that are about the moment of a ceremony, and say nothing of the repository. */
const ofTheMoment: readonly GuardName[] = ["dirty-targets", "behind-upstream"]

/**
 * @param repository - or a part of it
 * @param attested - recipients whose attestation is on file
 * @param partial - whether it is a part, of which nobody expects that every rule has files in it
 */
export function driftOf(
  repository: Repository,
  access: WhoCanDecrypt,
  attested: ReadonlySet<string>,
  partial: boolean,
): Drift {
  const plan = planRekey(repository, { rotateAll: false })
  const files = [...plan.files.filter(({ change }) => change.kind === "refuse"), ...changedFiles(plan)]
  const guards = guardsOf(repository, plan, attested).filter(
    ({ name }) => !ofTheMoment.includes(name) && !(partial && name === "idle-rule"),
  )
  const mistakes = access.files.flatMap(({ path: file, plain }) =>
    plain.flatMap(({ keyPath, mistake }) => (mistake ? [{ file, keyPath }] : [])),
  )
  return {
    files,
    guards,
    mistakes,
    unknown: access.keys.flatMap(({ key, configured }) => (configured ? [] : [key])),
    unnamed: access.keys.flatMap(({ key, names }) => (names.length === 0 ? [key] : [])),
    due: files.length > 0 || mistakes.length > 0 || guards.some(({ stops }) => stops),
  }
}
