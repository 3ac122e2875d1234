/** git's own merge, rebase and diff, with ts-age-yk as their driver. */
import { execFileSync, spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { delimiter, join } from "node:path"
import { fileURLToPath } from "node:url"
import { generateX25519Identity, identityToRecipient } from "age-encryption"
import { afterEach, beforeEach, describe, expect, it } from "vitest"

let folder: string
let repository: string
let env: Record<string, string>

/** Runs a program in the repository. */
function run(program: string, args: readonly string[], more: Record<string, string> = {}) {
  const { status, stdout, stderr } = spawnSync(program, args, {
    cwd: repository,
    env: { ...env, ...more },
    encoding: "utf8",
    timeout: 30_000,
  })
  return { status, stdout, stderr }
}

const git = (...args: string[]) => run("git", args)
const set = (file: string, path: string, value: string): void => {
  expect(run("ts-age-yk", ["set", file, path, value])).toMatchObject({ status: 0 })
}
const plain = (file: string): string => run("ts-age-yk", ["decrypt", file]).stdout
const text = (file: string): string => readFileSync(join(repository, file), "utf8")
const commit = (message: string): void => {
  expect(git("commit", "--quiet", "--all", "-m", message)).toMatchObject({ status: 0 })
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "git-driver-"))
  repository = join(folder, "r")
  const programs = join(folder, "bin")
  for (const name of [repository, programs]) mkdirSync(name)
  symlinkSync(fileURLToPath(new URL("../../dist/cli.js", import.meta.url)), join(programs, "ts-age-yk"))
  const identity = await generateX25519Identity()
  env = {
    PATH: [programs, process.env["PATH"]].join(delimiter),
    HOME: folder,
    SOPS_AGE_KEY: identity,
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_EDITOR: "true",
  }
  for (const [key, value] of [
    ["user.name", "Test Person"],
    ["user.email", "test@example.org"],
    ["init.defaultBranch", "main"],
  ] as const)
    execFileSync("git", ["config", "--global", key, value], { env })
  git("init", "--quiet")
  writeFileSync(join(repository, ".sops.yaml"), `creation_rules:\n  - age: ${await identityToRecipient(identity)}\n`)
  writeFileSync(join(repository, "s.yaml"), "a: plain-a\nb: plain-b\n")
  writeFileSync(join(repository, "note.yaml"), "1\n2\n3\n")
  expect(run("ts-age-yk", ["encrypt", "--in-place", "s.yaml"])).toMatchObject({ status: 0 })
  expect(run("ts-age-yk", ["git", "install", "*.yaml"])).toMatchObject({ status: 0 })
  git("add", ".")
  commit("base")
})

afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** Two branches, `theirs` and `main`, which is checked out. */
function branches(theirs: () => void, ours: () => void): void {
  git("switch", "--quiet", "--create", "theirs")
  theirs()
  commit("theirs")
  git("switch", "--quiet", "main")
  ours()
  commit("ours")
}

/** Every file below a folder that has a text in it, also where git packed it. */
function filesWith(pattern: string): string[] {
  const objects = git("cat-file", "--batch-all-objects", "--batch").stdout
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  const names = files.map((entry) => join(entry.parentPath, entry.name))
  return [
    ...(objects.includes(pattern) ? ["objects"] : []),
    ...names.filter((name) => readFileSync(name).includes(pattern)),
  ]
}

