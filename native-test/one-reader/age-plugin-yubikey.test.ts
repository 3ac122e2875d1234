import { createHash } from "node:crypto"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { loadCards, newCard } from "../../src/virtual/index.ts"
import { insert, run, runWithPin, scratch } from "../harness.ts"

const vectors = new URL("../../test/vectors/yubikey/", import.meta.url).pathname

type VectorKey = { serial: number; recipient: string; identity: string; slot: string }
type VectorFile = { file: string; sha256: string; args: string[] }

function json<T>(path: string, check: (value: unknown) => value is T): T {
  const value: unknown = JSON.parse(readFileSync(join(vectors, path), "utf8"))
  if (!check(value)) throw new TypeError(`${path} is not what it was`)
  return value
}
const isCards = (value: unknown): value is { keys: VectorKey[] } =>
  typeof value === "object" && value !== null && "keys" in value && Array.isArray(value.keys)
const isFiles = (value: unknown): value is VectorFile[] => Array.isArray(value)
const isPlain = (value: unknown): value is { file: string; plain: string }[] => Array.isArray(value)

const { keys } = json("cards.json", isCards)
const cards = loadCards({ ...json("cards.json", isCards) })

function keysOf(serial: number): VectorKey[] {
  return keys.filter((key) => key.serial === serial)
}

function identityFile(serial: number): string {
  const file = join(scratch(), "identities.txt")
  writeFileSync(
    file,
    keysOf(serial)
      .map((key) => `${key.identity}\n`)
      .join(""),
  )
  return file
}

describe.each(cards)("the Rust age-plugin-yubikey on card $serial", (state) => {
  it("lists each key as an identity of its own making", async () => {
    await using inserted = await insert(state)
    const { stdout, code } = await run("age-plugin-yubikey", ["--list"])
    expect(code).toBe(0)
    for (const key of keysOf(state.serial)) {
      const slot = Number.parseInt(key.slot, 16) - 0x81
      expect(stdout).toContain(`#       Serial: ${key.serial}, Slot: ${slot}\n`)
      expect(stdout).toContain(`\n${key.recipient}\n`)
    }
    const identities = await run("age-plugin-yubikey", ["--identity"])
    for (const key of keysOf(state.serial)) expect(identities.stdout).toContain(`\n${key.identity}\n`)
    expect(inserted.card.state).toEqual(state)
  })

  // 0.5.1 knows no p256tag stanzas, so files count that have a piv-p256 one for this card.
  const recipients = keysOf(state.serial).map((key) => key.recipient)
  const files = json("age/expected.json", isFiles).filter(({ args }) => args.some((arg) => recipients.includes(arg)))

  it("has files to open", () => expect(files.length).toBeGreaterThan(3))

  it.each(files)("decrypts $file for age and for rage", async ({ file, sha256 }) => {
    await using inserted = await insert(state)
    const identities = identityFile(state.serial)
    for (const program of ["age", "rage"]) {
      const plain = join(scratch(), "plain")
      const decrypt = ["-d", "-i", identities, "-o", plain, join(vectors, file)]
      const { code, stdout } = await runWithPin("123456", program, decrypt)
      expect(code, stdout).toBe(0)
      // age makes the file with the first byte, so of nothing it makes none.
      const bytes = existsSync(plain) ? readFileSync(plain) : ""
      expect(createHash("sha256").update(bytes).digest("hex")).toBe(sha256)
    }
    expect(inserted.card.state).toEqual(state)
  })

  it("decrypts for sops", async () => {
    await using inserted = await insert(state)
    const { plain } = json("expected.json", isPlain).find(({ file }) => file === "repo/secrets/app.txt") ?? {
      plain: "",
    }
    const output = join(scratch(), "plain")
    const decrypt = ["decrypt", "--output", output, join(vectors, "repo/secrets/app.txt")]
    const env = { SOPS_AGE_KEY_FILE: identityFile(state.serial) }
    const { code, stdout } = await runWithPin("123456", "sops", decrypt, { env })
    expect(code, stdout).toBe(0)
    expect(readFileSync(output).toString("base64")).toBe(plain)
    expect(inserted.card.state).toEqual(state)
  })
})

describe("the Rust age-plugin-yubikey generates", () => {
  it.each([
    { firmware: "4.3.5", pin: "once", touch: "always" },
    { firmware: "5.4.3", pin: "always", touch: "cached" },
    { firmware: "5.4.3", pin: "never", touch: "never" },
  ])("on a $firmware a key with PIN policy $pin and touch policy $touch, and decrypts with it", async (wanted) => {
    await using inserted = await insert(newCard({ firmware: wanted.firmware, pin: "314159", puk: "27182818" }))
    const policies = ["--pin-policy", wanted.pin, "--touch-policy", wanted.touch]
    const generated = await runWithPin("314159", "age-plugin-yubikey", [
      "--generate",
      "--name",
      "made here",
      ...policies,
    ])
    expect(generated.code, generated.stdout).toBe(0)
    const identity = /^AGE-PLUGIN-YUBIKEY-\S+/m.exec(generated.stdout)?.[0] ?? ""
    const recipient = /age1yubikey1\w+/.exec(generated.stdout)?.[0] ?? ""
    expect(inserted.card.state.keys["82"]).toMatchObject({
      algorithm: "p256",
      origin: "generated",
      pinPolicy: wanted.pin,
      touchPolicy: wanted.touch,
    })
    const folder = scratch()
    const [identities, secret, plain] = ["identity.txt", "secret.age", "plain"].map((name) => join(folder, name))
    writeFileSync(identities!, `${identity}\n`)
    await run("age", ["-r", recipient, "-o", secret!], { input: "for whoever has the key" })
    const decrypted = await runWithPin("314159", "age", ["-d", "-i", identities!, "-o", plain!, secret!])
    expect(decrypted.code, decrypted.stdout).toBe(0)
    expect(readFileSync(plain!, "utf8")).toBe("for whoever has the key")
  })
})
