/** Replaces the files of a ceremony, all or none, as its journal says. No key is needed here. */
import { constants } from "node:fs"
import { copyFile, link, lstat, readFile, rename, rm } from "node:fs/promises"
import { dirname, join } from "node:path"
import { flushDirectory, WriteFailed, writeBeside } from "../replace-file.ts"
import { PlanChanged } from "./failures.ts"
import { type Journal, keptPath, nextStep, removeJournal, removeStrays, stagedPath, writeJournal } from "./journal.ts"
import { sha256Hex } from "./repository.ts"
import { appendTranscript, transcriptName } from "./transcript.ts"
import type { NewFile } from "./unlock.ts"

/** What is to replace a file. */
type StagedFile = Readonly<{ planned: Readonly<{ path: string }>; bytes: Uint8Array }>

/** Files that are flushed at the same time: a disk takes many at once as fast as one. */
const parallel = 32

/** Where a ceremony takes place. `folder`: of the journal. */
export type Place = Readonly<{ root: string; folder: string }>

async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  for (let start = 0; start < items.length; start += parallel)
    await Promise.all(items.slice(start, start + parallel).map(work))
}

async function orWriteFailed(path: string, work: Promise<void>): Promise<void> {
  await work.catch((cause: unknown) => {
    throw new WriteFailed(path, cause)
  })
}

async function flushFolders({ root }: Place, journal: Journal): Promise<void> {
  const folders = new Set(journal.files.map(({ path }) => dirname(join(root, path))))
  await inParallel([...folders], flushDirectory)
}

/**
 * Writes the new files beside the old ones, flushed. The journal is written first, so that whatever is left behind is known.
 * @throws WriteFailed and the like; the caller aborts
 */
export async function stage(place: Place, journal: Journal, files: readonly StagedFile[]): Promise<void> {
  await writeJournal(place.folder, journal)
  await inParallel(files, async ({ planned: { path }, bytes }) => {
    await orWriteFailed(path, writeBeside(join(place.root, path), stagedPath(place.root, journal, path), bytes))
  })
  await flushFolders(place, journal)
}

/** Reads a staged file again. */
export async function readStaged({ root }: Place, journal: Journal, file: NewFile): Promise<Uint8Array> {
  return readFile(stagedPath(root, journal, file.planned.path))
}

/**
 * Carries a journal to its end.
 * @returns whether the repository is all-new or all-old
 * @throws PlanChanged when a file was changed by somebody else meanwhile: nothing of that file is lost
 */
export async function carryOut(place: Place, journal: Journal, wish: "resume" | "abort"): Promise<"new" | "old"> {
  switch (nextStep(journal.state, wish)) {
    case "remove staged":
      await removeBesides(place, journal)
      return "old"
    case "put back":
      await putBack(place, journal)
      return "old"
    case "replace":
      await replaceAll(place, journal)
      return "new"
    case "tidy":
      await tidy(place, journal)
      return "new"
  }
}

async function hashOf(path: string): Promise<string | null> {
  const bytes = await readFile(path).catch(() => null)
  return bytes === null ? null : sha256Hex(bytes)
}

async function replaceAll(place: Place, journal: Journal): Promise<void> {
  const { root } = place
  if (journal.state === "staged") {
    // Before anything is replaced: every file must still be the one that was planned for.
    await inParallel(journal.files, async ({ path, before }) => {
      if ((await hashOf(join(root, path))) !== before) throw new PlanChanged({ where: { file: path } })
    })
    await inParallel(journal.files, ({ path }) =>
      orWriteFailed(path, keep(join(root, path), keptPath(root, journal, path))),
    )
    await flushFolders(place, journal)
  }
  const committing: Journal = { ...journal, state: "committing" }
  await writeJournal(place.folder, committing)
  for (const { path, before, after } of journal.files) {
    const now = await hashOf(join(root, path))
    if (now === after) continue
    if (now !== before) throw new PlanChanged({ where: { file: path } })
    await orWriteFailed(path, rename(stagedPath(root, journal, path), join(root, path)))
  }
  await flushFolders(place, journal)
  const committed: Journal = { ...journal, state: "committed" }
  await writeJournal(place.folder, committed)
  await tidy(place, committed)
}

async function isThere(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  )
}

/** A second name for the old file; a copy where the file system has no links. */
async function keep(path: string, kept: string): Promise<void> {
  await link(path, kept).catch(async (cause: unknown) => {
    if (cause instanceof Error && "code" in cause && cause.code === "EEXIST") return
    await copyFile(path, kept, constants.COPYFILE_EXCL)
  })
}

async function putBack(place: Place, journal: Journal): Promise<void> {
  const { root } = place
  for (const { path, before, after } of journal.files) {
    const now = await hashOf(join(root, path))
    if (now === before) continue
    if (now !== after && now !== null) {
      // As long as the new file stands beside, this one was never replaced: it is theirs, and stays.
      if (await isThere(stagedPath(root, journal, path))) continue
      throw new PlanChanged({ where: { file: path } })
    }
    await rename(keptPath(root, journal, path), join(root, path))
  }
  await flushFolders(place, journal)
  await removeBesides(place, journal)
}

async function tidy(place: Place, journal: Journal): Promise<void> {
  await appendTranscript(place.root, journal.id, journal.transcript)
  await removeBesides(place, journal)
}

async function removeBesides(place: Place, journal: Journal): Promise<void> {
  const { root } = place
  await inParallel(journal.files, async ({ path }) => {
    await rm(stagedPath(root, journal, path), { force: true })
    await rm(keptPath(root, journal, path), { force: true })
  })
  await flushFolders(place, journal)
  await removeStrays(join(root, transcriptName))
  await removeJournal(place.folder)
}
