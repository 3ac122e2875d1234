/** The command as a person or CI runs it; docs/audit.md shows more of it. */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { run } from "./commands.ts"
import { vectorRepository } from "./repository.ts"
import { SopsHistory } from "./sops-history.ts"

const withoutLena = (text: string): string =>
  text
    .split("\n")
    .filter((line) => !line.includes("lena"))
    .join("\n")

async function lenaIsGone(): Promise<SopsHistory> {
  const history = new SopsHistory()
  history.config({ "secrets/.*": ["admin", "lena"] })
  await history.encrypt("secrets/a.yaml", "user: somebody\npassword: correct horse\n", ["admin", "lena"])
  history.commit("begin")
  history.config({ "secrets/.*": ["admin"] })
  await history.rotate("secrets/a.yaml", ["admin"])
  history.commit("remove lena")
  return history
}

describe("audit", () => {
  it("exits with 0 where all is as it should be, and with 3 where it is not", async () => {
    using repository = vectorRepository()
    expect(await run(repository, ["audit"])).toMatchObject({ status: 0, stderr: "" })
    repository.edit(withoutLena)
    const { status, stdout } = await run(repository, ["audit"])
    expect(status).toBe(3)
    expect(stdout).toContain("drift: 12 of 16 files")
    expect(stdout).toMatch(/secrets\/app0\.yaml +x {2}- {2}x/)
  })

  it("looks at a commit as it was, whatever the work tree is", async () => {
    using repository = vectorRepository()
    repository.edit(withoutLena)
    const { status, stdout } = await run(repository, ["audit", "--at", "HEAD", "--json"])
    expect(status).toBe(0)
    const document = JSON.parse(stdout) as Record<string, unknown>
    expect(document).toMatchObject({ due: false, ledger: { open: 0, commits: 1 } })
    expect(document["at"]).toMatch(/^[0-9a-f]{40}$/)
    expect((await run(repository, ["audit", "--at", "no-such"])).stderr).toContain('git knows no commit "no-such"')
  })

  it("says the same of a commit as of a work tree that is as it", async () => {
    using repository = vectorRepository()
    const [here, there] = [await run(repository, ["audit"]), await run(repository, ["audit", "--at", "HEAD"])]
    expect(there).toEqual(here)
  })

  it("is about the paths that are asked for, by their names in the folder one is in", async () => {
    using repository = vectorRepository()
    const { stdout } = await run(repository, ["audit", "--json", "secrets/quorum", "secrets/app0.yaml"])
    const paths = [...stdout.matchAll(/"path": "(secrets[^"]*)"/g)].map((match) => match[1])
    expect(paths).toEqual(["secrets/app0.yaml", "secrets/quorum/root.json", "secrets/quorum/root.yaml"])
  })

  it("writes one document with every field that docs/audit.md names", async () => {
    using repository = vectorRepository()
    repository.edit(withoutLena)
    const { stdout } = await run(repository, ["audit", "--json"])
    const documented = readFileSync(new URL("../../docs/audit.md", import.meta.url), "utf8").split("## The document")[1]
    const names = new Set<string>()
    JSON.parse(stdout, (key, value: unknown) => {
      if (!/^\d*$/.test(key)) names.add(key)
      return value
    })
    for (const name of names) expect(documented, name).toContain(name)
  })

  it("writes a page instead of the text, and nothing when there is nobody to tell", async () => {
    using repository = vectorRepository()
    const outcome = await run(repository, ["audit", "--html", "page.html"])
    expect(outcome).toEqual({ status: 0, stdout: "", stderr: "" })
    expect(readFileSync(join(repository.root, "page.html"), "utf8")).toMatch(/^<!doctype html>\n<html lang="en">/)
  })

  it("holds a host's manifest against what it can read", async () => {
    using repository = vectorRepository()
    const secrets = [{ name: "user", sopsFile: "secrets/app0.yaml", key: "user", format: "yaml" }]
    writeFileSync(join(repository.root, "m.json"), JSON.stringify({ secrets }))
    const { stdout } = await run(repository, ["audit", "--manifest", "lena=m.json", "secrets/app0.yaml"])
    expect(stdout).toContain("host lena: needs 1 secret in 1 file, and can read 42 values in 12 files besides\n")
    expect(stdout).toContain('  secrets/app0.yaml: ["password"], ["n"]\n')
    writeFileSync(join(repository.root, "m.json"), "{}")
    expect(await run(repository, ["audit", "--manifest", "lena=m.json"])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("m.json: it has no list of secrets") as string,
    })
  })

  it("warns of what means nothing in the configuration", async () => {
    using repository = vectorRepository()
    repository.edit((text) =>
      text.replace("creation_rules:\n", "creation_rules:\n  - path_regexp: x\n    age: age1x\n"),
    )
    expect((await run(repository, ["audit"])).stderr).toContain(
      'line 16: "path_regexp" in creation_rules[0] means nothing',
    )
  })

  it("does without git, but for the past", async () => {
    using repository = vectorRepository()
    rmSync(join(repository.root, ".git"), { recursive: true })
    const { status, stdout } = await run(repository, ["audit"])
    expect([status, stdout.split("\n").at(-2)]).toEqual([0, "exposure: unknown, since git has no history here"])
    expect(await run(repository, ["audit", "--at", "HEAD"])).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("not a git repository") as string,
    })
  })

  it("shows no secret and asks for none", async () => {
    using history = await lenaIsGone()
    const { stdout, stderr } = await run(history, ["audit"], {})
    expect(stdout + stderr).not.toContain("correct horse")
  })
})

