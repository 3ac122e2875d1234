/** A person and an editor, until what comes out can be read. */
import { basename } from "node:path"
import { EXIT, explain, Failure } from "../failure.ts"
import { printable, quote } from "../quote.ts"
import { ReadFailed } from "../replace-file.ts"
import { chooseEditor } from "./editors.ts"
import { Interrupted, WrongUsage } from "./failures.ts"
import type { PrivateFolder } from "./private-folder.ts"
import { runProgramOf } from "./shell.ts"
import type { World } from "./world.ts"

/** The editor ended with an error, so nobody knows whether what is in the file was meant. */
export class EditorFailed extends Failure {
  override readonly code = "editor-failed"
  override readonly exit = EXIT.failed
  constructor(file: string, program: string, what: string) {
    super(`the editor ${quote(program)} ${what}`, {
      where: { file },
      hint: "the file is as it was",
    })
  }
}

/**
 * A text to be edited. `read` throws a Failure, with the line where it knows it, for what cannot be taken; `keep` saves what was typed when
 * nobody is there to mend it.
 */
export type EditedText<T> = Readonly<{
  before: Uint8Array
  read(bytes: Uint8Array): T
  keep(bytes: Uint8Array): Promise<void>
}>

/** What was typed, and what it was read as. */
export type Edited<T> = Readonly<{ bytes: Uint8Array; value: T }>

/** What begins a line that is no part of the text, but says what is wrong with the next. */
const mark = "### ts-age-yk: "

/**
 * Lets a person edit a text. What is wrong with it stands above its line when the editor opens again.
 * @param path - for messages; its last part names the text in the folder
 * @returns null when nothing was changed
 * @throws EditorFailed, WrongUsage without an editor; what `read` throws when nobody is there to go on
 */
export async function editText<T>(
  folder: PrivateFolder,
  path: string,
  { before, read, keep }: EditedText<T>,
  world: World,
): Promise<Edited<T> | null> {
  const editor = await chooseEditor(world.env)
  if (editor === null) throw new WrongUsage("there is no editor", { hint: "name one in SOPS_EDITOR or EDITOR" })
  const name = basename(path)
  let file = await folder.write(name, before)
  let line: number | undefined
  for (;;) {
    const [program, ...args] = editor.open(file, line)
    const status = await runProgramOf(program, args, world.env)
    const left = await textLeft(folder, name)
    const changed = left !== null && !Buffer.from(left).equals(before)
    if (status !== 0) {
      // Who gives up on purpose, by :cq or the like, wants nothing kept; a terminal that closes is no purpose.
      if (status > lowestSignal && changed) await keep(left)
      throw new EditorFailed(path, program, `ended with status ${status}`)
    }
    if (left === null) throw new EditorFailed(path, program, "left no text behind")
    if (!changed) return null
    try {
      return { bytes: left, value: read(left) }
    } catch (failure) {
      if (!(failure instanceof Failure)) throw failure
      const { text } = explain(failure.within({ file: path }))
      const again = await askAgain(text, world, () => keep(left))
      if (again === null) await keep(left)
      if (again !== true) throw failure
      line = failure.where.line ?? 1
      file = await folder.write(name, withMark(left, line, text))
    }
  }
}

/**
 * @param keep - for who ends the program at the question
 * @returns null where there is nobody to answer
 */
async function askAgain(what: string, world: World, keep: () => Promise<void>): Promise<boolean | null> {
  const person = world.terminal()
  if (person === null) return null
  world.err(`ts-age-yk: ${what}\n`)
  try {
    return await person.confirm("edit again?", "yes", "no, drop what was typed")
  } catch (failure) {
    if (failure instanceof Interrupted) await keep()
    throw failure
  }
}

/** A shell's exit status of a program that a signal ended is higher. */
const lowestSignal = 128

/** @returns null where there is no file any more, or none that can be read */
async function textLeft(folder: PrivateFolder, name: string): Promise<Uint8Array | null> {
  try {
    return withoutMarks(await folder.read(name))
  } catch (failure) {
    if (failure instanceof ReadFailed) return null
    throw failure
  }
}

/** Puts a message above a line. */
function withMark(bytes: Uint8Array, line: number, message: string): Uint8Array {
  const lines = linesOf(bytes)
  const at = Math.min(line - 1, lines.length)
  const said = Buffer.from(`${mark}${printable(message)}\n`).toString("latin1")
  return Buffer.from([...lines.slice(0, at), said, ...lines.slice(at)].join(""), "latin1")
}

function withoutMarks(bytes: Uint8Array): Uint8Array {
  const lines = linesOf(bytes).filter((line) => !line.startsWith(mark))
  return Buffer.from(lines.join(""), "latin1")
}

/** Lines with their breaks, each character a byte. */
function linesOf(bytes: Uint8Array): string[] {
  return Buffer.from(bytes)
    .toString("latin1")
    .split(/(?<=\n)/)
}
