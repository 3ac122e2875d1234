/**
 * Merges encrypted files three-way. Values that stay keep their ciphertext, also those that come from the other side, where it has the
 * same data key. Pure but for what a key opener and a wrapper do.
 */
import { Failure } from "../failure.ts"
import { type DataKey, IvStash } from "./cipher.ts"
import { unwrappedGroups } from "./config-keys.ts"
import { disposeParts, joinParts, type KeyOpener, type KeyWrapper, type OpenedParts, openParts } from "./data-key.ts"
import { encryptAgain } from "./encrypt.ts"
import { NotMergeable } from "./failures.ts"
import { type DecryptOptions, decryptFile, type EncryptedFile, fitsKey } from "./file.ts"
import { type Conflict, mergeDocuments } from "./merge.ts"
import { adoptKeys, areAmong, keysOf, mergeKeys, sameWish } from "./merge-keys.ts"
import type { Metadata } from "./metadata.ts"
import { rotateFile } from "./rotate.ts"
import { type Documents, sameDocuments } from "./tree.ts"
import { type KeyWish, planKeys, wrapPlanned } from "./update-keys.ts"

/** One version of a file, with its bytes. `name` is what messages call it. */
export type Version = Readonly<{ name?: string; bytes: Uint8Array; file: EncryptedFile }>

/** A version and its data key. `parts` are what the key was opened from: none where another version's key fits. */
export type OpenVersion = Version & Disposable & Readonly<{ key: DataKey; parts: OpenedParts }>

/**
 * `keysUndecided`: the sides want recipients or a threshold that do not go together; the result has ours. Where there are no conflicts
 * and one side has all that the other changed, `bytes` are that side's.
 */
export type MergedFile = Readonly<{ bytes: Uint8Array; conflicts: readonly Conflict[]; keysUndecided: boolean }>

/**
 * Opens a version, where it can be with a key that is known already, so that nobody is asked twice.
 * @throws what opening a data key throws
 */
export async function openVersion(
  version: Version,
  known: readonly OpenVersion[],
  opener: KeyOpener,
): Promise<OpenVersion> {
  for (const { key } of known) if (fitsKey(version.file, key)) return openedVersion(version, key.clone(), new Map())
  const parts = await openParts(version.file.metadata, opener)
  try {
    return openedVersion(version, await joinParts(version.file.metadata, parts), parts)
  } catch (failure) {
    disposeParts(parts)
    throw failure
  }
}

function openedVersion(version: Version, key: DataKey, parts: OpenedParts): OpenVersion {
  return {
    ...version,
    key,
    parts,
    [Symbol.dispose]: () => {
      key[Symbol.dispose]()
      disposeParts(parts)
    },
  }
}

/**
 * Merges two versions of a file. Every version is proven first.
 * @param base - what both come from; null when each made the file by itself
 * @throws NotMergeable, KeyTypeUnsupported, and what decrypting, encrypting and `wrap` throw
 */
export async function mergeFiles(
  base: OpenVersion | null,
  ours: OpenVersion,
  theirs: OpenVersion,
  wrap: KeyWrapper,
  now: Date,
): Promise<MergedFile> {
  requireSameRules(ours.file.metadata, theirs.file.metadata)
  const merged = mergeKeys(base?.file.metadata ?? null, ours.file.metadata, theirs.file.metadata)
  const wish = merged ?? keysOf(ours.file.metadata)
  const host = hostOf(base, ours, theirs, wish)
  const ivs = new IvStash()
  const hasHostKey = (side: OpenVersion): boolean => host !== null && fitsKey(side.file, host.key)
  const decrypt = (side: OpenVersion): Promise<Documents> => decryptVersion(side, hasHostKey(side) ? { ivs } : {})
  const before = base === null ? null : await decryptVersion(base, {})
  const other = await decrypt(theirs)
  // Of two IVs for one value, the one that was taken up last counts: ours.
  const own = await decrypt(ours)
  const commentsSelect = ours.file.metadata.selection.rule.endsWith("_comment_regex")
  const { documents, conflicts } = mergeDocuments(before, own, other, commentsSelect)
  const result = (bytes: Uint8Array): MergedFile => ({ bytes, conflicts, keysUndecided: merged === null })
  const isWhole = (side: OpenVersion, plain: Documents): boolean =>
    hasHostKey(side) && sameDocuments(plain, documents) && sameWish(keysOf(side.file.metadata), wish)
  if (isWhole(ours, own)) return result(ours.bytes)
  if (isWhole(theirs, other)) return result(theirs.bytes)
  if (host === null) {
    const recipients = { groups: unwrappedGroups(wish.groups), shamirThreshold: wish.shamirThreshold }
    return result(await rotateFile(ours.bytes, ours.file, documents, recipients, wrap, now))
  }
  const guest = host === ours ? theirs : ours
  const groups = hasHostKey(guest) ? adoptKeys(host.file.metadata, guest.file.metadata) : host.file.metadata.groups
  const metadata = { ...host.file.metadata, groups }
  const plan = planKeys(metadata, wish)
  const change = { groups: await wrapPlanned(metadata, plan, host.parts, wrap), shamirThreshold: plan.threshold.to }
  return result(await encryptAgain(host.bytes, host.file, documents, host.key, { ivs, now, change }))
}

async function decryptVersion({ name, file, key }: OpenVersion, options: DecryptOptions): Promise<Documents> {
  try {
    return await decryptFile(file, key, options)
  } catch (failure) {
    throw failure instanceof Failure ? failure.within({ file: name }) : failure
  }
}

/** @throws NotMergeable where a value that one side encrypts could stand in the open by the rule of the other */
function requireSameRules(ours: Metadata, theirs: Metadata): void {
  const rules = ({ selection, macOnlyEncrypted }: Metadata): string => JSON.stringify([selection, macOnlyEncrypted])
  if (rules(ours) !== rules(theirs)) throw new NotMergeable("the two sides have different rules for what is encrypted")
}

/**
 * The side whose data key the merged file has. Where a side has rotated, somebody may have had to lose access: then only a new data key
 * will do, which nobody has who is not to read the merged file.
 * @returns null when neither side's will do
 */
function hostOf(base: OpenVersion | null, ours: OpenVersion, theirs: OpenVersion, wish: KeyWish): OpenVersion | null {
  if (fitsKey(theirs.file, ours.key)) return ours
  const isNew = ({ file }: OpenVersion): boolean => base === null || !fitsKey(file, base.key)
  return [ours, theirs].find((side) => isNew(side) && areAmong(side.file.metadata, wish)) ?? null
}
