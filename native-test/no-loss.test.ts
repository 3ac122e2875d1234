/**
 * Nothing is ever lost: every command that writes is killed at each of its calls that touch the folder, and has each of them fail. The
 * file is then the old one or the new one, whole. FAULT_ALL=1 tries every error at every call, not only the likeliest.
 */
import { spawnSync } from "node:child_process"
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { constants } from "node:os"
import { basename, join } from "node:path"
import { beforeAll, describe, expect, it } from "vitest"
import { X25519Identity } from "../src/age/x25519.ts"
import { plaintextOf } from "../test/ceremony/repository.ts"
import { peers, scratch } from "./harness.ts"

const program = new URL("../dist/cli.js", import.meta.url).pathname
const place = scratch()
const template = join(place, "template")
const log = join(place, "calls")
const all = process.env["FAULT_ALL"] === "1"
const secret = "hush-hush"
const keys = { identities: [X25519Identity.generate(), X25519Identity.generate()] }
const [mine, other] = keys.identities.map(({ recipient }) => recipient.text)

type Ran = Readonly<{ status: number | null; stderr: string }>

/** Runs a command in a folder, with something that goes wrong there at one of its calls, or nothing. */
function run(folder: string, args: readonly string[], fault: Readonly<{ at?: number; errno?: number }> = {}): Ran {
  rmSync(log, { force: true })
  const { status, stderr } = spawnSync(process.execPath, [program, ...args], {
    cwd: folder,
    encoding: "utf8",
    env: {
      PATH: process.env["PATH"],
      HOME: place,
      SOPS_AGE_KEY: keys.identities[0]?.revealText(),
      SOPS_EDITOR: "sed -i s/old/new/",
      LD_PRELOAD: join(peers, "lib", "libfault.so"),
      FAULT_FOLDER: folder,
      FAULT_LOG: log,
      FAULT_AT: String(fault.at ?? 0),
      FAULT_ERRNO: String(fault.errno ?? 0),
    },
  })
  return { status, stderr }
}

/** The calls of the last run, in order. */
function calls(): { name: string; path: string }[] {
  const lines = readFileSync(log, "utf8").trimEnd().split("\n")
  return lines.map((line) => ({ name: line.split(" ")[0] ?? "", path: line.slice(line.indexOf(" ") + 1) }))
}

function freshCopy(name: string): string {
  const folder = join(place, name)
  rmSync(folder, { recursive: true, force: true })
  cpSync(template, folder, { recursive: true })
  return folder
}

/** The files of a folder, without what it had when it was copied. */
function leftIn(folder: string): string[] {
  const had = new Set(readdirSync(template, { recursive: true, encoding: "utf8" }))
  return readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((path) => !had.has(path))
}

/** Errors that a call may well meet; the first is the likeliest. */
function errorsOf(name: string): number[] {
  const { EACCES, EIO, ENOSPC, EROFS, EPERM, EDQUOT } = constants.errno
  const every = [EACCES, EIO, ENOSPC, EROFS, EPERM, EDQUOT]
  const likely = ["write", "writev", "link", "mkdir"].includes(name)
    ? ENOSPC
    : ["fsync", "read"].includes(name)
      ? EIO
      : EACCES
  return all ? [likely, ...every.filter((errno) => errno !== likely)] : [likely]
}

beforeAll(() => {
  mkdirSync(join(template, "secrets"), { recursive: true })
  const config = (...lines: readonly string[]): void => {
    writeFileSync(join(template, ".sops.yaml"), lines.map((line) => `${line}\n`).join(""))
  }
  config("creation_rules:", `  - age: ${mine}`)
  for (const name of ["a", "b"]) {
    writeFileSync(join(template, "secrets", `${name}.yaml`), `value: old\nother: ${secret}\n`)
    expect(run(template, ["encrypt", "--in-place", `secrets/${name}.yaml`])).toMatchObject({ status: 0 })
  }
  writeFileSync(join(template, "out"), "older")
  writeFileSync(join(template, "plain.yaml"), `value: old\nother: ${secret}\n`)
  config("keys:", `  - &mine ${mine}`, `  - &other ${other}`, "creation_rules:", "  - age: [*mine, *other]")
})

