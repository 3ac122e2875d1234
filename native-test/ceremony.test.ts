/** After each ceremony the real sops opens every file with each key that remains, and none with those that went. */
import { execFileSync } from "node:child_process"
import { cpSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { beforeAll, describe, expect, it } from "vitest"
import { p256KeyPair } from "#primitives"
import { X25519Identity } from "../src/age/x25519.ts"
import { importKey, newCard, writeCardFile } from "../src/virtual/index.ts"
import { YubiKeyRecipient } from "../src/yubikey/recipient.ts"
import { vectorCards } from "../test/cards.ts"
import { secretsOf } from "../test/ceremony/repository.ts"
import { type Outcome, run, scratch } from "./harness.ts"

const root = new URL("..", import.meta.url).pathname
const vectors = join(root, "test/vectors/yubikey")
const keys = scratch()
const programs = join(keys, "bin")

beforeAll(async () => {
  mkdirSync(programs)
  symlinkSync(join(root, "dist/cli.js"), join(programs, "ts-age-yk"))
  for (const name of ["age-plugin-yubikey", "age-plugin-tag"])
    symlinkSync(join(root, "dist/plugin.js"), join(programs, name))
  for (const state of vectorCards()) await writeCardFile(join(keys, `${state.serial}.json`), state)
})

/** How sops and we are given a key. */
type Key = Readonly<{
  name: string
  sops: Record<string, string>
  ours: readonly string[]
  env?: Record<string, string>
}>

/** The stub of each card's first slot, for which the repository is encrypted. */
const stubs: Readonly<Record<number, string>> = {
  16169658: "AGE-PLUGIN-YUBIKEY-1H2A0VQYZRL8P8SQQVDXJQ",
  27205443: "AGE-PLUGIN-YUBIKEY-1GV0E7QVZE3UC6HCQYP3VW",
}

function hostKey(name: string): Key {
  const file = join(vectors, "hosts", name, "ssh_host_ed25519_key")
  const age = execFileSync(process.execPath, [join(root, "dist/cli.js"), "ssh-to-age", "--private-key", "-i", file], {
    encoding: "utf8",
  })
  return { name, sops: { SOPS_AGE_KEY: age.trim() }, ours: ["--no-yubikey", "-i", file] }
}

function softwareKey(name: string, text: string): Key {
  const file = join(keys, `${name}.txt`)
  writeFileSync(file, `${text}\n`)
  return { name, sops: { SOPS_AGE_KEY_FILE: file }, ours: ["--no-yubikey", "-i", file] }
}

function yubiKey(serial: number, identities = stubs[serial] ?? ""): Key {
  const env = { TS_AGE_YK_READER: `virtual:${join(keys, `${serial}.json`)}`, TS_AGE_YK_PIN_COMMAND: "echo 123456" }
  return { name: `YubiKey ${serial}`, sops: { SOPS_AGE_KEY: identities, ...env }, ours: [], env }
}

const provision = (): Key => softwareKey("provision", readFileSync(join(vectors, "provision-key.txt"), "utf8").trim())

/** Keys together, as a quorum needs them. */
function together(...parts: readonly Key[]): Key {
  const readers = parts.flatMap(({ env }) => env?.["TS_AGE_YK_READER"] ?? [])
  const env = readers.length === 0 ? {} : { TS_AGE_YK_READER: readers.join(","), TS_AGE_YK_PIN_COMMAND: "echo 123456" }
  const texts = parts.flatMap(
    ({ sops }) => sops["SOPS_AGE_KEY"] ?? readFileSync(sops["SOPS_AGE_KEY_FILE"] ?? "", "utf8"),
  )
  return {
    name: parts.map(({ name }) => name).join(" and "),
    sops: { SOPS_AGE_KEY: texts.join("\n"), ...env },
    ours: parts.flatMap(({ ours }) => ours).filter((option) => readers.length === 0 || option !== "--no-yubikey"),
    env,
  }
}

function program(name: string, args: readonly string[], cwd: string, env: Record<string, string>): Promise<Outcome> {
  return run(
    "env",
    [
      `PATH=${programs}:${process.env["HOME"] ?? ""}/.cache/ts-age-yk/peers/bin:${process.env["PATH"] ?? ""}`,
      name,
      ...args,
    ],
    { cwd, env: { HOME: keys, ...env } },
  )
}

function repository(): string {
  const folder = mkdtempSync(join(tmpdir(), "ts-age-yk-native-ceremony-"))
  cpSync(join(vectors, "repo"), folder, { recursive: true })
  for (const args of [
    ["init"],
    ["add", "--all"],
    ["-c", "user.name=T", "-c", "user.email=t@example.org", "commit", "--message", "begin"],
  ])
    execFileSync("git", ["-C", folder, ...args], { stdio: "ignore" })
  return folder
}

function editConfig(folder: string, change: (text: string) => string): void {
  const path = join(folder, ".sops.yaml")
  writeFileSync(path, change(readFileSync(path, "utf8")))
}

async function rekey(folder: string, by: Key): Promise<void> {
  const outcome = await program("ts-age-yk", ["rekey", "--yes", ...by.ours], folder, by.env ?? {})
  expect(outcome.all).toContain("files replaced, verified")
  expect(outcome.code).toBe(0)
}

const decrypt = async (folder: string, path: string, key: Key): Promise<Outcome> =>
  program("sops", ["decrypt", path], folder, key.sops)

/** Whether a rule of the vectors' repository is for a key. */
const isQuorum = (path: string): boolean => path.includes("quorum")
const isFor = (path: string, name: string): boolean => {
  const host = /hosts\/(\w+)\//.exec(path)?.[1]
  return host === undefined || host === name || !["electra", "lena", "vega", "nova"].includes(name)
}

/** What sops prints for each file before any ceremony, asked once. */
const originals = new Map<string, Promise<string>>()

function original(path: string): Promise<string> {
  const known =
    originals.get(path) ??
    decrypt(join(vectors, "repo"), path, isQuorum(path) ? together(provision(), yubiKey(27205443)) : provision()).then(
      ({ stdout }) => stdout,
    )
  originals.set(path, known)
  return known
}

async function expectOpens(folder: string, key: Key, which: (path: string) => boolean): Promise<void> {
  let opened = 0
  for (const path of [...secretsOf(folder).keys()].filter(which)) {
    const outcome = await decrypt(folder, path, key)
    expect(outcome.code, `${key.name}, ${path}: ${outcome.stderr}`).toBe(0)
    expect(outcome.stdout, path).toBe(await original(path))
    opened++
  }
  expect(opened).toBeGreaterThan(0)
}

async function expectFails(folder: string, key: Key, which: (path: string) => boolean): Promise<void> {
  let refused = 0
  for (const path of [...secretsOf(folder).keys()].filter(which)) {
    expect((await decrypt(folder, path, key)).code, `${key.name}, ${path}`).not.toBe(0)
    refused++
  }
  expect(refused).toBeGreaterThan(0)
}

const shared = (path: string): boolean => !isQuorum(path) && !path.includes("/hosts/")

describe("after a ceremony, sops", () => {
  it("opens everything without lena, and nothing with it", { timeout: 300_000 }, async () => {
    const folder = repository()
    editConfig(folder, (text) =>
      text
        .split("\n")
        .filter((line) => !line.includes("lena"))
        .join("\n"),
    )
    await rekey(folder, yubiKey(16169658))
    for (const name of ["electra", "vega"])
      await expectOpens(folder, hostKey(name), (path) => !isQuorum(path) && isFor(path, name))
    await expectOpens(folder, provision(), (path) => !isQuorum(path))
    await expectOpens(folder, yubiKey(16169658), shared)
    await expectOpens(folder, yubiKey(27205443), shared)
    await expectFails(folder, hostKey("lena"), () => true)
  })

  it("opens everything with a host that was added", { timeout: 300_000 }, async () => {
    const folder = repository()
    const nova = X25519Identity.generate()
    editConfig(folder, (text) =>
      text
        .replace("  # YubiKey Nano 5C", `  - &nova ${nova.recipient.text}\n  # YubiKey Nano 5C`)
        .replace("          - *vega\n", "          - *vega\n          - *nova\n"),
    )
    await rekey(folder, provision())
    await expectOpens(folder, softwareKey("nova", nova.revealText()), shared)
    await expectOpens(folder, hostKey("lena"), shared)
    await expectOpens(folder, yubiKey(27205443), shared)
  })

  it("opens everything with a YubiKey that replaced another, and nothing with the other", {
    timeout: 300_000,
  }, async () => {
    const folder = repository()
    const privateKey = new Uint8Array(32).fill(0x33)
    const state = importKey(newCard({ firmware: "5.7.1", serial: 77, pin: "123456" }), {
      slot: 0x82,
      privateKey,
      pinPolicy: "once",
      touchPolicy: "cached",
    })
    await writeCardFile(join(keys, "77.json"), state)
    const recipient = new YubiKeyRecipient(p256KeyPair(privateKey).publicPoint, "piv-p256").text
    editConfig(folder, (text) =>
      text.replace("age1yubikey1qtfd8v8t4q4fe26jqmkgyds5eq7fllw49nzn3xrehtvl86hk7stljgc4qtd", recipient),
    )
    await rekey(folder, together(provision(), yubiKey(27205443)))
    const identities = await program("ts-age-yk", ["identities"], folder, {
      TS_AGE_YK_READER: `virtual:${join(keys, "77.json")}`,
    })
    const fresh = yubiKey(
      77,
      identities.stdout
        .split("\n")
        .filter((line) => line.startsWith("AGE-PLUGIN-"))
        .join("\n"),
    )
    await expectOpens(folder, fresh, shared)
    await expectOpens(folder, together(provision(), fresh), isQuorum)
    await expectFails(folder, yubiKey(16169658), () => true)
    await expectFails(folder, together(provision(), yubiKey(16169658)), isQuorum)
  })

  it("wants three of three groups where the quorum was raised", { timeout: 300_000 }, async () => {
    const folder = repository()
    editConfig(folder, (text) => text.replace("shamir_threshold: 2", "shamir_threshold: 3"))
    await rekey(folder, together(provision(), yubiKey(16169658), yubiKey(27205443)))
    await expectOpens(folder, together(provision(), yubiKey(16169658), yubiKey(27205443)), isQuorum)
    await expectFails(folder, together(yubiKey(16169658), yubiKey(27205443)), isQuorum)
    await expectFails(folder, together(provision(), yubiKey(27205443)), isQuorum)
  })
})
