import { mkdirSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { isOwnFile } from "../../src/ceremony/own-files.ts"
import { readRepository } from "../../src/ceremony/repository.ts"
import { vectorRepository } from "./repository.ts"

const own = [
  ".sops.yaml",
  "nested/.sops.yaml",
  ".ts-age-yk.yaml",
  ".sops-ceremonies.jsonl",
  ".sops-exposure.yaml",
  ".sops-attestations/13078778-82.pem",
  ".ts-age-yk/journal.json",
  "secrets/.app0.yaml.0123456789ab.tmp",
  ".app0.yaml.0123456789ab.rekey-new",
  "secrets/.app0.yaml.0123456789ab.rekey-old",
]

describe("a file of the ceremonies' own", () => {
  it.each(own)("is %s", (path) => {
    expect(isOwnFile(path)).toBe(true)
  })

  it.each(["secrets/app0.yaml", "sops.yaml", "x.tmp", ".x.0123.tmp", "secrets/a.0123456789ab.tmp"])(
    "is not %s",
    (path) => {
      expect(isOwnFile(path)).toBe(false)
    },
  )

  it("is no secret, even where a rule is for every path", async () => {
    using repository = vectorRepository()
    repository.edit((text) => text.replace("creation_rules:", "creation_rules:\n  - path_regex: .*\n    age: *lena"))
    const before = (await readRepository(repository.root)).files.map(({ path }) => path)
    for (const path of own.filter((name) => !name.endsWith("sops.yaml") && !name.endsWith("-yk.yaml"))) {
      mkdirSync(join(repository.root, path, ".."), { recursive: true })
      writeFileSync(join(repository.root, path), "")
    }
    expect((await readRepository(repository.root)).files.map(({ path }) => path)).toEqual(before)
  })
})

describe("a symbolic link", () => {
  it("is left alone, whether it leads out of the repository or to a file in it, and so is a folder that is one", async () => {
    using repository = vectorRepository()
    const before = (await readRepository(repository.root)).files.map(({ path }) => path)
    symlinkSync("app0.yaml", join(repository.root, "secrets/inside.yaml"))
    symlinkSync("/etc/hostname", join(repository.root, "secrets/outside.yaml"))
    symlinkSync("/etc", join(repository.root, "secrets/folder"))
    expect((await readRepository(repository.root)).files.map(({ path }) => path)).toEqual(before)
  })
})
