/** `ts-age-yk sops` with command lines as scripts, editors and people at night have them. */
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { type Given, plain, type Ran, SopsFolder } from "./sops-run.ts"

let folder: SopsFolder

beforeEach(async () => {
  folder = new SopsFolder()
  expect((await sops(["-e", "-i", "s.yaml"])).status).toBe(0)
})

afterEach(() => folder[Symbol.dispose]())

function sops(args: readonly string[], given: Given = {}): Promise<Ran> {
  return folder.run(["sops", ...args], given)
}

describe("flags", () => {
  it.each([
    { what: "a double dash", args: ["-d", "--", "s.yaml"] },
    { what: "truth values", args: ["--decrypt=true", "--ignore-mac=false", "s.yaml"] },
    { what: "the local key service", args: ["-d", "--enable-local-keyservice", "s.yaml"] },
    { what: "the local key service, with a value", args: ["-d", "--enable-local-keyservice=true", "s.yaml"] },
    { what: "an order of keys", args: ["decrypt", "--decryption-order", "age,pgp", "s.yaml"] },
    { what: "keys of other kinds that are empty", args: ["-d", "--pgp", "", "--kms=", "-k", "", "s.yaml"] },
    { what: "how KMS keys would be used", args: ["-d", "--aws-profile", "x", "--encryption-context", "a:b", "s.yaml"] },
    { what: "types that sops does not know", args: ["-d", "--input-type", "yml", "--output-type", "yml", "s.yaml"] },
    { what: "empty values", args: ["--config", "", "-d", "--output", "", "--extract", "", "s.yaml"] },
  ])("that need nothing of us are taken: $what", async ({ args }) => {
    expect(await sops(args)).toMatchObject({ status: 0, out: plain })
  })

  it.each([
    { what: "keys of other kinds", args: ["-d", "--pgp", "ABCD", "s.yaml"] },
    { what: "key services alone", args: ["-d", "--enable-local-keyservice=false", "s.yaml"] },
    { what: "a key service", args: ["-d", "--keyservice", "tcp://x", "s.yaml"] },
    { what: "another process", args: ["exec-env", "--same-process", "s.yaml", "true"] },
    { what: "a truth value that is none", args: ["--decrypt=perhaps", "s.yaml"] },
  ])("that would need more are refused by name: $what", async ({ args }) => {
    const { status, err } = await sops(args)
    expect(status).toBe(1)
    expect(err).toMatch(/--(pgp|keyservice|enable-local-keyservice|same-process|decrypt)/)
  })

  it.each([
    ["-Q"],
    ["--no-such-flag", "s.yaml"],
    ["decrypt", "-Q=1", "s.yaml"],
    ["-é", "s.yaml"],
    ["---d", "s.yaml"],
    ["groups", "add", "--x"],
  ])("that sops does not have are no files: %s %s %s", async (...args) => {
    const { status, err } = await sops(args)
    expect(status).toBe(1)
    expect(err).toContain(`sops has no flag ${args.find((word) => word.startsWith("-")) ?? ""}\n`)
  })

  it("that sops does not have are values behind the file", async () => {
    expect(await sops(["set", "s.yaml", '["n"]', "-5"])).toMatchObject({ status: 0 })
    expect(await sops(["-d", "s.yaml", "--no-such-flag"])).toMatchObject({ status: 0 })
    expect((await sops(["decrypt", "--", "-Q"])).err).toContain("-Q: ")
  })

  it.each([
    ["publish", "--recursive", "s.yaml"],
    ["keyservice", "--network", "tcp"],
    ["completion", "bash"],
  ])("of commands that are not done are not looked at: %s", async (...args) => {
    expect((await sops(args)).err).toContain(`sops ${args[0]} is not done here`)
  })

  it.each([["--help"], ["-h"], ["help"], ["decrypt", "--help"], ["exec-env", "-h"]])(
    "ask for help: %s %s",
    async (...args) => {
      const { status, out } = await sops(args)
      expect(status).toBe(0)
      expect(out).toContain("filestatus")
    },
  )

  it("name one thing to do: of two, no plaintext is printed", async () => {
    for (const second of [["-r"], ["-e"], ["--set", '["a"] 1']]) {
      const { status, out, err } = await sops(["-d", ...second, "s.yaml"])
      expect({ status, out }).toEqual({ status: 1, out: "" })
      expect(err).toContain("exclude each other")
    }
    expect(await folder.decrypted("s.yaml")).toBe(plain)
  })

  it("end before a file that looks like one", async () => {
    folder.write("-x", folder.text("s.yaml"))
    const here = process.cwd()
    process.chdir(folder.path)
    try {
      expect((await sops(["-d", "--input-type", "yaml", "--output-type", "yaml", "--", "-x"])).out).toBe(plain)
      expect((await sops(["filestatus", "--", "-x"])).out).toBe('{"encrypted":true}\n')
    } finally {
      process.chdir(here)
    }
  })

  it("say that files behind the first are not looked at", async () => {
    folder.write("t.yaml", "t: 1\n")
    const { status, out, err } = await sops(["-d", "s.yaml", "t.yaml"])
    expect({ status, out }).toEqual({ status: 0, out: plain })
    expect(err).toContain("warning")
  })

  it.each([
    { args: ["exec-env", "s.yaml"], status: 1 },
    { args: ["exec-env", "s.yaml", "echo", "hi"], status: 1 },
    { args: ["exec-file", "s.yaml"], status: 1 },
    { args: ["unset", "s.yaml"], status: 100 },
    { args: ["set", "s.yaml", '["a"]'], status: 100 },
    { args: ["set", "s.yaml", '["a"]', "1", "2"], status: 100 },
    { args: ["set", "--value-file", "--value-stdin", "s.yaml", '["a"]'], status: 1 },
    { args: ["rotate", "-i", "--output", "x", "s.yaml"], status: 8 },
    { args: ["-e"], status: 100 },
    { args: ["-d", "--input-type", "json", "s.yaml"], status: 1 },
  ])("and operands in the wrong number exit as with sops: $args", async ({ args, status }) => {
    expect((await sops(args)).status).toBe(status)
    expect(await folder.decrypted("s.yaml")).toBe(plain)
  })

  it("refuse what the environment would add to a new file, and only there", async () => {
    folder.write("p.yaml", "p: 1\n")
    const env = { SOPS_PGP_FP: "ABCD" }
    for (const args of [["-e", "p.yaml"], ["new.yaml"]]) {
      const { status, err } = await sops(args, { env: { ...env, ...folder.editor("echo 'k: v' > $1") } })
      expect(status).not.toBe(0)
      expect(err).toContain("SOPS_PGP_FP")
    }
    expect((await sops(["-d", "s.yaml"], { env })).status).toBe(0)
    expect((await sops(["-d", "s.yaml"], { env: { SOPS_ENABLE_LOCAL_KEYSERVICE: "false" } })).status).toBe(1)
  })

  it("take an empty SOPS_CONFIG for none", async () => {
    folder.write("p.yaml", "p: 1\n")
    expect((await sops(["-e", "p.yaml"], { env: { SOPS_CONFIG: "" } })).status).toBe(0)
  })
})

