/** `ts-age-yk edit`: a SOPS file in an editor. The plaintext is in memory, for its owner alone, and gone after any exit. */
import { dirname } from "node:path"
import type { Command } from "commander"
import { printable, quote } from "../../quote.ts"
import { replaceFile } from "../../replace-file.ts"
import type { DataKey } from "../../sops/cipher.ts"
import { requireWrappable, wrapDataKey } from "../../sops/data-key.ts"
import { encryptAgain, encryptNew, requireDocument } from "../../sops/encrypt.ts"
import { AlreadyEncrypted } from "../../sops/failures.ts"
import type { EncryptedFile } from "../../sops/file.ts"
import { formatOfName, storeOf } from "../../sops/format.ts"
import { keysOf, sameWish } from "../../sops/merge-keys.ts"
import { formatVersion, type KeyGroup, type Metadata, metadataKey, readMetadata } from "../../sops/metadata.ts"
import type { Layout, Store } from "../../sops/stores/store.ts"
import { branch, type Documents, entry, str } from "../../sops/tree.ts"
import { openSession } from "../access.ts"
import { editText } from "../edit-text.ts"
import { WrongUsage } from "../failures.ts"
import { requireInside } from "../inside.ts"
import { keepTyped } from "../keep-typed.ts"
import { collect, parseIndent } from "../options.ts"
import { inPrivateFolder } from "../private-folder.ts"
import {
  type ChangeOptions,
  declareChange,
  keyWrapper,
  locate,
  openSopsFile,
  readToChange,
  writeSopsFile,
} from "../sops-change.ts"
import { exists, layoutOf, templateOf } from "../sops-config.ts"
import { type WishOptions, wishFor } from "../sops-encrypt.ts"
import { parseFormat } from "../sops-file.ts"
import { staysAsItIs } from "../unchanged.ts"
import type { World } from "../world.ts"

export type EditOptions = ChangeOptions & WishOptions & Readonly<{ showMasterKeys?: true; indent?: number }>

export function define(command: Command, world: World, done: (status: number) => void): void {
  declareChange(command)
    .argument("<FILE>", "encrypted file, or one that is to be")
    .option("--config <FILE>", "this .sops.yaml, for a new file")
    .option(
      "-r, --recipient <RECIPIENT>",
      "who can decrypt a new file, instead of the rule's (repeatable)",
      collect(String),
    )
    .option("-R, --recipients-file <FILE>", "the same, one a line (repeatable)", collect(String))
    .option("-s, --show-master-keys", "have the metadata in the editor too; recipients may be changed in it")
    .option("--indent <N>", "spaces a level of YAML and JSON, instead of the file's", parseIndent)
    .action(async (path: string, options: EditOptions) => {
      if ((options.recipient ?? options.recipientsFile) !== undefined && (await exists(path)))
        throw new WrongUsage("-r and -R are for a new file; this one is there", {
          where: { file: path },
          hint: "ts-age-yk rotate --add-age, or .sops.yaml and ts-age-yk updatekeys, change who can decrypt it",
        })
      await editPath(path, options, world)
      done(0)
    })
}

/** @returns whether anything was written */
export async function editPath(path: string, options: EditOptions, world: World): Promise<boolean> {
  return (await exists(path)) ? editFile(path, options, world) : editNewFile(path, options, world)
}

async function editFile(path: string, options: EditOptions, world: World): Promise<boolean> {
  const read = await readToChange(path, options.inputType)
  await using session = openSession(options, world)
  // The key stays open until the editor is done, so that nobody is asked again.
  using open = await openSopsFile(read, options, session)
  const { file, bytes, key, ivs } = open
  const { indent } = options
  const view = options.showMasterKeys === true ? viewWithKeys(file) : plainView(file)
  return await inPrivateFolder(world, async (folder) => {
    const keep = (typed: Uint8Array): Promise<void> => keepTyped(path, typed, file.metadata, world)
    const text = { before: view.write(open.documents, { indent }), read: view.read, keep }
    const edited = await editText(folder, path, text, world)
    if (edited === null) {
      world.err(`${printable(path)}: unchanged\n`)
      return false
    }
    await orKeep(
      path,
      () => keep(edited.bytes),
      async () => {
        const { documents, file: wanted } = edited.value
        const groups = await wrappedGroups(file.metadata, wanted.metadata, key, world)
        const change = { version: formatVersion, groups }
        const now = world.now()
        await writeSopsFile(
          read,
          await encryptAgain(bytes, wanted, documents, key, { ivs, now, change, indent }),
          world,
        )
      },
    )
    return true
  })
}

