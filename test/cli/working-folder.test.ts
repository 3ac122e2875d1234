import { mkdtempSync, rmSync, symlinkSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { workingFolder } from "../../src/cli/working-folder.ts"

let place: string
let link: string

beforeAll(() => {
  place = mkdtempSync(join(tmpdir(), "working-folder-"))
  link = join(place, "link")
  symlinkSync(process.cwd(), link)
})
afterAll(() => rmSync(place, { recursive: true }))

describe("the working folder", () => {
  const folder = (PWD: string | undefined, platform: NodeJS.Platform = "linux"): string =>
    workingFolder({ env: { PWD }, platform })

  it("is called as the shell calls it, where that leads to it", () => {
    expect(folder(link)).toBe(link)
    expect(folder(`${link}/`)).toBe(link)
    expect(folder(process.cwd())).toBe(process.cwd())
  })

  it("is not another one, whatever a program left in PWD", () => {
    for (const name of [undefined, "", ".", place, join(place, "gone"), "/dev/null/x"])
      expect(folder(name)).toBe(process.cwd())
    expect(folder(link, "win32")).toBe(process.cwd())
  })
})
