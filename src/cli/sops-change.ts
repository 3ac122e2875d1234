/** Opening a SOPS file to change it, and writing it back: what `set`, `unset`, `rotate`, `updatekeys` and `edit` have in common. */
import { statSync } from "node:fs"
import type { Command } from "commander"
import { Failure } from "../failure.ts"
import type { UnlockSession } from "../keyring/unlock-session.ts"
import { printable } from "../quote.ts"
import { readBytes } from "../read-file.ts"
import { replaceFile } from "../replace-file.ts"
import { type DataKey, IvStash } from "../sops/cipher.ts"
import { type KeyWrapper, openDataKey } from "../sops/data-key.ts"
import { encryptAgain } from "../sops/encrypt.ts"
import { ValueUnsupported } from "../sops/failures.ts"
import { decryptFile, type EncryptedFile, readEncrypted } from "../sops/file.ts"
import { formatOfEncrypted, notEncrypted, storeOf } from "../sops/format.ts"
import { recipientWrapper } from "../sops/recipient-wrapper.ts"
import { sessionOpener } from "../sops/session-opener.ts"
import type { Store } from "../sops/stores/store.ts"
import type { Branch, Documents } from "../sops/tree.ts"
import { openSession } from "./access.ts"
import { requireInside } from "./inside.ts"
import { declareIdentities, type IdentityOptions, parseIndent } from "./options.ts"
import { parseFormat } from "./sops-file.ts"
import { holds } from "./unchanged.ts"
import type { World } from "./world.ts"

export type ChangeOptions = IdentityOptions & Readonly<{ inputType?: string; ignoreMac?: true }>

/** The options of every command that changes a SOPS file. */
export function declareChange(command: Command): Command {
  return declareIdentities(command)
    .option("--input-type <TYPE>", "yaml, json, dotenv, ini or binary, where name and content mislead")
    .option("--ignore-mac", "go on with a file whose MAC does not match: its values are unproven")
}

/** A file of which the content is known. */
export type ReadFile = Readonly<{ path: string; bytes: Uint8Array; file: EncryptedFile }>

/** A file that is open: its data key, its plain documents, and the IVs that let values keep their ciphertext. Disposing of it forgets the key. */
export type OpenFile = ReadFile & Disposable & Readonly<{ key: DataKey; documents: Documents; ivs: IvStash }>

/** Reads a file that is to be written. @throws LinkLeadsOut, and what readSopsFile throws */
export async function readToChange(path: string, inputType: string | undefined): Promise<ReadFile> {
  requireInside(path)
  return readSopsFile(path, inputType)
}

/** @throws ReadFailed, NotEncrypted, SyntaxInvalid, MetadataInvalid, with the file */
export async function readSopsFile(path: string, inputType: string | undefined): Promise<ReadFile> {
  const bytes = readBytes(path)
  return locate(path, async () => {
    const format = parseFormat(inputType, "--input-type") ?? formatOfEncrypted(path, bytes)
    if (format === null) throw notEncrypted(bytes)
    return { path, bytes, file: await readEncrypted(bytes, format) }
  })
}

/** @throws what opening the data key, decrypting and proving it throw, with the file */
export async function openSopsFile(read: ReadFile, options: ChangeOptions, session: UnlockSession): Promise<OpenFile> {
  return locate(read.path, async () => {
    const { metadata } = read.file
    const key = await openDataKey(metadata, await sessionOpener(metadata, session))
    const ivs = new IvStash()
    const documents = await decryptFile(read.file, key, { ignoreMac: options.ignoreMac === true, ivs })
    return { ...read, key, documents, ivs, [Symbol.dispose]: () => key[Symbol.dispose]() }
  })
}

/** Adds the file to a failure that does not name one. */
export async function locate<T>(file: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (failure) {
    throw failure instanceof Failure ? failure.within({ file }) : failure
  }
}

/**
 * Writes a changed file: all of it or nothing, and only over what was read. A warning says where it has other names: sops would write to
 * all of them at once, and what is replaced as a whole has only one.
 * @returns whether there was anything to write
 * @throws FileChanged, WriteFailed
 */
export async function writeSopsFile({ path, bytes }: ReadFile, changed: Uint8Array, world: World): Promise<boolean> {
  if (Buffer.from(changed).equals(bytes)) return false
  const others = (statSync(path, { throwIfNoEntry: false })?.nlink ?? 1) - 1
  await replaceFile(path, changed, undefined, holds(path, bytes))
  if (others > 0)
    world.err(
      `ts-age-yk: warning: ${printable(path)} was one of ${others + 1} names (hard links) of a file; the others have the old one\n`,
    )
  return true
}

/** Wraps data keys for recipients as they are written in files: software keys and YubiKeys here, others by their plugins. */
export function keyWrapper(world: World): KeyWrapper {
  return recipientWrapper({ env: world.env, dialogue: world.terminal() })
}

/** The format that a file is written in: its own, or that of `--output-type`. Asked for before anything is unlocked. @throws WrongUsage */
export async function outputStore(read: ReadFile, outputType: string | undefined): Promise<Store> {
  const format = parseFormat(outputType, "--output-type")
  return format === undefined ? read.file.store : storeOf(format)
}

/** The options of commands that change values, but for those of `declareChange`. */
export type DocumentOptions = ChangeOptions & Readonly<{ outputType?: string; indent?: number }>

export function declareDocumentChange(command: Command): Command {
  return declareChange(command)
    .option("--output-type <TYPE>", "write the file in another format")
    .option("--indent <N>", "spaces a level of YAML and JSON, instead of the file's", parseIndent)
}

/**
 * Changes the first document of a file, in one go: what is wrong with the options is told before anything is unlocked.
 * @param change - gives the document as it is to be, or null where there is nothing to write
 */
export async function changeDocument(
  path: string,
  options: DocumentOptions,
  world: World,
  change: (first: Branch) => Branch | null,
): Promise<void> {
  const read = await readToChange(path, options.inputType)
  const store = await outputStore(read, options.outputType)
  await using session = openSession(options, world)
  using open = await openSopsFile(read, options, session)
  await locate(path, async () => {
    const [first, ...rest] = open.documents
    if (first === undefined) throw new ValueUnsupported("the file has no document")
    const document = change(first)
    if (document === null) return
    const { bytes, file, key, ivs } = open
    const layout = { store, indent: options.indent }
    const changed = await encryptAgain(bytes, file, [document, ...rest], key, { ivs, now: world.now(), ...layout })
    await writeSopsFile(read, changed, world)
  })
}
