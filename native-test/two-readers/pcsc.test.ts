/** What only a real smart card service can show: sharing, holders, insertion and removal, a service that is not there. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { join } from "node:path"
import { afterEach, describe, expect, it } from "vitest"
import { listReaders } from "../../src/pcsc/readers.ts"
import type { CardState, VirtualOptions } from "../../src/virtual/index.ts"
import { vectorCards } from "../../test/cards.ts"
import { cardContract } from "../../test/contract/card-transport.ts"
import { type Inserted, insert, type Outcome, peers, run, scratch } from "../harness.ts"

const root = new URL("../..", import.meta.url).pathname
const vectors = join(root, "test/vectors/yubikey")
const folder = scratch()
const held: { card?: Inserted } = {}

function stateOf(serial: number): CardState {
  const state = vectorCards().find((card) => card.serial === serial)
  if (state === undefined) throw new TypeError(`no card ${serial}`)
  return state
}

async function plug(serial: number, options: VirtualOptions = {}): Promise<Inserted> {
  held.card = await insert(stateOf(serial), options)
  return held.card
}

afterEach(async () => {
  await held.card?.[Symbol.asyncDispose]()
  delete held.card
})

function cli(
  args: readonly string[],
  env: Record<string, string> = {},
  program = join(root, "dist/cli.js"),
): Promise<Outcome> {
  return run(process.execPath, [program, ...args], {
    cwd: folder,
    env: { HOME: folder, TS_AGE_YK_PIN_COMMAND: "echo 123456", ...env },
  })
}

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

cardContract("pcscd", async () => {
  held.card ??= await insert(stateOf(27205443))
  const [reader] = await listReaders()
  if (reader === undefined) throw new TypeError("no reader")
  expect(reader.name).toContain("Yubico YubiKey OTP+FIDO+CCID")
  return reader.connect()
})

describe("readers", () => {
  it("that come and go are seen at the next look", async () => {
    expect(await listReaders()).toEqual([])
    await plug(16169658)
    expect((await listReaders()).length).toBe(1)
    await held.card?.[Symbol.asyncDispose]()
    delete held.card
    expect(await listReaders()).toEqual([])
  })

  it("without a card give exit 5 and the way out", async () => {
    const outcome = await cli(["decrypt", join(vectors, "age/piv-one.age")])
    expect(outcome).toMatchObject({ code: 5, stdout: "" })
    expect(outcome.stderr).toContain("no YubiKey is connected")
  })

  it("that lose their card while it waits for a touch give exit 5, and no try is lost", async () => {
    const { card } = await plug(16169658, { touch: "never" })
    const running = cli(["decrypt", join(vectors, "age/piv-one.age")])
    await until(() => card.touchWanted !== null)
    await wait(400)
    await held.card?.[Symbol.asyncDispose]()
    delete held.card
    const outcome = await running
    expect(outcome).toMatchObject({ code: 5, stdout: "" })
    expect(outcome.stderr).toContain("touch YubiKey 16169658 (slot 82)")
    expect(card.state.pin.triesLeft).toBe(3)
  })
})

async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; tries < 200 && !holds(); tries++) await wait(50)
  expect(holds()).toBe(true)
}

describe("a touch", () => {
  it("is announced while the card waits, since the event loop is not stopped by the wait", async () => {
    await plug(16169658, { touch: 1500 })
    const child = spawn(process.execPath, [join(root, "dist/cli.js"), "decrypt", join(vectors, "age/piv-one.age")], {
      env: { ...process.env, HOME: folder, TS_AGE_YK_PIN_COMMAND: "echo 123456" },
      stdio: ["ignore", "pipe", "pipe"],
    })
    const times: Record<string, number> = {}
    child.stderr.once("data", () => {
      times["announced"] = performance.now()
    })
    child.stdout.once("data", () => {
      times["opened"] = performance.now()
    })
    await new Promise((resolve) => child.once("close", resolve))
    // Announced 300 ms into a wait of 1,500: well before the end of it, whatever the machine does meanwhile.
    expect((times["opened"] ?? 0) - (times["announced"] ?? Number.POSITIVE_INFINITY)).toBeGreaterThan(400)
  })
})

describe("a service that hangs up, as pcscd does where polkit refuses a user", () => {
  it("is told as a refusal, with the way out", async () => {
    const path = join(folder, "hangs-up")
    const service = createServer((client) => {
      // pcscd asks polkit first, which takes longer than a client needs to say its version.
      client.once("data", () => setTimeout(() => client.destroy(), 50))
      client.on("error", () => undefined)
    }).listen(path)
    await once(service, "listening")
    const refused = await cli(["identities"], { PCSCLITE_CSOCK_NAME: path })
    service.close()
    expect(refused).toMatchObject({ code: 5, stdout: "" })
    expect(refused.stderr).toContain("the smart card service refuses this user")
    expect(refused.stderr).toContain("polkit")
  })
})

describe("without", () => {
  it("a smart card service, what needs a card says so, and the rest works", async () => {
    const env = { PCSCLITE_CSOCK_NAME: join(folder, "nobody-listens") }
    const needs = await cli(["decrypt", join(vectors, "age/piv-one.age")], env)
    expect(needs).toMatchObject({ code: 5, stdout: "" })
    expect(needs.stderr).toContain("no smart card service is running")
    expect(
      await cli(["decrypt", "-i", join(vectors, "provision-key.txt"), join(vectors, "age/mixed.age")], env),
    ).toMatchObject({
      code: 0,
      stdout: "x25519 first\n",
    })
  })

  it("the native module, what needs a card says what to install, and the rest works", async () => {
    // Not below /tmp, where somebody may have put modules.
    const bare = mkdtempSync("/var/tmp/ts-age-yk-bare-")
    cpSync(join(root, "dist"), join(bare, "dist"), { recursive: true })
    writeFileSync(join(bare, "package.json"), '{"type":"module"}')
    const program = join(bare, "dist/cli.js")
    const needs = await cli(["decrypt", join(vectors, "age/piv-one.age")], {}, program)
    expect(needs).toMatchObject({ code: 5, stdout: "" })
    expect(needs.stderr).toContain("apt install pcscd libpcsclite-dev")
    expect(
      await cli(
        ["decrypt", "-i", join(vectors, "provision-key.txt"), join(vectors, "repo/secrets/app0.yaml")],
        {},
        program,
      ),
    ).toMatchObject({ code: 0, stderr: "" })
    rmSync(bare, { recursive: true })
  })
})

describe("a client that dies", () => {
  it("leaves no plugin behind, and the card free", async () => {
    const { card } = await plug(16169658, { touch: "never" })
    symlinkSync(join(root, "dist/plugin.js"), join(folder, "age-plugin-yubikey"))
    const stubs = readFileSync(join(vectors, "identities.txt"), "utf8")
      .split("\n")
      .filter((line) => line.startsWith("AGE-PLUGIN-"))
    writeFileSync(join(folder, "identities.txt"), stubs.join("\n"))
    const client = spawn("age", ["-d", "-i", join(folder, "identities.txt"), join(vectors, "age/piv-one.age")], {
      env: {
        ...process.env,
        PATH: `${folder}:${join(peers, "bin")}:${process.env["PATH"] ?? ""}`,
        HOME: folder,
        TS_AGE_YK_PIN_COMMAND: "echo 123456",
      },
      stdio: "ignore",
    })
    await until(() => card.touchWanted !== null)
    expect(plugins().length).toBe(1)
    client.kill("SIGKILL")
    await until(() => plugins().length === 0)
    expect(card.state.pin.triesLeft).toBe(3)
  })
})

/** Processes that run our plugin. */
function plugins(): string[] {
  return readdirSync("/proc").filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("--age-plugin=identity-v1")
    } catch {
      return false
    }
  })
}
