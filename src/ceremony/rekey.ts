/** The ceremony from plan to transcript: unlock, make, stage, verify, replace. Each arrow is a value; no step starts before the last is whole. */
import { randomBytes } from "node:crypto"
import type { UnlockSession } from "../keyring/unlock-session.ts"
import type { KeyWrapper } from "../sops/data-key.ts"
import { carryOut, type Place, readStaged, stage } from "./commit.ts"
import { CeremonyHalfDone, GuardStops, NothingHalfDone } from "./failures.ts"
import { git } from "./git.ts"
import type { Guard, GuardName } from "./guards.ts"
import { type Journal, type JournalFile, readJournal, recordFolder, writeJournal } from "./journal.ts"
import { keyLabel } from "./key-names.ts"
import { whileLocked } from "./lock.ts"
import type { Prepared } from "./prepare.ts"
import { sha256Hex } from "./repository.ts"
import { chainEvents, readTranscript, type TranscriptEvent } from "./transcript.ts"
import { forgetKeys, type NewFile, unlockAndMake } from "./unlock.ts"
import { type Verification, verifyStaged } from "./verify.ts"

export type Override = Readonly<{ guard: GuardName; reason: string }>

/** What YubiKeys were asked for, by the name that prompts call them. */
export type Tallies = ReadonlyMap<string, Readonly<{ pins: number; touches: number; uses: number }>>

/** A file that is no secret. `before`: SHA-256 of what it replaces, in hex. */
export type Alongside = Readonly<{ path: string; before: string; bytes: Uint8Array }>

export type CeremonyOptions = Prepared &
  Readonly<{
    overrides?: readonly Override[]
    session: UnlockSession
    tallies: () => Tallies
    wrap: KeyWrapper
    version: string
    now: () => Date
    /** Recipients that must be proven, besides those of the policy. */
    prove?: readonly string[]
    /** What led to the ceremony and belongs into its record: who joined, who left. */
    occasion?: readonly TranscriptEvent[]
    /** Files that are replaced together with the secrets, all or none: a changed `.sops.yaml`. */
    alongside?: readonly Alongside[]
    progress?: (step: "unlock" | "verify", done: number, all: number, path: string) => void
  }>

/** What a ceremony did. */
export type Outcome = Readonly<{ ceremony: string; replaced: number; verification: Verification; seconds: number }>

/**
 * Checks that no guard stands in the way.
 * @throws GuardStops naming all that do
 */
export function requireGuards(guards: readonly Guard[], overrides: readonly Override[]): void {
  const overridden = new Set(overrides.map(({ guard }) => guard))
  const standing = guards.filter(({ stops, name }) => stops && !overridden.has(name))
  if (standing.length > 0)
    throw new GuardStops(
      standing.map(({ text }) => text),
      [...new Set(standing.map(({ name }) => name))],
    )
}

/** @throws CeremonyHalfDone when an earlier ceremony was cut short */
export async function requireNothingHalfDone(root: string): Promise<void> {
  const folder = await recordFolder(root)
  const journal = await readJournal(folder)
  if (journal !== null) throw new CeremonyHalfDone(journal.files.length, replacedOf(journal), root)
}

function replacedOf({ state, files }: Journal): number {
  return state === "committed" ? files.length : 0
}

/**
 * Carries out a plan.
 * @throws CeremonyLocked, CeremonyHalfDone, GuardStops, LockoutRefused, VerificationFailed, PlanChanged, and what unlocking and writing throw; but
 *   for a crash, all files are then as they were
 */
export async function rekey(options: CeremonyOptions): Promise<Outcome> {
  const folder = await recordFolder(options.repository.root)
  return whileLocked(folder, () => rekeyLocked(options, folder))
}