describe("audit rotated and audit waive", () => {
  it("close what they name, and rekey status shows what is left", async () => {
    using history = await lenaIsGone()
    const key = history.key("lena")
    expect((await run(history, ["rekey", "status"])).stdout).toContain("exposure: lena could read 2 values in 1 file")
    expect(await run(history, ["audit", "rotated", "secrets/a.yaml", '["password"]', "--key", "lena"])).toMatchObject({
      status: 0,
      stdout: "1 value rotated, in .sops-exposure.yaml\n",
    })
    expect((await run(history, ["rekey", "status"])).stdout).toContain("lena could read 1 value in 1 file")
    const waive = ["audit", "waive", "--key", key, "--reason", "a test"]
    expect(await run(history, waive)).toMatchObject({ status: 0, stdout: "1 value waived, in .sops-exposure.yaml\n" })
    expect((await run(history, ["rekey", "status"])).stdout).toBe("no ceremony stands half done\n")
    expect((await run(history, ["audit"])).stdout).toContain(
      "exposure: 0 open, 1 rotated, 1 waived; 2 commits looked at",
    )
    expect(await run(history, waive)).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("no open value") as string,
    })
  })

  it.each([
    { args: ["waive", "--reason", "x"], status: 2, says: "which values? name a file, or a key with --key" },
    { args: ["waive", "secrets/a.yaml", "--reason", " "], status: 2, says: "a reason is wanted" },
    { args: ["rotated", "--key", "nobody"], status: 2, says: 'no key is, or was, called "nobody"' },
    { args: ["rotated", "secrets/b.yaml"], status: 1, says: "the ledger has no open value that fits" },
    { args: ["rotated", "secrets/a.yaml", '["x"'], status: 2, says: "a step does not end with a bracket" },
  ])("are refused, and write nothing: $says", async ({ args, status, says }) => {
    using history = await lenaIsGone()
    const outcome = await run(history, ["audit", ...args])
    expect(outcome).toMatchObject({ status, stderr: expect.stringContaining(says) as string })
    expect(existsSync(join(history.root, ".sops-exposure.yaml"))).toBe(false)
  })

  it("call nothing rotated that the key still reads", async () => {
    using history = new SopsHistory()
    history.config({ "secrets/.*": ["admin", "lena"] })
    await history.encrypt("secrets/a.yaml", "password: correct horse\n", ["admin", "lena"])
    history.commit("begin")
    history.config({ "secrets/.*": ["admin"] })
    const outcome = await run(history, ["audit", "rotated", "--key", "lena"])
    expect(outcome).toMatchObject({ status: 1, stderr: expect.stringContaining("first ts-age-yk rekey") as string })
  })

  it("are told of a file of marks that cannot be read", async () => {
    using history = await lenaIsGone()
    history.write(".sops-exposure.yaml", "marks:\n  - nonsense: 1\n")
    expect(await run(history, ["audit"])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('.sops-exposure.yaml, line 2: "nonsense" is not known') as string,
    })
  })
})
