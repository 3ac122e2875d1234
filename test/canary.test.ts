/** No secret in anything that is written: PIN, data keys, file keys, private keys, searched for in output, traces and logs. */
import { execFile } from "node:child_process"
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { inspect } from "node:util"
import { afterAll, describe, expect, it } from "vitest"
import { Secret } from "../src/secret.ts"
import { importKey, newCard, writeCardFile } from "../src/virtual/index.ts"
import { inReader, vectorCards, vectorText } from "./cards.ts"
import { run as unlockWith } from "./keyring/run.ts"

const root = new URL("..", import.meta.url).pathname
/** A PIN that stands nowhere by chance. */
const pin = "Zk7#qW2!"
const folder = mkdtempSync(join(tmpdir(), "ts-age-yk-canary-"))
const temporary = mkdtempSync(join(tmpdir(), "ts-age-yk-canary-tmp-"))
const privateKey = "9b9d72a7fca0776a2645dd7b249627cf33107ace5b01e9ed490d54ef31b58ef0"

afterAll(() => {
  rmSync(folder, { recursive: true })
  rmSync(temporary, { recursive: true })
})

function run(args: readonly string[], env: Record<string, string> = {}): Promise<{ stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [join(root, "dist/cli.js"), ...args],
      { cwd: folder, env: { PATH: process.env["PATH"], HOME: folder, TMPDIR: temporary, ...env }, timeout: 20_000 },
      (_failure, stdout, stderr) => resolve({ stdout, stderr }),
    )
  })
}

/** Everything that a run left in its folders, but for the card itself, which keeps its PIN as a real one does. */
function written(): string {
  return [folder, temporary]
    .flatMap((place) => readdirSync(place).map((name) => join(place, name)))
    .filter((path) => !path.endsWith("card.json"))
    .map((path) => readFileSync(path, "latin1"))
    .join("\n")
}

async function card(): Promise<string> {
  const state = importKey(newCard({ firmware: "5.4.3", serial: 16169658, pin }), {
    slot: 0x82,
    privateKey: Uint8Array.from(Buffer.from(privateKey, "hex")),
    pinPolicy: "once",
    touchPolicy: "never",
  })
  await writeCardFile(join(folder, "card.json"), state)
  return "virtual:card.json"
}

/** The file key of one.age, in hex. */
async function fileKeyOfOne(): Promise<string> {
  await using unlock = unlockWith(vectorCards().map((state) => inReader(state)))
  const fileKey = await unlock.open("piv-one")
  return fileKey.use((bytes) => Buffer.from(bytes).toString("hex"))
}

describe("a secret", () => {
  it("shows itself to nobody", () => {
    const secret = Secret.owning("file key", Buffer.from("CANARY"))
    for (const shown of [
      String(secret),

      JSON.stringify({ secret }),
      inspect({ secret }),
      inspect(secret, { showHidden: true, depth: 9 }),
    ])
      expect(shown).not.toContain("CANARY")
  })

  it("is gone when its owner lets go", () => {
    const bytes = Buffer.from("CANARY")
    const secret = Secret.owning("data key", bytes)
    secret[Symbol.dispose]()
    expect(bytes.every((byte) => byte === 0)).toBe(true)
    expect(() => secret.use((inner) => inner)).toThrow(TypeError)
  })
})

describe("a run", () => {
  it.each([
    { what: "that works", args: ["decrypt", "one.age"], given: pin },
    { what: "with a wrong PIN", args: ["decrypt", "one.age"], given: "Zk7#qW2?" },
    { what: "with a PIN that is too long", args: ["decrypt", "one.age"], given: `${pin}${pin}` },
    {
      what: "whose card is removed while the PIN is shown",
      args: ["decrypt", "one.age", "--reader", "virtual:gone.json"],
      given: pin,
    },
    { what: "on a damaged file", args: ["decrypt", "cut.age"], given: pin },
    { what: "on a SOPS file with a wrong MAC", args: ["decrypt", "tampered.yaml"], given: pin },
  ])("$what writes neither PIN nor key, on either stream or in the trace", async ({ args, given }) => {
    const reader = await card()
    const one = readFileSync(join(root, "test/vectors/yubikey/age/piv-one.age"))
    writeFileSync(join(folder, "one.age"), one)
    writeFileSync(join(folder, "cut.age"), one.subarray(0, -3))
    writeFileSync(
      join(folder, "tampered.yaml"),
      vectorText("yubikey/repo/secrets/app0.yaml").replace(
        "mac: ENC[AES256_GCM,data:",
        "mac: ENC[AES256_GCM,data:AAAA",
      ),
    )
    const outputs: string[] = []
    for (const more of [[], ["--trace", join(folder, "trace.log")]]) {
      const { stdout, stderr } = await run([...args, ...more], {
        TS_AGE_YK_READER: reader,
        TS_AGE_YK_PIN_COMMAND: `printf '%s\\n' '${given}'`,
        TS_AGE_YK_DEBUG: "1",
      })
      outputs.push(stdout, stderr)
    }
    const everything = `${outputs.join("\n")}\n${written()}`
    expect(readFileSync(join(folder, "trace.log"), "utf8")).toContain("00a40400")
    const fileKey = await fileKeyOfOne()
    for (const secret of [
      fileKey,
      given,
      Buffer.from(given).toString("hex"),
      Buffer.from(given).toString("base64").replaceAll("=", ""),
      privateKey,
    ])
      expect(everything).not.toContain(secret)
    expect(readdirSync(temporary)).toEqual([])
  })
})
