/**
 * Proves staged files by an independent path: read from the disk again, opened afresh by the identities at hand, compared with what was
 * there before; and whoever was removed is shown to fail.
 *
 * A YubiKey is asked again only where that shows something: where the data key is new, or where the policy demands its proof. Where the
 * data key stays, the very bytes that the YubiKey has opened in this run stand in the new file, and that is its proof.
 */

import { NoIdentityMatches } from "../age/failures.ts"
import { decryptBytes } from "../age/file.ts"
import type { Identity } from "../age/identity.ts"
import { openWith } from "../age/open.ts"
import { Failure } from "../failure.ts"
import type { UnlockSession } from "../keyring/unlock-session.ts"
import type { DataKey } from "../sops/cipher.ts"
import { openDataKey } from "../sops/data-key.ts"
import { DataKeyUnavailable } from "../sops/failures.ts"
import { decryptFile, type EncryptedFile, readEncrypted } from "../sops/file.ts"
import { type AgeKey, keyName } from "../sops/metadata.ts"
import { sessionOpener } from "../sops/session-opener.ts"
import { LockoutRefused, VerificationFailed } from "./failures.ts"
import { groupsAfter, leaving } from "./plan.ts"
import { type NewFile, type Progress, plaintextDigest, remembering } from "./unlock.ts"

/** How many new files a recipient has opened, of how many that are for it. */
export type Proof = Readonly<{ recipient: string; files: number; opened: number }>

/** Proofs by recipient, and how many files each removed recipient at hand was shown not to open. */
export type Verification = Readonly<{ proofs: readonly Proof[]; refused: ReadonlyMap<string, number> }>

/** What is verified with, and what is counted. */
class Verifier {
  readonly session: UnlockSession
  readonly demanded: ReadonlySet<string>
  readonly proofs = new Map<string, { files: number; opened: number }>()
  readonly refused = new Map<string, number>()

  constructor(session: UnlockSession, demanded: readonly string[]) {
    this.session = session
    this.demanded = new Set(demanded)
  }

  async verify(made: NewFile, bytes: Uint8Array): Promise<void> {
    const file = await readEncrypted(bytes, made.format)
    requireRecipients(file, made)
    const keys = file.metadata.groups.flat().filter((key) => key.type === "age")
    const opened = made.planned.change.kind === "rewrap" ? new Set(made.openedWith) : new Set<AgeKey>()
    using key = made.planned.change.kind === "rewrap" ? made.oldKey.clone() : await this.#openAfresh(file, opened)
    if (plaintextDigest(file, await decryptFile(file, key)) !== made.plaintext)
      throw new VerificationFailed("the new file's values are not those of the old one")
    if (made.planned.change.kind === "rotate") await requireFailure(file, made.oldKey)
    const bytesOpened = new Set([...opened].map(({ enc }) => enc))
    for (const entry of keys) await this.#prove(entry, bytesOpened)
    for (const recipient of leaving(made.planned)) await this.#refuse(recipient, keys)
  }

  async #openAfresh(file: EncryptedFile, opened: Set<AgeKey>): Promise<DataKey> {
    const entries: AgeKey[] = []
    try {
      return await openDataKey(file.metadata, remembering(await sessionOpener(file.metadata, this.session), entries))
    } catch (cause) {
      throw cause instanceof DataKeyUnavailable ? new LockoutRefused({ cause }) : cause
    } finally {
      for (const entry of entries) opened.add(entry)
    }
  }

  async #prove(entry: AgeKey, opened: ReadonlySet<string>): Promise<void> {
    const proof = this.proofs.get(entry.recipient) ?? { files: 0, opened: 0 }
    this.proofs.set(entry.recipient, proof)
    proof.files++
    const { yubiKeys } = this.session
    const proven =
      opened.has(entry.enc) ||
      (await opens(entry, this.session.ownersOf(entry.recipient))) ||
      (this.demanded.has(entry.recipient) && yubiKeys !== null && (await opens(entry, [yubiKeys])))
    if (proven) proof.opened++
  }

  async #refuse(recipient: string, keys: readonly AgeKey[]): Promise<void> {
    const owners = this.session.ownersOf(recipient)
    if (owners.length === 0) return
    for (const entry of keys)
      if (await opens(entry, owners))
        throw new VerificationFailed(`a key that was removed still opens it: ${recipient}`)
    this.refused.set(recipient, (this.refused.get(recipient) ?? 0) + 1)
  }
}

/**
 * Verifies all new files.
 * @param read - reads a staged file from the disk
 * @param demanded - recipients that must open each file that is for them, by the policy
 * @throws VerificationFailed, LockoutRefused, with the file
 */
export async function verifyStaged(
  files: readonly NewFile[],
  read: (file: NewFile) => Promise<Uint8Array>,
  session: UnlockSession,
  demanded: readonly string[],
  progress: Progress,
): Promise<Verification> {
  const verifier = new Verifier(session, demanded)
  for (const [index, file] of files.entries()) {
    const { path } = file.planned
    progress(index, files.length, path)
    try {
      await verifier.verify(file, await read(file))
    } catch (failure) {
      throw failure instanceof Failure ? failure.within({ file: path }) : failure
    }
  }
  progress(files.length, files.length, "")
  const proofs = [...verifier.proofs].map(([recipient, proof]) => ({ recipient, ...proof }))
  for (const { recipient, files: all, opened } of proofs)
    if (verifier.demanded.has(recipient) && opened < all)
      throw new VerificationFailed(
        `the policy demands a proof by ${recipient}, which opened ${opened} of ${all} files`,
        {
          hint: "have that key at hand and run it again; nothing was replaced",
        },
      )
  return { proofs, refused: verifier.refused }
}

/** The file is for exactly those whom the plan names. */
function requireRecipients(file: EncryptedFile, { planned }: NewFile): void {
  const text = (groups: readonly (readonly string[])[]): string =>
    JSON.stringify(groups.map((group) => [...group].sort()))
  const written = file.metadata.groups.map((group) => group.map(keyName))
  if (text(written) !== text(groupsAfter(planned)))
    throw new VerificationFailed("the new file is not for those whom the plan names")
}

/** The old data key must open nothing of what is new. */
async function requireFailure(file: EncryptedFile, oldKey: DataKey): Promise<void> {
  try {
    await decryptFile(file, oldKey)
  } catch (failure) {
    if (failure instanceof Failure) return
    throw failure
  }
  throw new VerificationFailed("the old data key still opens it")
}

async function opens(entry: AgeKey, identities: readonly Identity[]): Promise<boolean> {
  if (identities.length === 0) return false
  try {
    const plain = await decryptBytes(Buffer.from(entry.enc), openWith(identities))
    plain.fill(0)
    return true
  } catch (failure) {
    if (failure instanceof NoIdentityMatches) return false
    throw failure
  }
}
