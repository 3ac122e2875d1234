/** What commands that change files in place make of links: symbolic ones, and hard ones. */
import { linkSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { X25519Identity } from "../../src/age/x25519.ts"
import { type Ran, run } from "../ceremony/commands.ts"

const key = X25519Identity.generate()
const secret = join("repo", "secrets", "x.yaml")
let place = ""

const text = (path: string): string => readFileSync(join(place, path), "utf8")
const ours = (folder: string, ...args: string[]): Promise<Ran> =>
  run({ root: join(place, folder) }, args, { SOPS_AGE_KEY: key.revealText(), SOPS_EDITOR: "sed -i s/old/new/" })

beforeEach(async () => {
  place = mkdtempSync(join(tmpdir(), "ts-age-yk-inside-"))
  for (const folder of ["repo/secrets", "repo/.git", "elsewhere"]) mkdirSync(join(place, folder), { recursive: true })
  writeFileSync(join(place, "repo/.sops.yaml"), `creation_rules:\n  - age: ${key.recipient.text}\n`)
  writeFileSync(join(place, secret), "a: old\n")
  await ours("repo", "encrypt", "--in-place", "secrets/x.yaml")
  writeFileSync(join(place, "elsewhere/x.yaml"), text(secret))
  writeFileSync(join(place, "elsewhere/plain.yaml"), "a: old\n")
})

afterEach(() => rmSync(place, { recursive: true }))

const commands: readonly { words: readonly string[] }[] = [
  ["set", "FILE", '["a"]', '"new"'],
  ["unset", "FILE", '["a"]'],
  ["edit", "FILE"],
  ["rotate", "FILE"],
  ["updatekeys", "--yes", "FILE"],
  ["decrypt", "--in-place", "FILE"],
].map((words) => ({ words }))
const on = (command: readonly string[], path: string): string[] =>
  command.map((word) => (word === "FILE" ? path : word))

describe("a link that leads out of the repository", () => {
  it.each(commands)("is refused, and names both files: $words", async ({ words: command }) => {
    symlinkSync("../../elsewhere/x.yaml", join(place, "repo/secrets/link.yaml"))
    const before = text("elsewhere/x.yaml")
    const { status, stderr } = await ours("repo", ...on(command, "secrets/link.yaml"))
    expect(status).toBe(1)
    expect(stderr).toContain("secrets/link.yaml: is a link out of the repository")
    expect(stderr).toContain(join(place, "elsewhere/x.yaml"))
    expect(text("elsewhere/x.yaml")).toBe(before)
  })

  it("is refused where a folder on the way is the link, where nothing is there yet, and for plain text", async () => {
    symlinkSync("../elsewhere", join(place, "repo/outside"))
    expect((await ours("repo", "set", "outside/x.yaml", '["a"]', "1")).stderr).toContain("is a link out")
    expect((await ours("repo", "edit", "outside/new.yaml")).stderr).toContain("is a link out")
    expect((await ours("repo", "encrypt", "--in-place", "outside/plain.yaml")).stderr).toContain("is a link out")
    expect(text("elsewhere/plain.yaml")).toBe("a: old\n")
  })

  it("is no matter where the file itself is named, nor for who asks for output there", async () => {
    symlinkSync("../elsewhere/out", join(place, "repo/out"))
    expect((await ours("repo", "decrypt", "-o", "out", "secrets/x.yaml")).status).toBe(0)
    expect(text("elsewhere/out")).toBe("a: old\n")
    expect((await ours("repo", "set", "../elsewhere/x.yaml", '["a"]', '"new"')).status).toBe(0)
  })
})

describe("a link in the repository, or in none", () => {
  it.each(commands)("stays, and what it leads to is changed: $words", async ({ words: command }) => {
    symlinkSync("x.yaml", join(place, "repo/secrets/link.yaml"))
    const before = text(secret)
    const updates = command[0] === "updatekeys"
    if (updates) {
      const config = join(place, "repo/.sops.yaml")
      writeFileSync(config, readFileSync(config, "utf8").trimEnd() + `,${X25519Identity.generate().recipient.text}\n`)
    }
    expect((await ours("repo", ...on(command, "secrets/link.yaml"))).status).toBe(0)
    expect(lstatSync(join(place, "repo/secrets/link.yaml")).isSymbolicLink()).toBe(true)
    expect(text(secret)).not.toBe(before)
  })

  it("is followed anywhere from where no repository is", async () => {
    symlinkSync(join(place, secret), join(place, "elsewhere/link.yaml"))
    const before = text(secret)
    expect((await ours("elsewhere", "set", "link.yaml", '["a"]', '"new"')).status).toBe(0)
    expect(text(secret)).not.toBe(before)
  })

  it("may be the repository itself", async () => {
    symlinkSync("repo", join(place, "alias"))
    expect((await ours("elsewhere", "set", join(place, "alias/secrets/x.yaml"), '["a"]', '"new"')).status).toBe(0)
  })
})

describe("a file with several names", () => {
  it("is replaced under the one that was given, and a warning says that the others have the old one", async () => {
    linkSync(join(place, secret), join(place, "repo/secrets/other.yaml"))
    const before = text(secret)
    const { status, stderr } = await ours("repo", "set", "secrets/x.yaml", '["a"]', '"new"')
    expect(status).toBe(0)
    expect(stderr).toContain("secrets/x.yaml was one of 2 names (hard links) of a file; the others have the old one")
    expect(text("repo/secrets/other.yaml")).toBe(before)
    expect((await ours("repo", "set", "secrets/x.yaml", '["a"]', '"newer"')).stderr).toBe("")
  })
})
