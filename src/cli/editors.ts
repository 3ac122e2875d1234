/** Which editor, how it is kept from leaving copies of what it edits, and how it begins at a line. */
import { access, constants, realpath } from "node:fs/promises"
import { basename, delimiter, dirname, join } from "node:path"
import type { World } from "./world.ts"

/** Before a vimrc that asks what is set, and after one that sets it. What was copied goes into no file of history (Neovim takes the old name too). */
const vim = ["-n", "-i", "NONE", "--cmd", "set noundofile nobackup nowritebackup noswapfile"].concat(
  ["-c", "set noundofile nobackup nowritebackup noswapfile"],
  ["-c", "silent! set viminfo="],
)

/** What is copied may be kept by savehist and desktop, and each step of a change by two packages that many have. */
const emacs = `(progn
  (setq make-backup-files nil auto-save-default nil create-lockfiles nil undo-tree-auto-save-history nil)
  (dolist (mode '(savehist-mode desktop-save-mode undo-fu-session-global-mode))
    (when (and (boundp mode) (symbol-value mode)) (funcall mode -1))))`

/** Code keeps a history of each file, which no option ends: its own folder is to be where the file is. It comes back when told to wait. */
const code = (folder: string): string[] => [
  "--wait",
  "--disable-extensions",
  "--user-data-dir",
  join(folder, "code-user-data"),
]

/** What each editor is told, so that it leaves no swap, undo, backup or history files; `folder` is that of the file, and goes. */
const quietly: Readonly<Record<string, (folder: string) => readonly string[]>> = {
  vim: () => vim,
  nvim: () => vim,
  gvim: () => ["-f", ...vim],
  nano: () => ["-I"],
  emacs: () => ["--eval", emacs],
  code,
  codium: code,
  subl: () => ["--wait"],
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
    if (program !== undefined) return editorOf(program, args, await kindOf(program, env))
  }
  for (const program of usual) {
    if ((await findOnPath(program, env)) !== null) return editorOf(program, [], await kindOf(program, env))
  }
  return null
}

function editorOf(program: string, args: readonly string[], kind: string): Editor {
  return {
    open: (file, line) => [
      program,
      ...(quietly[kind]?.(dirname(file)) ?? []),
      ...args,
      ...(line === undefined ? [file] : (atLine[kind] ?? fromTheTop)(file, line)),
    ],
  }
}

/** `vi` and `editor` are often links to an editor that we know; `vim.tiny` and `emacs-nox` are kinds of one. */
async function kindOf(program: string, env: World["env"]): Promise<string> {
  const nameOf = (path: string): string => basename(path).split(/[.-]/)[0] ?? ""
  const given = nameOf(program)
  if (quietly[given] !== undefined) return given
  const found = program.includes("/") ? program : await findOnPath(program, env)
  const real = found === null ? given : nameOf(await realpath(found).catch(() => found))
  return quietly[real] === undefined ? given : real
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

async function findOnPath(program: string, env: World["env"]): Promise<string | null> {
  for (const folder of (env["PATH"] ?? "").split(delimiter)) {
    const path = join(folder, program)
    const found = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    )
    if (found) return path
  }
  return null
}
