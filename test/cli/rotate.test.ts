/** `rotate`: who is told what. */
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { SopsFolder } from "./sops-run.ts"

let folder: SopsFolder

beforeEach(async () => {
  folder = new SopsFolder()
  expect((await folder.run(["encrypt", "--in-place", "s.yaml"])).status).toBe(0)
})

afterEach(() => folder[Symbol.dispose]())

describe("rotate", () => {
  it("warns that whom it should remove was not there, and refuses what is no recipient", async () => {
    const absent = await folder.run(["rotate", "s.yaml", "--rm-age", folder.recipient(1)])
    expect(absent.status).toBe(0)
    expect(absent.err).toContain(`was not encrypted to ${folder.recipient(1)}`)
    const before = folder.text("s.yaml")
    expect((await folder.run(["rotate", "s.yaml", "--rm-age", "age1typo"])).status).toBe(2)
    expect(folder.text("s.yaml")).toBe(before)
  })

  it("says that nobody would be left", async () => {
    const { status, err } = await folder.run(["rotate", "s.yaml", "--rm-age", folder.recipient(0)])
    expect(status).toBe(2)
    expect(err).toContain("nobody would be left")
    expect(err).toContain("--add-age")
  })

  it("takes recipients from the rule or from the command line, not from both", async () => {
    const args = ["rotate", "--to-config", "--add-age", folder.recipient(1), "s.yaml"]
    expect((await folder.run(args)).err).toContain("--to-config")
    expect(folder.text("s.yaml")).not.toContain(folder.recipient(1))
  })
})