describe("a new file in the editor", () => {
  const typed = (): { EDITOR: string } => folder.editor("printf 'k: v\\nl: w\\n' > $1")

  it.each(["--age", "SOPS_AGE_RECIPIENTS"])("is encrypted to whom %s names, not to those of the rule", async (how) => {
    const to = folder.recipient(1)
    const [args, env] = how === "--age" ? [["--age", to], {}] : [[], { SOPS_AGE_RECIPIENTS: to }]
    expect((await sops([...args, "new.yaml"], { env: { ...typed(), ...env } })).status).toBe(0)
    expect(await folder.decrypted("new.yaml", 1)).toBe("k: v\nl: w\n")
    expect(folder.text("new.yaml")).not.toContain(folder.recipient(0))
  })

  it("is encrypted as far as the flags say", async () => {
    const args = ["edit", "--encrypted-regex", "^k$", "--mac-only-encrypted", "new.yaml"]
    expect((await sops(args, { env: typed() })).status).toBe(0)
    expect(folder.text("new.yaml")).toMatch(/^k: ENC.*\nl: w\n/)
    expect(folder.text("new.yaml")).toContain("mac_only_encrypted: true")
  })

  it("has an SSH key with its comment, as sops compares it", async () => {
    const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIO/n4tVBYkpTfUIy6nk9M3WOpcC23dWEJw0qVd7i7OXj me@host"
    expect((await sops(["--age", key, "new.yaml"], { env: typed() })).status).toBe(0)
    expect(folder.text("new.yaml")).toContain(`recipient: ${key}\n`)
  })

  it("that is there keeps its recipients", async () => {
    const env = { ...folder.editor("sed -i s/x/z/ $1"), SOPS_AGE_RECIPIENTS: folder.recipient(1) }
    expect((await sops(["--age", folder.recipient(1), "s.yaml"], { env })).status).toBe(0)
    expect(await folder.decrypted("s.yaml")).toContain("- z\n")
    expect((await sops(["edit", "--output-type", "json", "s.yaml"], { env })).err).toContain("--output-type")
  })
})