async function rekeyLocked(options: CeremonyOptions, folder: string): Promise<Outcome> {
  const { repository, plan, session, alongside = [] } = options
  await requireNothingHalfDone(repository.root)
  requireGuards(options.guards, options.overrides ?? [])
  const started = options.now()
  const ceremony = randomBytes(6).toString("hex")
  const made = await unlockAndMake(repository, plan, session, options.wrap, started, (done, all, path) =>
    options.progress?.("unlock", done, all, path),
  )
  try {
    const place: Place = { root: repository.root, folder }
    const files = [
      ...made.map(({ planned, after }): JournalFile => ({ path: planned.path, before: planned.before, after })),
      ...alongside.map(({ path, before, bytes }): JournalFile => ({ path, before, after: sha256Hex(bytes) })),
    ]
    const journal: Journal = { version: 1, id: ceremony, planHash: plan.hash, state: "staging", files, transcript: [] }
    const verification = await stageAndVerify(place, journal, made, options)
    const seconds = (options.now().getTime() - started.getTime()) / 1000
    const events = await eventsOf(options, made, verification, seconds)
    const last = (await readTranscript(repository.root)).at(-1) ?? null
    const transcript = chainEvents(events, ceremony, options.now().toISOString(), last)
    const staged: Journal = { ...journal, state: "staged", transcript }
    await undoneIfCutShort(place, async () => {
      await writeJournal(folder, staged)
      await carryOut(place, staged, "resume")
    })
    return { ceremony, replaced: made.length, verification, seconds }
  } finally {
    forgetKeys(made)
  }
}

async function stageAndVerify(
  place: Place,
  journal: Journal,
  made: readonly NewFile[],
  { repository, session, prove = [], progress, alongside = [] }: CeremonyOptions,
): Promise<Verification> {
  return undoneIfCutShort(place, async () => {
    await stage(place, journal, [...made, ...alongside.map(({ path, bytes }) => ({ planned: { path }, bytes }))])
    return verifyStaged(
      made,
      (file) => readStaged(place, journal, file),
      session,
      [...repository.policy.prove, ...prove],
      (done, all, path) => progress?.("verify", done, all, path),
    )
  })
}

/**
 * Does a part of a ceremony. What it had begun when it fails is undone, as the journal on the disk says how far it came; but when all is
 * replaced, `resume` has to tidy.
 * @throws what the work threw. Where undoing is not possible either, the journal stands, and the next ceremony says so
 */
async function undoneIfCutShort<T>(place: Place, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (failure) {
    await undo(place).catch(() => undefined)
    throw failure
  }
}

async function undo(place: Place): Promise<void> {
  const journal = await readJournal(place.folder)
  if (journal !== null && journal.state !== "committed") await carryOut(place, journal, "abort")
}

/**
 * Finishes a ceremony that was cut short, or undoes it; no key is needed.
 * @returns whether the repository is all-new or all-old, and of how many files it was about
 * @throws NothingHalfDone, CeremonyLocked, PlanChanged, RecordDamaged
 */
export async function finishHalfDone(
  root: string,
  wish: "resume" | "abort",
): Promise<{ now: "new" | "old"; files: number }> {
  const folder = await recordFolder(root)
  return whileLocked(folder, async () => {
    const journal = await readJournal(folder)
    if (journal === null) throw new NothingHalfDone()
    return { now: await carryOut({ root, folder }, journal, wish), files: journal.files.length }
  })
}

async function eventsOf(
  { repository, plan, guards, forecast, overrides = [], tallies, version, occasion = [] }: CeremonyOptions,
  made: readonly NewFile[],
  verification: Verification,
  seconds: number,
): Promise<TranscriptEvent[]> {
  const label = (recipient: string): string => keyLabel(recipient, repository.names)
  const author = await git(repository.root, "config", "user.name").catch(() => "")
  return [
    {
      event: "rekey",
      tool: `ts-age-yk ${version}`,
      operator: author.trim(),
      commit: repository.git?.head ?? null,
      plan: plan.hash,
      config: repository.configSha256,
      forecast: { software: forecast.software, yubikeys: forecast.yubiKeys },
      fact: { yubikeys: [...tallies()].map(([key, tally]) => ({ key, ...tally })), seconds },
      overridden: overrides.map(({ guard, reason }) => ({
        guard,
        reason,
        about: guards.filter(({ name }) => name === guard).map(({ text }) => text),
      })),
      proven: verification.proofs
        .filter(({ opened }) => opened > 0)
        .map(({ recipient, files, opened }) => ({ key: label(recipient), recipient, files, opened })),
      notProven: verification.proofs
        .filter(({ opened }) => opened === 0)
        .map(({ recipient, files }) => ({ key: label(recipient), recipient, files })),
      refused: [...verification.refused].map(([recipient, files]) => ({ key: label(recipient), recipient, files })),
    },
    ...occasion,
    ...made.map(
      ({ planned, after }): TranscriptEvent => ({
        event: "file",
        path: planned.path,
        change: planned.change.kind,
        before: planned.before,
        after,
        added: planned.groups.flatMap(({ added }) => added),
        removed: planned.groups.flatMap(({ removed }) => removed),
      }),
    ),
    { event: "end", files: made.length },
  ]
}
