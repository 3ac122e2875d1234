/** Which editor, how it is kept from leaving copies of what it edits, and how it begins at a line. */
import { access, constants } from "node:fs/promises"
import { basename, delimiter, join } from "node:path"
import type { World } from "./world.ts"

/** What each editor is told: no swap, undo, backup or history files; `code` comes back only when told to wait. */
const quietly: Readonly<Record<string, readonly string[]>> = {
  vi: [],
  vim: ["-n", "-i", "NONE", "--cmd", "set noundofile nobackup nowritebackup noswapfile"],
  nvim: ["-n", "-i", "NONE", "--cmd", "set noundofile nobackup nowritebackup noswapfile shada="],
  gvim: ["-f", "-n", "-i", "NONE", "--cmd", "set noundofile nobackup nowritebackup noswapfile"],
  nano: ["-I"],
  emacs: ["--eval", "(setq make-backup-files nil auto-save-default nil create-lockfiles nil)"],
  code: ["--wait", "--disable-extensions"],
  codium: ["--wait", "--disable-extensions"],
  subl: ["--wait"],
}

/** Editors that are there when none is named, as sops looks for them. */
const usual = ["vim", "nano", "vi"]

/** Takes a command line apart as a shell would: quotes and backslashes, nothing else. */
export function splitWords(text: string): string[] {
  const words: string[] = []
  for (const [word] of text.matchAll(/(?:"(?:[^"\\]|\\.)*"|'[^']*'|\\.|[^\s"'\\])+/g)) {
    words.push(
      word.replace(/"((?:[^"\\]|\\.)*)"|'([^']*)'|\\(.)/g, (_, double?: string, single?: string, escaped?: string) => {
        if (double !== undefined) return double.replace(/\\(["\\$`])/g, "$1")
        return single ?? escaped ?? ""
      }),
    )
  }
  return words
}

/** An editor. `open` gives the program and its arguments for a file, at a line where one is given, counted from 1. */
export type Editor = Readonly<{ open(file: string, line?: number): readonly [string, ...string[]] }>

/** @returns null when none is named and none is there */
export async function chooseEditor(env: World["env"]): Promise<Editor | null> {
  for (const named of [env["SOPS_EDITOR"], env["EDITOR"]]) {
    const [program, ...args] = splitWords(named ?? "")
    if (program !== undefined) return editorOf(program, args)
  }
  for (const program of usual) {
    if (await isOnPath(program, env)) return editorOf(program, [])
  }
  return null
}

function editorOf(program: string, args: readonly string[]): Editor {
  const name = basename(program).replace(/\.exe$/, "")
  const all = [...(quietly[name] ?? []), ...args]
  return {
    open: (file, line) => [
      program,
      ...all,
      ...(line === undefined ? [file] : (atLine[name] ?? fromTheTop)(file, line)),
    ],
  }
}

const plusLine = (file: string, line: number): string[] => [`+${line}`, file]
const goto = (file: string, line: number): string[] => ["--goto", `${file}:${line}`]
const fromTheTop = (file: string): string[] => [file]

/** How each editor is told to begin at a line. */
const atLine: Readonly<Record<string, (file: string, line: number) => string[]>> = {
  vi: plusLine,
  vim: plusLine,
  nvim: plusLine,
  gvim: plusLine,
  nano: plusLine,
  emacs: plusLine,
  code: goto,
  codium: goto,
  subl: (file, line) => [`${file}:${line}`],
}

async function isOnPath(program: string, env: World["env"]): Promise<boolean> {
  for (const folder of (env["PATH"] ?? "").split(delimiter)) {
    const found = await access(join(folder, program), constants.X_OK).then(
      () => true,
      () => false,
    )
    if (found) return true
  }
  return false
}