const oldText = `value: old\nother: ${secret}\n`
const newText = `value: new\nother: ${secret}\n`

/** `text`: what the new file decrypts to; null where it is plain text itself. */
const writing: readonly Readonly<{ args: readonly string[]; file: string; text: string | null }>[] = [
  { args: ["set", "secrets/a.yaml", '["value"]', '"new"'], file: "secrets/a.yaml", text: newText },
  { args: ["unset", "secrets/a.yaml", '["value"]'], file: "secrets/a.yaml", text: `other: ${secret}\n` },
  { args: ["edit", "secrets/a.yaml"], file: "secrets/a.yaml", text: newText },
  { args: ["rotate", "secrets/a.yaml"], file: "secrets/a.yaml", text: oldText },
  { args: ["updatekeys", "--yes", "secrets/a.yaml"], file: "secrets/a.yaml", text: oldText },
  { args: ["encrypt", "--in-place", "plain.yaml"], file: "plain.yaml", text: oldText },
  { args: ["decrypt", "--in-place", "secrets/a.yaml"], file: "secrets/a.yaml", text: null },
  { args: ["decrypt", "-o", "out", "secrets/a.yaml"], file: "out", text: null },
]

/** Whether a file is the new one: whole, and for those who are to read it. */
async function isNew(folder: string, { file, text }: (typeof writing)[number]): Promise<boolean> {
  if (text === null) return readFileSync(join(folder, file), "utf8") === oldText
  return (await plaintextOf(folder, file, keys)) === text
}

describe.each(writing)("$args", (command) => {
  const { args, file, text } = command
  const name = args[0] ?? ""
  const before = (): Buffer => readFileSync(join(template, file))

  it("leaves the old file or the new one when it is killed, at each of its calls, and runs again after it", async () => {
    const whole = freshCopy(name)
    expect(run(whole, args)).toMatchObject({ status: 0 })
    const count = calls().length
    expect(await isNew(whole, command)).toBe(true)
    expect(count).toBeGreaterThan(10)
    const seen = { old: 0, new: 0 }
    for (let at = 1; at <= count; at++) {
      const folder = freshCopy(name)
      expect(run(folder, args, { at }), `killed at call ${at}`).toMatchObject({ status: null })
      const isOld = readFileSync(join(folder, file)).equals(before())
      if (!isOld) expect(await isNew(folder, command), `killed at call ${at}`).toBe(true)
      seen[isOld ? "old" : "new"]++
      for (const path of leftIn(folder)) {
        const mode = statSync(join(template, file)).mode
        expect(statSync(join(folder, path)).mode & ~mode).toBe(0)
        if (text !== null) expect(readFileSync(join(folder, path), "utf8")).not.toContain(secret)
      }
      // Once is enough to show that what was left is in nobody's way.
      if (isOld && leftIn(folder).length > 0 && at % 4 === 0) expect(run(folder, args)).toMatchObject({ status: 0 })
    }
    expect(seen.old).toBeGreaterThan(5)
    expect(seen.new).toBeGreaterThan(0)
  })

  it("leaves the old file when a call fails, names it, and leaves nothing beside it", async () => {
    run(freshCopy(name), args)
    for (const [index, { name: call, path }] of calls().entries())
      for (const errno of errorsOf(call)) {
        const folder = freshCopy(name)
        const { status, stderr } = run(folder, args, { at: index + 1, errno })
        const what = `${call} ${basename(path)} fails with ${errno}: ${status}, ${stderr}`
        expect(status === 0 ? await isNew(folder, command) : [1, 2, 4].includes(status ?? 0), what).toBe(true)
        expect(stderr, what).not.toContain("fault in ts-age-yk")
        if (status !== 0) {
          const isOld = readFileSync(join(folder, file)).equals(before())
          if (isOld) expect(stderr, what).not.toContain("was replaced")
          else expect(await isNew(folder, command), what).toBe(true)
          if (!isOld) expect(stderr, what).toContain("was replaced")
          expect(stderr, what).toMatch(/secrets\/a\.yaml|plain\.yaml|out|\.sops\.yaml/)
          expect(stderr, what).toContain("hint: ")
        }
        // What was typed is not lost either; it is encrypted.
        expect(
          leftIn(folder).filter((path) => path !== `${file}.edited.age`),
          what,
        ).toEqual([])
      }
  })
})

