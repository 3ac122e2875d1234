/**
 * The journal of a ceremony: how far it is, so that a crash at any line leaves all-old, or what `resume` or `abort` makes all-new or
 * all-old. It holds paths and hashes, never keys.
 *
 *     staging      new files are being written beside the old ones: nothing is replaced, abort removes them
 *     staged       all are written, flushed and verified: resume replaces, without any key; abort removes
 *     committing   old files are kept beside, and are being replaced: resume goes on, abort puts them back
 *     committed    all are replaced: what is left is to be tidied
 */
import { mkdir, rm } from "node:fs/promises"
import { basename, dirname, join } from "node:path"
import { listIfThere, readTextIfThere } from "../read-file.ts"
import { flushDirectory, replaceFile, WriteFailed } from "../replace-file.ts"
import { RecordDamaged } from "./failures.ts"
import { gitLineIfKept } from "./git.ts"
import { plainRecordFolder } from "./own-files.ts"

export type JournalState = "staging" | "staged" | "committing" | "committed"

export type JournalFile = Readonly<{ path: string; before: string; after: string }>

export type Journal = Readonly<{
  version: 1
  /** Names the files that stand beside: 12 hexadecimal digits. */
  id: string
  planHash: string
  state: JournalState
  files: readonly JournalFile[]
  /** Lines of the transcript that are written when all is replaced. */
  transcript: readonly string[]
}>

/** Where a ceremony keeps its journal and lock: in git's own folder, else in a hidden one. @throws GitFailed */
export async function recordFolder(root: string): Promise<string> {
  const gitFolder = await gitLineIfKept(root, "rev-parse", "--absolute-git-dir")
  return gitFolder === null ? join(root, plainRecordFolder) : join(gitFolder, "ts-age-yk")
}

/** The new file, before it replaces the old one: absolute. */
export function stagedPath(root: string, { id }: Pick<Journal, "id">, path: string): string {
  return besides(root, id, path, "new")
}

/** The old file, kept until all are replaced: absolute. */
export function keptPath(root: string, { id }: Pick<Journal, "id">, path: string): string {
  return besides(root, id, path, "old")
}

function besides(root: string, id: string, path: string, what: string): string {
  const absolute = join(root, path)
  return join(dirname(absolute), `.${basename(absolute)}.${id}.rekey-${what}`)
}

function journalPath(folder: string): string {
  return join(folder, "journal.json")
}

/** Makes the folder of journal and lock, unless it is there. @throws WriteFailed */
export async function makeRecordFolder(folder: string): Promise<void> {
  // Not recursively: node then calls a read-only file system a missing folder.
  await mkdir(folder, { mode: 0o700 }).catch((cause: unknown) => {
    if (!(cause instanceof Error && "code" in cause && cause.code === "EEXIST")) throw new WriteFailed(folder, cause)
  })
}

/** Writes the journal, whole and flushed. @throws WriteFailed */
export async function writeJournal(folder: string, journal: Journal): Promise<void> {
  await makeRecordFolder(folder)
  await replaceFile(journalPath(folder), Buffer.from(`${JSON.stringify(journal)}\n`))
}

/**
 * Removes what replacing a file leaves in its folder when the process dies between its first byte and its name. Only for files that
 * nobody else writes while the ceremony has its lock.
 */
export async function removeStrays(path: string): Promise<void> {
  const stray = new RegExp(`^\\.${basename(path).replaceAll(".", "\\.")}\\.[0-9a-f]{12}\\.tmp$`)
  for (const entry of await listIfThere(dirname(path)))
    if (stray.test(entry)) await rm(join(dirname(path), entry), { force: true })
}

/** Removes the journal: the last thing that a ceremony does. */
export async function removeJournal(folder: string): Promise<void> {
  await removeStrays(journalPath(folder))
  await rm(journalPath(folder), { force: true })
  // A journal that a power cut brings back finds nothing to do.
  await flushDirectory(folder).catch(() => undefined)
}

/** Reads the journal of a ceremony that was cut short. @returns null when there is none. @throws RecordDamaged, ReadFailed */
export async function readJournal(folder: string): Promise<Journal | null> {
  const path = journalPath(folder)
  const text = await readTextIfThere(path)
  return text === null ? null : parseJournal(text, path)
}

/** @throws RecordDamaged */
export function parseJournal(text: string, path: string): Journal {
  try {
    const parsed: unknown = JSON.parse(text)
    if (isJournal(parsed)) return parsed
  } catch {
    // It is told below.
  }
  throw new RecordDamaged("the journal of a ceremony cannot be read", {
    where: { file: path },
    hint: "files that end in .rekey-new and .rekey-old stand beside the real ones; git status shows them",
  })
}

function isJournal(value: unknown): value is Journal {
  if (typeof value !== "object" || value === null) return false
  const { version, id, planHash, state, files, transcript } = value as Record<string, unknown>
  return (
    version === 1 &&
    typeof id === "string" &&
    /^[0-9a-f]{12}$/.test(id) &&
    typeof planHash === "string" &&
    ["staging", "staged", "committing", "committed"].includes(String(state)) &&
    Array.isArray(files) &&
    files.every(isJournalFile) &&
    Array.isArray(transcript) &&
    transcript.every((line) => typeof line === "string")
  )
}

function isJournalFile(value: unknown): value is JournalFile {
  if (typeof value !== "object" || value === null) return false
  const { path, before, after } = value as Record<string, unknown>
  const hash = /^[0-9a-f]{64}$/
  // A path that leads out of the repository was not written by us.
  const safe = typeof path === "string" && !path.startsWith("/") && !path.split("/").includes("..")
  return safe && hash.test(String(before)) && hash.test(String(after))
}

/** What is to be done with a journal that was found. */
export type NextStep = "remove staged" | "replace" | "put back" | "tidy"

/** All that resume and abort decide. Pure. */
export function nextStep(state: JournalState, wish: "resume" | "abort"): NextStep {
  switch (state) {
    case "staging":
      return "remove staged"
    case "staged":
      return wish === "resume" ? "replace" : "remove staged"
    case "committing":
      return wish === "resume" ? "replace" : "put back"
    case "committed":
      return "tidy"
  }
}
