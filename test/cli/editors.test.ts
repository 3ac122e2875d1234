import { execFileSync } from "node:child_process"
import {
  accessSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { chooseEditor } from "../../src/cli/editors.ts"

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "editors-"))
})

afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** An executable that is never run. */
function program(name: string): string {
  const path = join(folder, name)
  writeFileSync(path, "#!/bin/sh\n", { mode: 0o755 })
  return path
}

const opened = async (env: Record<string, string>, line?: number): Promise<readonly string[]> =>
  (await chooseEditor({ PATH: folder, ...env }))?.open("/private/f.yaml", line) ?? []

describe("an editor", () => {
  it("is the one that is named, with its own arguments behind ours, else the first that is there", async () => {
    expect(await opened({})).toEqual([])
    program("vi")
    program("nano")
    expect(await opened({})).toEqual(["nano", "-I", "/private/f.yaml"])
    expect(await opened({ EDITOR: "ed -p '> '" })).toEqual(["ed", "-p", "> ", "/private/f.yaml"])
    expect(await opened({ EDITOR: "ed", SOPS_EDITOR: "nano -l" })).toEqual(["nano", "-I", "-l", "/private/f.yaml"])
  })

  it.each(["vi", "editor"])("is known by what it is a link to: %s", async (name) => {
    symlinkSync(program("vim.basic"), join(folder, name))
    const [first, ...rest] = await opened({ EDITOR: name })
    expect(first).toBe(name)
    expect(rest).toContain("-n")
  })

  it.each([
    { editor: "nvim", at: ["+7", "/private/f.yaml"] },
    { editor: "emacs -nw", at: ["+7", "/private/f.yaml"] },
    { editor: "code", at: ["--goto", "/private/f.yaml:7"] },
    { editor: "subl", at: ["/private/f.yaml:7"] },
    { editor: "unknown", at: ["/private/f.yaml"] },
  ])("begins at a line: $editor", async ({ editor, at }) => {
    expect((await opened({ EDITOR: editor }, 7)).slice(-at.length)).toEqual(at)
  })

  it("that keeps a history of files keeps it beside the file, where it goes with it", async () => {
    const args = await opened({ EDITOR: "code" })
    expect(args[args.indexOf("--user-data-dir") + 1]).toBe("/private/code-user-data")
  })
})

function vimIsHere(): boolean {
  return (process.env["PATH"] ?? "").split(":").some((path) => {
    try {
      accessSync(join(path, "vim"))
      return true
    } catch {
      return false
    }
  })
}

describe.runIf(vimIsHere())("vim", () => {
  it("leaves no undo, backup or swap file, even where its vimrc asks for them", async () => {
    const copies = join(folder, "copies")
    mkdirSync(copies)
    const settings = `undofile undodir=${copies} backup writebackup backupdir=${copies} swapfile directory=${copies}`
    writeFileSync(join(folder, "vimrc"), `set ${settings}\n`)
    writeFileSync(join(folder, "f"), "old\n")
    const editor = await chooseEditor({ EDITOR: `vim -es -u ${folder}/vimrc`, PATH: process.env["PATH"] })
    const [name, ...args] = editor?.open(join(folder, "f")) ?? ["false"]
    const edit = ["-c", "normal onew", "-c", `call writefile(glob("${copies}/*", 1, 1), "${folder}/seen")`, "-c", "wq"]
    execFileSync(name, [...args, ...edit], { stdio: "ignore", env: { ...process.env, HOME: folder } })
    expect(readFileSync(join(folder, "f"), "utf8")).toBe("old\nnew\n")
    expect(readFileSync(join(folder, "seen"), "utf8")).toBe("")
    expect(readdirSync(copies)).toEqual([])
    expect(readdirSync(folder).toSorted()).toEqual(["copies", "f", "seen", "vimrc"])
  })
})
