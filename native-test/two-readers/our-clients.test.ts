/**
 * The main job through a real pcscd: every file that the real programs made opens with our two cards, by our command line and by age,
 * rage and sops that call our plugin.
 */
import { createHash } from "node:crypto"
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { vectorCards } from "../../test/cards.ts"
import { type Inserted, insert, type Outcome, run, scratch } from "../harness.ts"

const root = new URL("../..", import.meta.url).pathname
const vectors = join(root, "test/vectors/yubikey")
const folder = scratch()
const programs = join(folder, "bin")
const cards: Inserted[] = []

/** Programs under the names that clients look for; the PIN comes from a command, as nobody is there to type it. */
const env = {
  HOME: folder,
  TS_AGE_YK_PIN_COMMAND: "echo 123456",
  SOPS_AGE_KEY_FILE: join(folder, "identities.txt"),
}

function program(name: string, args: readonly string[], more: Record<string, string> = {}): Promise<Outcome> {
  const path = `${programs}:${process.env["PATH"] ?? ""}`
  return run("env", [`PATH=${path}`, name, ...args], { env: { ...env, ...more }, cwd: folder })
}

beforeAll(async () => {
  mkdirSync(programs)
  for (const [name, target] of [
    ["ts-age-yk", "cli.js"],
    ["age-plugin-yubikey", "plugin.js"],
    ["age-plugin-tag", "plugin.js"],
  ] as const)
    symlinkSync(join(root, "dist", target), join(programs, name))
  // Peers come after ours on PATH, so that the plugin that they call is ours.
  process.env["PATH"] = `${process.env["HOME"] ?? ""}/.cache/ts-age-yk/peers/bin:${process.env["PATH"] ?? ""}`
  for (const [index, state] of vectorCards().entries()) cards.push(await insert(state, {}, index === 0 ? 0 : 1))
  const stubs = readFileSync(join(vectors, "identities.txt"), "utf8")
    .split("\n")
    .filter((line) => line.startsWith("AGE-PLUGIN-"))
  writeFileSync(join(folder, "identities.txt"), stubs.join("\n"))
})

afterAll(async () => {
  for (const card of cards) await card[Symbol.asyncDispose]()
})

type AgeFile = { file: string; sha256: string }
const ageFiles = (JSON.parse(readFileSync(join(vectors, "age/expected.json"), "utf8")) as AgeFile[]).filter(
  ({ file }) => !file.includes("not-for-us"),
)

describe.each(["ts-age-yk", "age", "rage"])("%s, through pcscd", (client) => {
  it.each(ageFiles)("opens $file", async ({ file, sha256 }) => {
    const output = join(folder, "plain")
    const args = client === "ts-age-yk" ? ["decrypt", "-o", output] : ["-d", "-i", "identities.txt", "-o", output]
    writeFileSync(output, "")
    const outcome = await program(client, [...args, join(vectors, file)])
    expect(outcome.stderr).toBe("")
    expect(createHash("sha256").update(readFileSync(output)).digest("hex")).toBe(sha256)
  })
})

describe("not-for-us.age", () => {
  it("is refused with exit 4, and nobody is asked", async () => {
    const outcome = await program("ts-age-yk", ["decrypt", join(vectors, "age/not-for-us.age")], {
      TS_AGE_YK_PIN_COMMAND: "exit 1",
    })
    expect(outcome).toMatchObject({ code: 4, stdout: "" })
    expect(outcome.stderr).toContain("YubiKey 16169658: not for it")
    expect(outcome.stderr).toContain("YubiKey 27205443: not for it")
  })
})

const sopsFiles = readdirSync(join(vectors, "repo/secrets"), { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => ({ file: join(entry.parentPath, entry.name).slice(vectors.length + 1) }))

describe("the repository, through pcscd", () => {
  it("has all five formats and a quorum", () => {
    expect(sopsFiles.length).toBe(16)
  })

  it.each(sopsFiles)("$file: sops with our plugin and our command line print the same", async ({ file }) => {
    const theirs = await program("sops", ["decrypt", join(vectors, file)])
    const ours = await program("ts-age-yk", ["decrypt", join(vectors, file)])
    expect(theirs).toMatchObject({ code: 0 })
    expect(ours).toMatchObject({ code: 0, stdout: theirs.stdout, stderr: "" })
    expect(ours.stdout.length).toBeGreaterThan(0)
  })
})

describe("any YubiKey that is here", () => {
  it("is what the empty identity of age -j means", async () => {
    const outcome = await program("age", ["-d", "-j", "yubikey", join(vectors, "age/piv-one.age")])
    expect(outcome).toMatchObject({ code: 0, stdout: "one recipient\n" })
  })
})

describe("identities", () => {
  it("are those of the vectors, printed as the peer prints them, without a PIN", async () => {
    const outcome = await program("ts-age-yk", ["identities"], { TS_AGE_YK_PIN_COMMAND: "exit 1" })
    expect(outcome.code).toBe(0)
    const lines = outcome.stdout.split("\n")
    expect(lines.filter((line) => line.startsWith("AGE-PLUGIN-")).sort()).toEqual(
      readFileSync(join(folder, "identities.txt"), "utf8").split("\n").sort(),
    )
    expect(lines).toContain("#       Serial: 27205443, Slot: 20")
  })
})