describe("types", () => {
  it("of what is written are told by the name, also where a flag tells what is read", async () => {
    folder.write("p.yaml", "p: 1\n")
    expect((await sops(["-e", "--input-type", "binary", "p.yaml"])).out).toMatch(/^data: ENC/)
    expect((await sops(["encrypt", "--filename-override", "x.json", "--input-type", "yaml", "p.yaml"])).out).toMatch(
      /^\{\n\t"p": "ENC/,
    )
    expect((await sops(["rotate", "--output-type", "json", "s.yaml"])).out).toMatch(/^\{\n\t"#ENC|^\{\n\t"a"/)
    expect((await sops(["rotate", "--filename-override", "x.json", "s.yaml"])).status).toBe(1)
  })
})

describe("rotate without -i", () => {
  it("names the file that it could not open, not a copy of it", async () => {
    const { status, err } = await sops(["rotate", "s.yaml"], { env: folder.key(1) })
    expect(status).toBe(128)
    expect(err).toContain(`sops: ${folder.at("s.yaml")}: none of the identities`)
  })
})

describe("updatekeys", () => {
  const both = (): void =>
    folder.write(".sops.yaml", `creation_rules:\n  - age: ${folder.recipient(0)},${folder.recipient(1)}\n`)

  it.each([
    { input: "y\n", status: 0, updated: true },
    { input: "y\ny\ny\ny\n", status: 0, updated: true },
    { input: "n\n", status: 0, updated: false },
    { input: "", status: 1, updated: false },
  ])("asks at standard input, as sops does: %j", async ({ input, status, updated }) => {
    both()
    expect((await sops(["updatekeys", "s.yaml"], { input })).status).toBe(status)
    expect(folder.text("s.yaml").includes(folder.recipient(1))).toBe(updated)
  })

  it("updates what it can of several files, and fails for the others", async () => {
    folder.write("plain.yaml", "p: 1\n")
    folder.write("t.yaml", folder.text("s.yaml"))
    both()
    const { status, err } = await sops(["updatekeys", "-y", "s.yaml", "plain.yaml", "none.yaml", "t.yaml"])
    expect(status).toBe(1)
    expect(err).toMatch(/plain\.yaml: not a SOPS file/)
    expect(err).toMatch(/none\.yaml: cannot be read/)
    for (const name of ["s.yaml", "t.yaml"]) expect(await folder.decrypted(name, 1)).toBe(plain)
  })
})
