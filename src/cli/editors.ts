/** Which editor, and how it is kept from leaving copies of what it edits. */
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

/**
 * The editor's program and arguments, without the file.
 * @returns null when none is named and none is there
 */
export async function chooseEditor(env: World["env"]): Promise<readonly [string, ...string[]] | null> {
  for (const named of [env["SOPS_EDITOR"], env["EDITOR"]]) {
    const [program, ...args] = splitWords(named ?? "")
    if (program !== undefined) return [program, ...quietOptions(program), ...args]
  }
  for (const program of usual) {
    if (await isOnPath(program, env)) return [program, ...quietOptions(program)]
  }
  return null
}

function quietOptions(program: string): readonly string[] {
  return quietly[basename(program).replace(/\.exe$/, "")] ?? []
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
