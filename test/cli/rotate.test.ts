/** `rotate`: who is told what. */
import { readdirSync } from "node:fs"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { plain, SopsFolder } from "./sops-run.ts"

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

  it("removes an SSH key by what it is, whatever its comment, and who is added in the same run", async () => {
    const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIO/n4tVBYkpTfUIy6nk9M3WOpcC23dWEJw0qVd7i7OXj"
    expect((await folder.run(["rotate", "s.yaml", "--add-age", `${key} me@host`])).status).toBe(0)
    expect(folder.text("s.yaml")).toContain(`${key} me@host`)
    expect((await folder.run(["rotate", "s.yaml", "--rm-age", key])).status).toBe(0)
    expect(folder.text("s.yaml")).not.toContain(key)
    const [mine, other] = [folder.recipient(0), folder.recipient(1)]
    expect((await folder.run(["rotate", "s.yaml", "--add-age", other, "--rm-age", other])).status).toBe(0)
    expect(folder.text("s.yaml").match(/recipient: \S+/g)).toEqual([`recipient: ${mine}`])
  })

  it.each([
    { command: ["rotate"], said: "new data key" },
    { command: ["updatekeys", "--yes"], said: "keys updated" },
  ])(
    "ends $command with what it has begun to write, where a later file cannot be opened",
    async ({ command, said }) => {
      const other = folder.recipient(1)
      folder.write("o.yaml", plain)
      expect((await folder.run(["encrypt", "--in-place", "-r", other, "o.yaml"])).status).toBe(0)
      folder.write(".sops.yaml", `creation_rules:\n  - age: "${folder.recipient(0)},${other}"\n`)
      const before = folder.text("s.yaml")
      const { status, err } = await folder.run([...command, "s.yaml", "o.yaml"])
      expect({ status, told: err.includes(`s.yaml: ${said}`) }).toEqual({ status: 4, told: true })
      expect(folder.text("s.yaml")).not.toBe(before)
      expect(readdirSync(folder.path).filter((name) => name.endsWith(".tmp"))).toEqual([])
    },
  )

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
