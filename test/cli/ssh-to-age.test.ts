import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, it } from "vitest"
import { reportFailure } from "../../src/cli/main.ts"
import { program } from "../../src/cli/program.ts"
import { Failure } from "../../src/failure.ts"
import { testWorld } from "./world.ts"

const keys = new URL("../age/fixtures/ssh/", import.meta.url).pathname
const key = (name: string): string => join(keys, name)
const folder = mkdtempSync(join(tmpdir(), "ts-age-yk-ssh-to-age-"))
afterAll(() => rmSync(folder, { recursive: true }))

type Given = Readonly<{ input?: string; env?: Readonly<Record<string, string>> }>

async function sshToAge(args: readonly string[], { input = "", env = {} }: Given = {}) {
  const { world, output } = testWorld({
    env,
    input: async function* () {
      yield await Promise.resolve(Buffer.from(input))
    },
  })
  try {
    return { status: await program(["ssh-to-age", ...args], world), ...output() }
  } catch (failure) {
    if (!(failure instanceof Failure)) throw failure
    reportFailure(failure, world, false)
    return { status: failure.exit, ...output() }
  }
}

const secret = /^AGE-SECRET-KEY-1[A-Z0-9]{58}\n$/
const pub = readFileSync(key("ed-none.pub"), "utf8")

describe("options as ssh-to-age takes them", () => {
  it.each([
    ["-i", key("ed-none.pub")],
    ["--i", key("ed-none.pub")],
    [`-i=${key("ed-none.pub")}`],
    [`--i=${key("ed-none.pub")}`],
    ["--input", key("ed-none.pub")],
    ["-o", "-", "-i", key("ed-none.pub")],
  ])("%s %s", async (...args) => {
    const { stdout } = await sshToAge([], { input: pub })
    expect(stdout).toMatch(/^age1[a-z0-9]{58}\n$/)
    expect(await sshToAge(args)).toEqual({ status: 0, stdout, stderr: "" })
  })

  it.each(["-private-key", "--private-key"])("%s converts a private key", async (option) => {
    expect(await sshToAge([option, "-i", key("ed-none")])).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(secret) as unknown,
    })
  })

  it("-o=FILE writes there, readable by its owner alone", async () => {
    const file = join(folder, "key.txt")
    await sshToAge(["-private-key", "-i", key("ed-none"), `-o=${file}`])
    expect(readFileSync(file, "utf8")).toMatch(secret)
  })

  it.each(["-version", "--version"])("%s prints the version, and makes no file", async (option) => {
    const file = join(folder, "none")
    const { status, stdout } = await sshToAge([option, "-o", file])
    expect({ status, stdout }).toEqual({ status: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) as unknown })
    expect(existsSync(file)).toBe(false)
  })

  it("refuses what it does not know", async () => {
    expect((await sshToAge(["-nonsense"])).status).toBe(2)
  })
})

describe("a passphrase", () => {
  const locked = ["-private-key", "-i", key("ed-aes256-ctr")]

  it.each([
    { from: "standard input", args: ["-stdinpass"], given: { input: "hunter2\n" } },
    { from: "standard input without a line feed", args: ["-stdinpass"], given: { input: "hunter2" } },
    { from: "the environment", args: [], given: { env: { SSH_TO_AGE_PASSPHRASE: "hunter2" } } },
  ])("comes from $from", async ({ args, given }) => {
    expect(await sshToAge([...locked, ...args], given)).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(secret) as unknown,
    })
  })

  it("that is wrong gives nothing, and is not shown", async () => {
    const { status, stdout, stderr } = await sshToAge([...locked, "-stdinpass"], { input: "hunter3\n" })
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" })
    expect(stderr).not.toContain("hunter3")
  })

  it("cannot come from standard input together with the key", async () => {
    const refused = await sshToAge(["-private-key", "-stdinpass"], { input: readFileSync(key("ed-none"), "utf8") })
    expect(refused).toMatchObject({ status: 2, stdout: "" })
  })
})

describe("lines of public keys", () => {
  const [type, body] = pub.split(" ")

  it.each([
    {
      what: "a comment and empty lines",
      input: `# h:22 SSH-2.0-OpenSSH_9\n\nh ${type} ${body}\n\n`,
      keys: 1,
      skipped: 0,
    },
    { what: "several keys", input: `h ${type} ${body}\n${pub}`, keys: 2, skipped: 0 },
    {
      what: "keys of other types between them",
      input: `h ${readFileSync(key("rsa-none.pub"), "utf8")}h ${type} ${body}\n${readFileSync(key("ecdsa-none.pub"), "utf8")}`,
      keys: 1,
      skipped: 2,
    },
    { what: "nothing but keys of other types", input: readFileSync(key("rsa-none.pub"), "utf8"), keys: 0, skipped: 1 },
    { what: "nothing at all", input: "", keys: 0, skipped: 0 },
  ])("$what: $keys converted, $skipped named, exit 0", async ({ input, keys: converted, skipped }) => {
    const { status, stdout, stderr } = await sshToAge([], { input })
    expect(status).toBe(0)
    expect(stdout.match(/^age1/gm)?.length ?? 0).toBe(converted)
    expect(stderr.match(/skipped/g)?.length ?? 0).toBe(skipped)
  })

  it("a line that is no key fails the whole, and is named", async () => {
    const { status, stdout, stderr } = await sshToAge([], { input: `${pub}\nssh-ed25519 broken\n` })
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" })
    expect(stderr).toContain("line 3")
  })
})
