import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { Dialogue } from "../../src/age/dialogue.ts"
import { IdentityInvalid, PassphraseRefused } from "../../src/age/failures.ts"
import { decryptBytes, encryptBytes, readAgeFile } from "../../src/age/file.ts"
import { HybridIdentity } from "../../src/age/hybrid.ts"
import { EncryptedIdentityFile, parseIdentities, readIdentityFile } from "../../src/age/identity-file.ts"
import { openWith } from "../../src/age/open.ts"
import { passphraseFrom } from "../../src/age/passphrase.ts"
import { ScryptRecipient } from "../../src/age/scrypt.ts"
import { X25519Identity } from "../../src/age/x25519.ts"
import { explain, Failure } from "../../src/failure.ts"
import { fuzzRuns } from "../fuzz-runs.ts"

const stub = "AGE-PLUGIN-YUBIKEY-1FESMCQYZ2T6SVECCZSSTQ"
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

function answering(passphrase: string | null): Dialogue & { count: number } {
  const dialogue = {
    count: 0,
    tell: () => Promise.resolve(),
    ask: () => Promise.resolve(null),
    confirm: () => Promise.resolve(null),
    askSecret: () => {
      dialogue.count++
      return Promise.resolve(passphrase)
    },
  }
  return dialogue
}

describe("an identity file", () => {
  it("holds keys, plugins' identities and comments", () => {
    const text = [
      "# created: 2026-01-01",
      X25519Identity.generate().revealText(),
      "",
      `  ${stub}\r`,
      HybridIdentity.generate().revealText(),
    ].join("\n")
    const file = readIdentityFile(bytes(text), "age key in keys.txt")
    if (file.kind !== "identities") throw new TypeError("the file is in clear")
    expect(
      file.identities.map((entry) => (entry.kind === "plugin" ? entry.plugin.name : entry.identity.label)),
    ).toEqual(["age key in keys.txt", "yubikey", "age key in keys.txt"])
  })

  it("names the line that is no identity, and shows nothing of it", () => {
    const secret = X25519Identity.generate().revealText()
    for (const line of [secret.slice(0, -1), secret.toLowerCase(), `${secret} # mine`, "hello"])
      try {
        parseIdentities(`# a comment\n${line}\n`)
        expect.unreachable()
      } catch (failure) {
        if (!(failure instanceof IdentityInvalid)) throw failure
        expect(failure.where.line).toBe(2)
        expect(JSON.stringify(explain(failure))).not.toContain(line.slice(17, 40) || "hello")
      }
  })

  it("that holds none is refused", () => {
    expect(() => readIdentityFile(bytes("# nothing\n"))).toThrow(IdentityInvalid)
  })

  it("gives a failure or a value, whatever it is given", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.string().map((text) => bytes(`AGE-PLUGIN-${text}`)),
        ),
        (content) => {
          try {
            readIdentityFile(content)
          } catch (failure) {
            if (!(failure instanceof Failure)) throw failure
          }
        },
      ),
      { numRuns: fuzzRuns },
    )
  })
})

describe("an identity file behind a passphrase", () => {
  const own = X25519Identity.generate()
  const make = (armor: "armored" | "binary"): Promise<Uint8Array> =>
    encryptBytes(bytes(`${stub}\n${own.revealText()}\n`), [new ScryptRecipient(passphraseFrom("hunter2"), 2)], armor)

  it.each(["armored", "binary"] as const)("is opened once, when a file wants it (%s)", async (armor) => {
    const read = readIdentityFile(await make(armor))
    if (read.kind !== "encrypted") throw new TypeError("the file is encrypted")
    const dialogue = answering("hunter2")
    const identity = new EncryptedIdentityFile(read.bytes, "keys.age", dialogue, (entry) =>
      entry.kind === "native" ? entry.identity : null,
    )
    const file = await encryptBytes(bytes("hello"), [own.recipient])
    expect(dialogue.count).toBe(0)
    for (let times = 0; times < 3; times++)
      expect(Buffer.from(await decryptBytes(file, openWith([identity]))).toString()).toBe("hello")
    expect(dialogue.count).toBe(1)
  })

  it.each([
    { what: "a wrong passphrase", passphrase: "wrong" },
    { what: "nobody there", passphrase: null },
  ])("refuses $what, and asks once", async ({ passphrase }) => {
    const dialogue = answering(passphrase)
    const identity = new EncryptedIdentityFile(await make("binary"), "keys.age", dialogue, () => null)
    const file = await encryptBytes(bytes("hello"), [own.recipient])
    await expect(decryptBytes(file, openWith([identity]))).rejects.toThrow(PassphraseRefused)
    await expect(decryptBytes(file, openWith([identity]))).rejects.toThrow(PassphraseRefused)
    expect(dialogue.count).toBe(1)
  })

  it.each([
    { what: "a wrong passphrase", dialogue: answering("wrong"), text: "wrong passphrase" },
    { what: "no answer", dialogue: answering(null), text: "no passphrase was given" },
    { what: "nobody to ask", dialogue: null, text: "its passphrase is needed" },
  ])("names itself, not the file that it was to open, after $what", async ({ dialogue, text }) => {
    const identity = new EncryptedIdentityFile(await make("binary"), "keys.age", dialogue, () => null)
    const { header } = await readAgeFile(await encryptBytes(bytes("hello"), [own.recipient]))
    const failure = await identity.unwrapFileKey(header.stanzas).catch((cause: unknown) => cause)
    if (!(failure instanceof PassphraseRefused)) throw new TypeError("it was not refused")
    expect(explain(failure.within({ file: "secret.age" })).text).toMatch(new RegExp(`^keys\\.age: ${text}`))
  })

  it.each([{ dialogue: null }, { dialogue: answering("hunter2") }])(
    "that is encrypted to a recipient says so, and wants no passphrase, whether somebody is there or not",
    async ({ dialogue }) => {
      const file = await encryptBytes(bytes(own.revealText()), [own.recipient])
      const identity = new EncryptedIdentityFile(file, "keys.age", dialogue, () => null)
      const { header } = await readAgeFile(file)
      const failure = await identity.unwrapFileKey(header.stanzas).catch((cause: unknown) => cause)
      if (!(failure instanceof IdentityInvalid)) throw new TypeError("it was not refused")
      expect(explain(failure).text).toMatch(/^keys\.age: identity file is encrypted to keys/)
      expect(failure.hint).toContain("decrypt it")
      expect(dialogue?.count ?? 0).toBe(0)
    },
  )
})