describe("a ceremony", () => {
  const args = ["host", "remove", "other", "--yes"]
  const files = [".sops.yaml", "secrets/a.yaml", "secrets/b.yaml"]
  const journal = (folder: string): boolean => existsSync(join(folder, ".ts-age-yk", "journal.json"))

  /** The template with files that the host can read. */
  function prepared(): string {
    const folder = freshCopy("ceremony")
    for (const file of files.slice(1)) cpSync(join(encrypted, file), join(folder, file))
    return folder
  }
  const encrypted = join(place, "encrypted")

  /** All files are as they were, or all are new. */
  async function state(folder: string): Promise<"old" | "new" | "mixed"> {
    const old = files.filter((file) => readFileSync(join(folder, file)).equals(readFileSync(join(encrypted, file))))
    if (old.length === files.length) return "old"
    const texts = await Promise.all(files.slice(1).map((file) => plaintextOf(folder, file, keys)))
    const whole =
      texts.every((text) => text === oldText) && !readFileSync(join(folder, ".sops.yaml"), "utf8").includes("other")
    return old.length === 0 && whole ? "new" : "mixed"
  }

  beforeAll(() => {
    cpSync(template, encrypted, { recursive: true })
    expect(run(encrypted, ["updatekeys", "--yes", ...files.slice(1)])).toMatchObject({ status: 0 })
  })

  it("is all-old or all-new when it is killed, at each of its calls, after resume and after abort", {
    timeout: 300_000,
  }, async () => {
    expect(run(prepared(), args)).toMatchObject({ status: 0 })
    const count = calls().length
    const step = all ? 1 : 3
    for (let at = 1; at <= count; at += step) {
      const folder = prepared()
      expect(run(folder, args, { at })).toMatchObject({ status: null })
      const wish = at % 2 === 0 ? "resume" : "abort"
      const wasHalf = journal(folder)
      if (wasHalf) expect(run(folder, ["rekey", wish]), `${wish} after call ${at}`).toMatchObject({ status: 0 })
      expect(await state(folder), `${wish} after call ${at}`).not.toBe("mixed")
      if (wasHalf) expect(leftIn(folder).filter((path) => path !== ".sops-ceremonies.jsonl")).toEqual([])
    }
  })

  it("is all-old when a call fails, or says that it is to be resumed", { timeout: 300_000 }, async () => {
    run(prepared(), args)
    for (const [index, { name: call, path }] of calls().entries())
      for (const errno of errorsOf(call)) {
        const folder = prepared()
        const { status, stderr } = run(folder, args, { at: index + 1, errno })
        const what = `call ${index + 1}, ${call} ${basename(path)}, fails with ${errno}: ${status}, ${stderr}`
        expect(stderr, what).not.toContain("fault in ts-age-yk")
        if (status !== 0 && journal(folder)) expect(run(folder, ["rekey", "resume"]), what).toMatchObject({ status: 0 })
        else expect(await state(folder), what).toBe(status === 0 ? "new" : "old")
        expect(await state(folder), what).not.toBe("mixed")
        // An empty folder is no harm where it cannot be removed.
        const harmless = [".sops-ceremonies.jsonl", ...(call === "rmdir" ? [".ts-age-yk"] : [])]
        expect(
          leftIn(folder).filter((path) => !harmless.includes(path)),
          what,
        ).toEqual([])
      }
  })
})
