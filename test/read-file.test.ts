import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, it } from "vitest"
import { listIfThere, readText, readTextIfThere } from "../src/read-file.ts"
import { ReadFailed } from "../src/replace-file.ts"

const folder = mkdtempSync(join(tmpdir(), "ts-age-yk-read-"))
writeFileSync(join(folder, "file"), "text")
mkdirSync(join(folder, "folder"))
afterAll(() => rmSync(folder, { recursive: true }))

describe("a file that need not be there", () => {
  it.each(["missing", "file/below"])("is null as %s", async (name) => {
    expect(await readTextIfThere(join(folder, name))).toBeNull()
  })

  it("is its text where it is", async () => {
    expect(await readTextIfThere(join(folder, "file"))).toBe("text")
  })

  it("is a failure that names it where it is and cannot be read, not a file that is not there", async () => {
    const path = join(folder, "folder")
    await expect(readTextIfThere(path)).rejects.toMatchObject({ code: "read-failed", where: { file: path } })
  })
})

describe("a file that must be there", () => {
  it("is a failure that names it where it is not", async () => {
    await expect(readText(join(folder, "missing"))).rejects.toBeInstanceOf(ReadFailed)
  })
})

describe("a folder that need not be there", () => {
  it.each([
    ["missing", []],
    [".", ["file", "folder"]],
  ])("lists %s", async (name, names) => {
    expect((await listIfThere(join(folder, name))).sort()).toEqual(names)
  })
})
