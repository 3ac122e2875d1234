/**
 * Opens every data key that a plan needs, proves every MAC, and makes the new files: in memory, before the first write. One session:
 * software identities first, then one PIN a YubiKey.
 */
import { createHash } from "node:crypto"
import { Failure } from "../failure.ts"
import type { UnlockSession } from "../keyring/unlock-session.ts"
import { type DataKey, IvStash } from "../sops/cipher.ts"
import {
  disposeParts,
  joinParts,
  type KeyOpener,
  type KeyWrapper,
  type OpenedParts,
  openParts,
} from "../sops/data-key.ts"
import { DataKeyUnavailable } from "../sops/failures.ts"
import { decryptFile, type EncryptedFile } from "../sops/file.ts"
import type { AgeKey, KeyGroup, MasterKey } from "../sops/metadata.ts"
import { rotateFile } from "../sops/rotate.ts"
import { sessionOpener } from "../sops/session-opener.ts"
import type { Format } from "../sops/stores/store.ts"
import type { Documents } from "../sops/tree.ts"
import { applyKeys } from "../sops/update-keys.ts"
import { keyLabel } from "./key-names.ts"
import { changedFiles, groupsAfter, type PlannedFile, type RekeyPlan } from "./plan.ts"
import { type Repository, type RepositoryFile, sha256Hex } from "./repository.ts"

/** A file as it will be. `openedWith`: the entries (recipient and `enc`) that opened the old one. */
export type NewFile = Readonly<{
  planned: PlannedFile
  bytes: Uint8Array
  after: string
  /** SHA-256 over the plain documents, to compare what is opened afresh with. */
  plaintext: string
  openedWith: readonly AgeKey[]
  format: Format
  /** The data key of the old file. Where it stays, it opens the new one too; where there is a new one, it must not. */
  oldKey: DataKey
}>

/** Tells how far it is. */
export type Progress = (done: number, all: number, path: string) => void

/** A fingerprint of plain documents, whatever their layout was. */
export function plaintextDigest(file: EncryptedFile, documents: Documents): string {
  return createHash("sha256").update(file.store.emit(documents)).digest("hex")
}

/**
 * Unlocks all files that change, and makes the new ones.
 * @throws DataKeyUnavailable, MacMismatch, PinRejected and the like, each with its file; nothing was written then
 */
export async function unlockAndMake(
  repository: Repository,
  plan: RekeyPlan,
  session: UnlockSession,
  wrap: KeyWrapper,
  now: Date,
  progress: Progress,
): Promise<NewFile[]> {
  const changed = changedFiles(plan)
  const byPath = new Map(repository.files.map((file) => [file.path, file]))
  const made: NewFile[] = []
  const unlock = (index: number): Promise<Unlocked> => {
    const planned = changed[index]
    if (planned === undefined) throw new RangeError(`"index" expected a file that changes, got ${index}`)
    progress(index, changed.length, planned.path)
    const file = byPath.get(planned.path)
    if (file === undefined) throw new RangeError(`"plan" expected files of the repository, got ${planned.path}`)
    return located(planned.path, repository, () => unlockOne(file, planned, session))
  }
  let coming: Promise<Unlocked> | null = changed.length === 0 ? null : unlock(0)
  try {
    while (coming !== null) {
      const unlocked: Unlocked = await coming
      // A card takes long for the next one, and this program has nothing else to do meanwhile than to make this one.
      coming = made.length + 1 < changed.length ? unlock(made.length + 1) : null
      coming?.catch(() => undefined)
      await new Promise(setImmediate)
      made.push(await located(unlocked.planned.path, repository, () => makeOne(unlocked, wrap, now)))
    }
    progress(made.length, changed.length, "")
    return made
  } catch (failure) {
    const next = await coming?.catch(() => null)
    if (next) disposeParts(next.parts)
    forgetKeys(made)
    throw failure
  }
}

/** Zeroes the old data keys. */
export function forgetKeys(files: readonly NewFile[]): void {
  for (const { oldKey } of files) oldKey[Symbol.dispose]()
}

/** Fills in the file, and calls keys by their names. */
async function located<T>(file: string, { names }: Repository, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (failure) {
    if (failure instanceof DataKeyUnavailable)
      throw failure.renamed((recipient) => keyLabel(recipient, names)).within({ file })
    throw failure instanceof Failure ? failure.within({ file }) : failure
  }
}

/** A file of which as many groups are open as it needs. */
type Unlocked = Readonly<{
  planned: PlannedFile
  change: Extract<PlannedFile["change"], { kind: "rewrap" | "rotate" }>
  bytes: Uint8Array
  file: EncryptedFile
  parts: OpenedParts
  openedWith: readonly AgeKey[]
}>

/** @returns parts that the caller owns */
async function unlockOne(
  { bytes, content }: RepositoryFile,
  planned: PlannedFile,
  session: UnlockSession,
): Promise<Unlocked> {
  const { change } = planned
  if (content.state !== "encrypted" || (change.kind !== "rewrap" && change.kind !== "rotate"))
    throw new RangeError(`"planned" expected a file that changes, got ${change.kind}`)
  const { file } = content
  const openedWith: AgeKey[] = []
  const parts = await openParts(file.metadata, remembering(await sessionOpener(file.metadata, session), openedWith))
  return { planned, change, bytes, file, parts, openedWith }
}

/** Proves the MAC and makes the new file. Whatever comes of it, the parts are let go of. */
async function makeOne(
  { planned, change, bytes, file, parts, openedWith }: Unlocked,
  wrap: KeyWrapper,
  now: Date,
): Promise<NewFile> {
  try {
    const key = await joinParts(file.metadata, parts)
    const documents = await decryptFile(file, key, { ivs: new IvStash() })
    const plaintext = plaintextDigest(file, documents)
    const recipients = { groups: wantedGroups(planned), shamirThreshold: change.keys.threshold.to }
    const made =
      change.kind === "rewrap"
        ? await applyKeys(bytes, file, change.keys, parts, wrap)
        : await rotateFile(bytes, file, documents, recipients, wrap, now)
    const { format } = file.store
    return { planned, bytes: made, after: sha256Hex(made), plaintext, openedWith, format, oldKey: key }
  } finally {
    disposeParts(parts)
  }
}

/** An opener that notes which entries have opened. */
export function remembering(opener: KeyOpener, opened: AgeKey[]): KeyOpener {
  return {
    ...opener,
    open: async (key) => {
      const part = await opener.open(key)
      if (part !== null) opened.push(key)
      return part
    },
  }
}

function wantedGroups(planned: PlannedFile): KeyGroup[] {
  return groupsAfter(planned).map((group) => group.map((recipient): MasterKey => ({ type: "age", recipient, enc: "" })))
}