describe("git merge and git rebase", () => {
  it.each([
    { how: ["merge", "--no-edit", "theirs"], merged: "a: new-a\nb: new-b\nc: new-c\n" },
    { how: ["rebase", "--quiet", "theirs"], merged: "a: new-a\nb: new-b\nc: new-c\n" },
  ])("$how bring together what was changed beside each other", ({ how, merged }) => {
    branches(
      () => {
        set("s.yaml", '["b"]', '"new-b"')
        set("s.yaml", '["c"]', '"new-c"')
      },
      () => set("s.yaml", '["a"]', '"new-a"'),
    )
    expect(git(...how)).toMatchObject({ status: 0 })
    expect(git("status", "--porcelain").stdout).toBe("")
    expect(plain("s.yaml")).toBe(merged)
  })

  it("stop at what both changed, with our side in the file, and say where; no plaintext gets anywhere", () => {
    branches(
      () => {
        set("s.yaml", '["a"]', '"their-secret"')
        set("s.yaml", '["b"]', '"new-b"')
      },
      () => set("s.yaml", '["a"]', '"our-secret"'),
    )
    const { status, stderr } = git("merge", "theirs")
    expect(status).toBe(1)
    expect(stderr).toContain('s.yaml: both sides changed, each in its own way:\n  ["a"]: changed by both\n')
    expect(stderr).not.toMatch(/(their|our)-secret/)
    expect(git("status", "--porcelain").stdout).toBe("UU s.yaml\n")
    expect(text("s.yaml")).not.toContain("<<<<")
    expect(plain("s.yaml")).toBe("a: our-secret\nb: new-b\n")
    for (const secret of ["their-secret", "our-secret", "plain-a"]) expect(filesWith(secret)).toEqual([])
    set("s.yaml", '["a"]', '"both"')
    git("add", "s.yaml")
    commit("merged")
    expect(plain("s.yaml")).toBe("a: both\nb: new-b\n")
  })

  it("bring together files that each side made", () => {
    const make = (key: string) => () => {
      writeFileSync(join(repository, "new.yaml"), `${key}: 1\n`)
      expect(run("ts-age-yk", ["encrypt", "--in-place", "new.yaml"])).toMatchObject({ status: 0 })
      git("add", "new.yaml")
    }
    branches(make("t"), make("o"))
    expect(git("merge", "--no-edit", "theirs")).toMatchObject({ status: 0 })
    expect(plain("new.yaml")).toBe("o: 1\nt: 1\n")
  })

  it("open all three versions with a YubiKey where nothing else does, for one PIN", () => {
    run("ts-age-yk", [
      "virtual",
      "new",
      folder,
      "--cards",
      fileURLToPath(new URL("../vectors/yubikey/cards.json", import.meta.url)),
    ])
    const card = {
      TS_AGE_YK_READER: `virtual:${join(folder, "27205443.json")}`,
      TS_AGE_YK_PIN_COMMAND: `echo asked >> ${join(folder, "asked")}; echo 123456`,
    }
    const recipient = /^age1\w+$/m.exec(run("ts-age-yk", ["identities", "--recipients"], card).stdout)?.[0] ?? ""
    const software = /age1\w+/.exec(text(".sops.yaml"))?.[0] ?? ""
    writeFileSync(join(repository, ".sops.yaml"), `creation_rules:\n  - age: ${software},${recipient}\n`)
    expect(run("ts-age-yk", ["updatekeys", "--yes", "s.yaml"])).toMatchObject({ status: 0 })
    commit("a YubiKey")
    branches(
      () => set("s.yaml", '["a"]', '"new-a"'),
      () => {
        expect(run("ts-age-yk", ["rotate", "s.yaml"])).toMatchObject({ status: 0 })
        set("s.yaml", '["b"]', '"new-b"')
      },
    )
    const merged = run("git", ["merge", "--no-edit", "theirs"], { ...card, SOPS_AGE_KEY: "" })
    expect(merged, merged.stderr).toMatchObject({ status: 0 })
    expect(plain("s.yaml")).toBe("a: new-a\nb: new-b\n")
    expect(readFileSync(join(folder, "asked"), "utf8")).toBe("asked\n")
  })

  it("merge files that are not encrypted as git does", () => {
    branches(
      () => writeFileSync(join(repository, "note.yaml"), "1\n2\n3t\n"),
      () => writeFileSync(join(repository, "note.yaml"), "1o\n2\n3\n"),
    )
    git("merge", "--no-edit", "theirs")
    expect(text("note.yaml")).toBe("1o\n2\n3t\n")
  })

  it("leave our file as it is where no key is at hand, or one side is not encrypted", () => {
    branches(
      () => set("s.yaml", '["a"]', '"t"'),
      () => set("s.yaml", '["a"]', '"o"'),
    )
    const before = text("s.yaml")
    env = { ...env, SOPS_AGE_KEY: "" }
    const { status, stderr } = git("merge", "theirs")
    expect(status).toBe(1)
    expect(stderr).toContain("s.yaml (ours): none of the identities at hand opens the data key")
    expect(text("s.yaml")).toBe(before)
    git("merge", "--abort")
    writeFileSync(join(repository, "s.yaml"), "a: o\n")
    commit("plain")
    expect(git("merge", "theirs").stderr).toContain("not all of its versions are encrypted: ours is not")
    expect(text("s.yaml")).toBe("a: o\n")
  })

  it("say which side is not what was encrypted, or is empty", () => {
    const damaged = (): string =>
      text("s.yaml").replace(/mac: ENC\[AES256_GCM,data:..../, "mac: ENC[AES256_GCM,data:AAAA")
    branches(
      () => writeFileSync(join(repository, "s.yaml"), damaged()),
      () => set("s.yaml", '["a"]', '"o"'),
    )
    expect(git("merge", "theirs").stderr).toContain("s.yaml (theirs): the MAC does not decrypt")
    git("merge", "--abort")
    git("switch", "--quiet", "theirs")
    writeFileSync(join(repository, "s.yaml"), "")
    commit("empty")
    git("switch", "--quiet", "main")
    expect(git("merge", "theirs").stderr).toContain("s.yaml (theirs): the file is empty")
  })
})

describe("git diff", () => {
  it("shows what changed, decrypted, and keeps nothing of it", () => {
    set("s.yaml", '["a"]', '"new-a"')
    const { status, stdout, stderr } = git("diff")
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" })
    expect(stdout.split("\n").filter((line) => /^[+-][^+-]/.test(line))).toEqual(["-a: plain-a", "+a: new-a"])
    expect(filesWith("plain-a")).toEqual([])
  })

  it("shows a file as it is where it cannot be opened, and says so", () => {
    set("s.yaml", '["a"]', '"new-a"')
    env = { ...env, SOPS_AGE_KEY: "" }
    const { status, stdout, stderr } = git("diff")
    expect(status).toBe(0)
    expect(stdout).toContain("+a: ENC[")
    expect(stderr).toContain("shown as it is")
  })
})

describe("git install", () => {
  it("is the same when it is run again, and keeps what stands in .gitattributes", () => {
    writeFileSync(join(repository, ".gitattributes"), "*.png binary")
    const config = text(".git/config")
    expect(run("ts-age-yk", ["git", "install", "*.yaml", "a b/*"])).toMatchObject({ status: 0 })
    expect(run("ts-age-yk", ["git", "install", "*.yaml"])).toMatchObject({ status: 0, stderr: "" })
    expect(text(".gitattributes")).toBe('*.png binary\n*.yaml diff=sops merge=sops\n"a b/*" diff=sops merge=sops\n')
    expect(text(".git/config")).toBe(config)
    expect(git("check-attr", "merge", "a b/c").stdout).toBe("a b/c: merge: sops\n")
  })

  it("refuses a pattern that git would pass over", () => {
    const { status, stderr } = run("ts-age-yk", ["git", "install", "!x"])
    expect(status).toBe(2)
    expect(stderr).toContain("begin with !")
    expect(text(".gitattributes")).not.toContain("!")
  })

  it("refuses where git would keep the plaintext", () => {
    git("config", "diff.sops.cachetextconv", "true")
    const { status, stderr } = run("ts-age-yk", ["git", "install"])
    expect(status).toBe(2)
    expect(stderr).toContain("git would keep the plaintext in refs/notes/textconv/sops")
  })
})
