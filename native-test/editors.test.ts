/** Real editors, told by their own settings to keep copies of all that they edit: of a secret, none is left. */
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { beforeAll, beforeEach, describe, expect, it, vi } from "vitest"
import { X25519Identity } from "../src/age/x25519.ts"
import { run, scratch, tclWord } from "./harness.ts"

const program = new URL("../dist/cli.js", import.meta.url).pathname
const place = scratch()
const copies = join(place, "copies")
const identity = X25519Identity.generate()
const env = { SOPS_AGE_KEY: identity.revealText(), HOME: place, TERM: "xterm", XDG_CONFIG_HOME: join(place, ".config") }
const canary = "canary-of-this-test"

const vimrc = `set nocompatible undofile undodir=${copies} backup writebackup backupdir=${copies} directory=${copies}`
const emacsrc = `(setq backup-directory-alist '(("." . "${copies}"))
  savehist-file "${copies}/savehist" savehist-additional-variables '(kill-ring)
  desktop-path '("${copies}") desktop-dirname "${copies}" desktop-save t desktop-globals-to-save '(kill-ring))
(savehist-mode 1)
(desktop-save-mode 1)
`

/** Each editor, and the keys that copy the first line, put one in front of it, and save. */
const editors = [
  { editor: "vim", keys: ["yy", "Oadded: x", "\u001b", ":wq\r"] },
  { editor: "nvim", keys: ["yy", "Oadded: x", "\u001b", ":wq\r"] },
  // Run by root, it looks for its settings in root's own home.
  { editor: `nano --rcfile=${place}/.nanorc`, keys: ["added: x\r", "\u000f", "\r", "\u0018"] },
  { editor: "emacs -nw", keys: ["\u0001\u000b\u0019\u0001", "added: x\r", "\u0018\u0013", "\u0018\u0003"] },
]

beforeAll(async () => {
  writeFileSync(join(place, ".sops.yaml"), `creation_rules:\n  - age: ${identity.recipient.text}\n`)
  writeFileSync(join(place, "plain.yaml"), `k: ${canary}\n`)
  const made = await run(process.execPath, [program, "encrypt", "plain.yaml"], { cwd: place, env })
  writeFileSync(join(place, "model.yaml"), made.stdout)
  mkdirSync(join(place, ".config/nvim"), { recursive: true })
  writeFileSync(
    join(place, ".vimrc"),
    `${vimrc}\nset viminfo='9,<99,n${copies}/viminfo\nif exists('&viminfofile')\nset viminfofile=${copies}/viminfo\nendif\n`,
  )
  writeFileSync(join(place, ".config/nvim/init.vim"), `${vimrc}\nset shada='9,<99 shadafile=${copies}/shada\n`)
  writeFileSync(join(place, ".nanorc"), `set backup\nset backupdir "${copies}"\nset historylog\n`)
  writeFileSync(join(place, ".emacs"), emacsrc)
})

beforeEach(() => {
  rmSync(copies, { recursive: true, force: true })
  mkdirSync(copies, { recursive: true })
  cpSync(join(place, "model.yaml"), join(place, "s.yaml"))
})

/** Runs a command on a terminal, types when the canary is on it, and waits until all of the editor has ended. */
async function type(command: readonly string[], keys: readonly string[], editor: string) {
  const typed = keys.map((key) => `send -- ${tclWord(key)}; sleep 0.6`).join("\n")
  const script = `set timeout 40
    spawn -noecho ${command.map(tclWord).join(" ")}
    expect {
      ${canary} {}
      timeout { exec kill -9 [exp_pid]; exit 124 }
    }
    sleep 1.5
    ${typed}
    expect {
      eof {}
      timeout { exec kill -9 [exp_pid]; exit 125 }
    }
    exit [lindex [wait] 3]`
  const outcome = await run("expect", ["-c", script], { cwd: place, env: { ...env, EDITOR: editor } })
  // Neovim is two processes, and the one that keeps its files ends after the one on the terminal.
  await vi.waitFor(() => expect(runningPrograms()).not.toContain(editor.split(" ")[0]), { timeout: 20_000 })
  return outcome
}

/** What the processes of this machine run. */
function runningPrograms(): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/comm`, "utf8").trimEnd()
      } catch {
        return "" // It has ended.
      }
    })
}

/** The folders in memory that hold plaintext. */
function privateFolders(): string[] {
  return readdirSync("/dev/shm").filter((name) => name.startsWith("ts-age-yk-"))
}

/** The files of the home folder that hold the secret. */
function leaks(): string[] {
  return readdirSync(place, { recursive: true, encoding: "utf8" }).filter(
    (name) =>
      name !== "plain.yaml" &&
      statSync(join(place, name)).isFile() &&
      readFileSync(join(place, name), "latin1").includes(canary),
  )
}

describe.each(editors)("$editor", ({ editor, keys }) => {
  it("keeps copies of what is no secret", async () => {
    cpSync(join(place, "plain.yaml"), join(copies, "other.yaml"))
    expect(await type(["sh", "-c", `${editor} ${copies}/other.yaml`], keys, editor)).toMatchObject({ code: 0 })
    expect(readFileSync(join(copies, "other.yaml"), "utf8")).toBe(`added: x\nk: ${canary}\n`)
    expect(leaks().filter((name) => name !== "copies/other.yaml")).not.toEqual([])
  })

  it("keeps none of a secret", async () => {
    const before = privateFolders()
    expect(await type([process.execPath, program, "edit", "--no-yubikey", "s.yaml"], keys, editor)).toMatchObject({
      code: 0,
    })
    const { stdout } = await run(process.execPath, [program, "decrypt", "--no-yubikey", "s.yaml"], { cwd: place, env })
    expect(stdout).toBe(`added: x\nk: ${canary}\n`)
    expect(leaks()).toEqual([])
    expect(privateFolders().filter((name) => !before.includes(name))).toEqual([])
  })
})