/** What of a file is in the editor, and what comes of it: the documents, and the file with the metadata that it is to have. */
type View = Readonly<{
  write(documents: Documents, layout: Layout): Uint8Array
  read(bytes: Uint8Array): { documents: Documents; file: EncryptedFile }
}>

function plainView(file: EncryptedFile): View {
  const { store } = file
  return {
    write: (documents, layout) => store.emit(documents, layout),
    read: (bytes) => ({ documents: requirePlain(store.parse(bytes), store), file }),
  }
}

/** What could not be encrypted is told while it can still be mended in the editor. @throws AlreadyEncrypted, ValueUnsupported */
function requirePlain(documents: Documents, store: Store): Documents {
  requireDocument(documents)
  if (store.holdsMetadata(documents)) throw new AlreadyEncrypted(metadataKey)
  return documents
}

/** Plain values, and the metadata as it stands in the file. [sops] cmd/sops/edit.go, `ShowMasterKeys` */
function viewWithKeys(file: EncryptedFile): View {
  const { store, written } = file
  return {
    write: (documents, layout) => store.emitEncrypted({ documents, metadata: written }, layout),
    read: (bytes) => {
      const { documents, metadata } = store.parseEncrypted(bytes)
      return { documents, file: { ...file, written: metadata, metadata: readMetadata(metadata) } }
    },
  }
}

/** The groups that were asked for in the editor. Where they are others, the data key is wrapped for all of them, which sops leaves out. */
async function wrappedGroups(
  before: Metadata,
  wanted: Metadata,
  key: DataKey,
  world: World,
): Promise<readonly KeyGroup[]> {
  if (sameWish(keysOf(before), keysOf(wanted))) return before.groups
  return wrapDataKey(key, wanted.groups, wanted.shamirThreshold, keyWrapper(world))
}

async function editNewFile(path: string, options: EditOptions, world: World): Promise<boolean> {
  await requireFolder(path)
  requireInside(path)
  const check = staysAsItIs(path)
  const { wish, found } = await locate(path, async () => {
    const made = await wishFor(path, options, world)
    requireWrappable(made.wish.groups, made.wish.shamirThreshold)
    return made
  })
  const store = await storeOf(parseFormat(options.inputType, "--input-type") ?? formatOfName(path))
  const layout = layoutOf(found, store.format, options.indent)
  const template = found === null ? null : templateOf(found)
  const before = template ?? store.emit(exampleFor(store), layout)
  return await inPrivateFolder(world, async (folder) => {
    const keep = (typed: Uint8Array): Promise<void> => keepTyped(path, typed, wish, world)
    const read = (bytes: Uint8Array): Documents => requirePlain(store.parse(bytes), store)
    const edited = await editText(folder, path, { before, read, keep }, world)
    if (edited === null) {
      world.err(
        `${printable(path)}: not made, since the ${template === null ? "example" : "template"} was left as it is\n`,
      )
      return false
    }
    await orKeep(
      path,
      () => keep(edited.bytes),
      async () => {
        await replaceFile(
          path,
          await encryptNew(edited.value, { store, input: store, layout }, wish, keyWrapper(world), world.now()),
          0o666,
          check,
        )
      },
    )
    return true
  })
}

/** Nobody shall type what has no place to go. @throws WrongUsage */
async function requireFolder(path: string): Promise<void> {
  const folder = dirname(path)
  if (!(await exists(folder)))
    throw new WrongUsage(`there is no folder ${quote(folder)}`, {
      where: { file: path },
      hint: "make it first: mkdir -p",
    })
}

function exampleFor({ format }: Store): Documents {
  if (format === "binary") return [branch([entry("data", str("a secret\n"))])]
  const pair = entry("example_key", str("example_value"))
  return [branch(format === "ini" ? [entry("example", branch([pair]))] : [pair])]
}

/** What was typed is never lost to a failure. */
async function orKeep(path: string, keep: () => Promise<void>, write: () => Promise<void>): Promise<void> {
  try {
    await locate(path, write)
  } catch (failure) {
    await keep()
    throw failure
  }
}
