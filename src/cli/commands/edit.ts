/** `ts-age-yk edit`: a SOPS file in an editor. The plaintext is in memory, for its owner alone, and gone after any exit. */
import { basename, dirname, join } from "node:path"
import type { Command } from "commander"
import { encryptBytes } from "../../age/file.ts"
import type { Recipient } from "../../age/identity.ts"
import { EXIT, explain, Failure } from "../../failure.ts"
import type { PluginWorld } from "../../plugin/client.ts"
import { recipientFromText } from "../../plugin/realise.ts"
import { printable, quote } from "../../quote.ts"
import { replaceFile } from "../../replace-file.ts"
import { encryptAgain, encryptNew } from "../../sops/encrypt.ts"
import { SyntaxInvalid, ValueUnsupported } from "../../sops/failures.ts"
import { formatOfName, storeOf } from "../../sops/format.ts"
import { formatVersion, type KeyGroup } from "../../sops/metadata.ts"
import type { Store } from "../../sops/stores/store.ts"
import { branch, type Documents, entry, str } from "../../sops/tree.ts"
import { openSession } from "../access.ts"
import { chooseEditor } from "../editors.ts"
import { WrongUsage } from "../failures.ts"
import { requireInside } from "../inside.ts"
import { inPrivateFolder, type PrivateFolder } from "../private-folder.ts"
import { runProgramOf } from "../shell.ts"
import {
  type ChangeOptions,
  declareChange,
  keyWrapper,
  locate,
  openSopsFile,
  readToChange,
  writeSopsFile,
} from "../sops-change.ts"
import { Configs, exists, groupsOf, layoutOf } from "../sops-config.ts"
import { parseFormat } from "../sops-file.ts"
import type { World } from "../world.ts"

type Options = ChangeOptions & Readonly<{ config?: string }>

/** The editor ended with an error, so nobody knows whether what is in the file was meant. */
export class EditorFailed extends Failure {
  override readonly code = "editor-failed"
  override readonly exit = EXIT.failed
  constructor(file: string, program: string, status: number) {
    super(`the editor ${quote(program)} ended with status ${status}`, {
      where: { file },
      hint: "the file is as it was",
    })
  }
}

export function define(command: Command, world: World, done: (status: number) => void): void {
  declareChange(command)
    .argument("<FILE>", "encrypted file, or one that is to be")
    .option("--config <FILE>", "this .sops.yaml, for a new file")
    .action(async (path: string, options: Options) => {
      await editPath(path, options, world)
      done(0)
    })
}

/** @returns whether anything was written */
export async function editPath(path: string, options: Options, world: World): Promise<boolean> {
  return (await exists(path)) ? editFile(path, options, world) : editNewFile(path, options, world)
}

async function editFile(path: string, options: Options, world: World): Promise<boolean> {
  const read = await readToChange(path, options.inputType)
  await using session = await openSession(options, world)
  // The key stays open until the editor is done, so that nobody is asked again.
  using open = await openSopsFile(read, options, session)
  const { file, bytes, key, ivs } = open
  return await inPrivateFolder(world, async (folder) => {
    const edited = await edit(folder, path, file.store, file.store.emit(open.documents), world)
    if (edited === null) {
      world.err(`${printable(path)}: unchanged\n`)
      return false
    }
    await orKeep(path, edited.bytes, file.metadata.groups, world, async () => {
      const change = { version: formatVersion }
      await writeSopsFile(
        read,
        await encryptAgain(bytes, file, edited.documents, key, { ivs, now: world.now(), change }),
        world,
      )
    })
    return true
  })
}

async function editNewFile(path: string, options: Options, world: World): Promise<boolean> {
  await requireInside(path)
  const found = await new Configs(options, world).requireRule(path)
  const { rule } = found
  const store = await storeOf(parseFormat(options.inputType, "--input-type") ?? formatOfName(path))
  return await inPrivateFolder(world, async (folder) => {
    const edited = await edit(folder, path, store, store.emit(exampleFor(store)), world)
    if (edited === null) {
      world.err(`${printable(path)}: not made, since the example was left as it is\n`)
      return false
    }
    const groups = groupsOf(rule)
    await orKeep(path, edited.bytes, groups, world, async () => {
      const layout = layoutOf(found, store.format)
      const wish = { ...rule, groups }
      await replaceFile(
        path,
        await encryptNew(edited.documents, { store, input: store, layout }, wish, keyWrapper(world), world.now()),
        0o666,
      )
    })
    return true
  })
}

function exampleFor({ format }: Store): Documents {
  if (format === "binary") return [branch([entry("data", str("a secret\n"))])]
  const pair = entry("example_key", str("example_value"))
  return [branch(format === "ini" ? [entry("example", branch([pair]))] : [pair])]
}

type Edited = Readonly<{ bytes: Uint8Array; documents: Documents }>

/**
 * Lets a person edit until what is there can be read.
 * @returns null when nothing was changed
 * @throws EditorFailed, WrongUsage without an editor; what is wrong with the text when nobody is there to go on
 */
async function edit(
  folder: PrivateFolder,
  path: string,
  store: Store,
  before: Uint8Array,
  world: World,
): Promise<Edited | null> {
  const editor = await chooseEditor(world.env)
  if (editor === null) throw new WrongUsage("there is no editor", { hint: "name one in SOPS_EDITOR or EDITOR" })
  const name = basename(path)
  const file = await folder.write(name, before)
  const [program, ...args] = editor
  for (;;) {
    const status = await runProgramOf(program, [...args, file], world.env)
    if (status !== 0) throw new EditorFailed(path, program, status)
    const bytes = await folder.read(name)
    if (Buffer.from(bytes).equals(before)) return null
    try {
      return { bytes, documents: store.parse(bytes) }
    } catch (failure) {
      if (!(failure instanceof SyntaxInvalid || failure instanceof ValueUnsupported)) throw failure
      world.err(`ts-age-yk: ${explain(failure.within({ file: path })).text}\n`)
      const again = await world.terminal()?.confirm("edit again?", "yes", "no, drop what was typed")
      if (again !== true) throw failure
    }
  }
}

/** What was typed is never lost to a failure: it is kept beside the file, encrypted for the same keys. */
async function orKeep(
  path: string,
  typed: Uint8Array,
  groups: readonly KeyGroup[],
  world: World,
  write: () => Promise<void>,
): Promise<void> {
  try {
    await locate(path, write)
  } catch (failure) {
    const plugins = { env: world.env, dialogue: world.terminal() }
    const recipients = groups.flat().flatMap((key) => (key.type === "age" ? recipientsIn(key.recipient, plugins) : []))
    // With several groups, one key alone must not read what a quorum guards; then only the message is left.
    if (groups.length !== 1 || recipients.length === 0) throw failure
    const kept = join(dirname(path), `${basename(path)}.edited.age`)
    await replaceFile(kept, await encryptBytes(typed, recipients, "armored"))
    world.err(`ts-age-yk: what was typed is kept in ${printable(kept)}\n`)
    throw failure
  }
}

/** The recipient; none where it cannot be read, which may be the very failure that what was typed is kept from. */
function recipientsIn(text: string, plugins: PluginWorld): Recipient[] {
  try {
    return [recipientFromText(text, plugins)]
  } catch (failure) {
    if (failure instanceof Failure) return []
    throw failure
  }
}
