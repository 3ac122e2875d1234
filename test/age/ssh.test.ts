import { readdirSync, readFileSync } from "node:fs"
import { ed25519 } from "@noble/curves/ed25519.js"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { Dialogue } from "../../src/age/dialogue.ts"
import { edwardsToMontgomery } from "../../src/age/edwards.ts"
import { IdentityInvalid, PassphraseRefused, RecipientInvalid, RecipientUnsupported } from "../../src/age/failures.ts"
import { decryptBytes, encryptBytes, readAgeFile } from "../../src/age/file.ts"
import { openWith } from "../../src/age/open.ts"
import { parseRecipient } from "../../src/age/recipients.ts"
import { sshIdentities } from "../../src/age/ssh-identity.ts"
import { readSshPrivateKey } from "../../src/age/ssh-private-key.ts"
import { parseSshPublicLine, sshPublicLine } from "../../src/age/ssh-public-key.ts"
import { sshLinesToAge, sshPrivateToAge, sshPublicToAge } from "../../src/age/ssh-to-age.ts"
import { X25519Identity } from "../../src/age/x25519.ts"
import { explain, Failure } from "../../src/failure.ts"
import { fuzzRuns } from "../fuzz-runs.ts"

const folder = new URL("fixtures/ssh/", import.meta.url)
const read = (name: string): string => readFileSync(new URL(name, folder), "utf8")
const forAll = new Uint8Array(readFileSync(new URL("for-all.age", folder)))
const usable = readdirSync(folder).filter((name) => /^(ed|rsa)-[a-z0-9-]*$/.test(name) && name !== "rsa-1024")

/** Answers every question with one passphrase, and counts. */
function person(passphrase: string | null): Dialogue & { asked: string[] } {
  const asked: string[] = []
  return {
    asked,
    tell: () => Promise.resolve(),
    ask: () => Promise.resolve(null),
    confirm: () => Promise.resolve(null),
    askSecret: (question) => {
      asked.push(question)
      return Promise.resolve(passphrase)
    },
  }
}

describe("an SSH private key", () => {
  it("comes in all forms that are tested here", () => {
    expect(usable.length).toBe(18)
  })

  it.each(usable)("%s opens what age encrypted to it, and what we do", async (name) => {
    const dialogue = person("hunter2")
    const identities = sshIdentities(readSshPrivateKey(read(name)), name, dialogue)
    // ed-pkcs8 has no line of its own among those that age encrypted to.
    if (name !== "ed-pkcs8")
      expect(Buffer.from(await decryptBytes(forAll, openWith(identities))).toString()).toBe("to all SSH keys")
    const publicKey = readSshPrivateKey(read(name)).publicKey ?? parseSshPublicLine(read(`${name}.pub`))
    const parsed = parseRecipient(sshPublicLine(publicKey))
    if (parsed.kind !== "native") throw new TypeError("SSH keys are native")
    const file = await encryptBytes(new Uint8Array([1, 2, 3]), [parsed.recipient])
    expect(await decryptBytes(file, openWith(identities))).toEqual(new Uint8Array([1, 2, 3]))
    expect(dialogue.asked.length).toBeLessThanOrEqual(1)
  })

  it.each(usable.filter((name) => readSshPrivateKey(read(name)).encrypted))(
    "%s refuses a wrong passphrase, asked once",
    async (name) => {
      const dialogue = person("wrong")
      const identities = sshIdentities(readSshPrivateKey(read(name)), name, dialogue)
      await expect(decryptBytes(forAll, openWith(identities))).rejects.toThrow(PassphraseRefused)
      await expect(decryptBytes(forAll, openWith(identities))).rejects.toThrow(PassphraseRefused)
      expect(dialogue.asked).toEqual([`Passphrase for ${name}`])
    },
  )

  it.each([
    { what: "nobody to ask", dialogue: null, where: undefined, said: "keys/id: its passphrase is needed, and" },
    { what: "a wrong one", dialogue: person("wrong"), where: undefined, said: "keys/id: wrong passphrase" },
    { what: "one from a command", dialogue: null, where: { option: "KEY_CMD" }, said: "secret.age, KEY_CMD: its pass" },
  ])("names itself where its passphrase is not given: $what", async ({ dialogue, where, said }) => {
    const identities = sshIdentities(readSshPrivateKey(read("ed-aes256-ctr")), "keys/id", dialogue, where)
    const { header } = await readAgeFile(forAll)
    const failure: unknown = await identities[0]?.unwrapFileKey(header.stanzas).catch((cause: unknown) => cause)
    if (!(failure instanceof PassphraseRefused)) throw new TypeError("it was not refused")
    expect(explain(failure.within({ file: "secret.age" })).text).toContain(said)
  })

  it("that a file does not name is not asked for its passphrase", async () => {
    const dialogue = person("hunter2")
    const identities = sshIdentities(readSshPrivateKey(read("ed-aes256-ctr")), "key", dialogue)
    const other = parseRecipient(read("ed-none.pub").trim())
    if (other.kind !== "native") throw new TypeError("SSH keys are native")
    const file = await encryptBytes(new Uint8Array(1), [other.recipient])
    await expect(decryptBytes(file, openWith(identities))).rejects.toThrow(/not for it/)
    expect(dialogue.asked).toEqual([])
  })

  it("opens also what was encrypted to the age key that it converts to", async () => {
    const key = parseSshPublicLine(read("ed-none.pub"))
    const file = await encryptBytes(new Uint8Array([7]), [sshPublicToAge(key)])
    const identities = sshIdentities(readSshPrivateKey(read("ed-none")), "key", null)
    expect(await decryptBytes(file, openWith(identities))).toEqual(new Uint8Array([7]))
  })

  it.each([
    { name: "ecdsa-none", why: IdentityInvalid },
    { name: "ed-none.pub", why: IdentityInvalid },
  ])("$name is refused", ({ name, why }) => {
    expect(() => readSshPrivateKey(read(name))).toThrow(why)
  })

  it.each(["ed-none", "rsa-none"])(
    "(%s) gives a typed failure, or a key, however it is damaged, and never shows itself",
    async (name) => {
      const body = read(name).split("\n").slice(1, -2).join("")
      const whole = Buffer.from(body, "base64")
      const at = fc.nat({ max: whole.length - 1 })
      const damage = fc.oneof(
        fc.tuple(at, fc.integer({ min: 0, max: 255 })).map(([index, put]) => whole.with(index, put)),
        at.map((index) => whole.subarray(0, index)),
        // A length that is made 0 or 1 reaches what a changed byte of a number does not.
        fc
          .tuple(at, fc.uint8Array({ maxLength: 5 }))
          .map(([index, put]) => Buffer.concat([whole.subarray(0, index), put, whole.subarray(index + 5)])),
      )
      await fc.assert(
        fc.asyncProperty(damage, async (bytes) => {
          const base64 = Buffer.from(bytes).toString("base64")
          const text = `-----BEGIN OPENSSH PRIVATE KEY-----\n${base64}\n-----END OPENSSH PRIVATE KEY-----\n`
          try {
            await readSshPrivateKey(text).open(null)
          } catch (failure) {
            if (!(failure instanceof Failure)) throw failure
            expect(failure.message).not.toContain(body.slice(-80, -60))
          }
        }),
        { numRuns: fuzzRuns },
      )
    },
  )

  it("with a prime of 1 is refused", async () => {
    const key = readSshPrivateKey(read("rsa-none"))
    const opened = await key.open(null)
    if (opened.type !== "ssh-rsa") throw new TypeError("it is an RSA key")
    const jwk = opened.key.export({ format: "jwk" })
    const whole = Buffer.from(read("rsa-none").split("\n").slice(1, -2).join(""), "base64")
    const prime = Buffer.from(jwk.p ?? "", "base64url")
    const start = whole.indexOf(prime)
    const one = Buffer.concat([
      whole.subarray(0, start),
      Buffer.alloc(prime.length - 1),
      Buffer.of(1),
      whole.subarray(start + prime.length),
    ])
    const text = `-----BEGIN OPENSSH PRIVATE KEY-----\n${one.toString("base64")}\n-----END OPENSSH PRIVATE KEY-----\n`
    await expect(readSshPrivateKey(text).open(null)).rejects.toThrow(IdentityInvalid)
  })
})

describe("an SSH public key", () => {
  it.each([
    { what: "ECDSA", line: read("ecdsa-none.pub"), why: RecipientUnsupported },
    { what: "RSA of 1024 bits", line: read("rsa-1024.pub"), why: RecipientInvalid },
    { what: "cut short", line: read("ed-none.pub").slice(0, 60), why: RecipientInvalid },
    { what: "of two types", line: read("ed-none.pub").replace("ssh-ed25519", "ssh-rsa"), why: RecipientInvalid },
  ])("that is $what cannot be encrypted to", ({ line, why }) => {
    expect(() => parseRecipient(line)).toThrow(why)
  })

  it("on Edwards' curve converts as noble's does, and else not at all", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (bytes) => {
        const own = ed25519.getPublicKey(bytes)
        expect(edwardsToMontgomery(own)).toEqual(Uint8Array.from(ed25519.utils.toMontgomery(own)))
        let valid = true
        try {
          ed25519.Point.fromBytes(bytes, true)
        } catch {
          valid = false
        }
        expect(edwardsToMontgomery(bytes) !== null).toBe(valid)
      }),
      { numRuns: 100 },
    )
  })
})

describe("ssh-to-age", () => {
  const hosts = ["electra", "lena", "vega"]
  const config = readFileSync(new URL("../vectors/yubikey/repo/.sops.yaml", import.meta.url), "utf8")

  it.each(hosts)("converts the host key of %s to the recipient that ssh-to-age made", (host) => {
    const line = readFileSync(
      new URL(`../vectors/yubikey/hosts/${host}/ssh_host_ed25519_key.pub`, import.meta.url),
      "utf8",
    )
    const text = sshPublicToAge(parseSshPublicLine(line)).text
    expect(config).toContain(text)
  })

  it.each(hosts)("converts the private host key of %s to the identity of that recipient", async (host) => {
    const file = new URL(`../vectors/yubikey/hosts/${host}/ssh_host_ed25519_key`, import.meta.url)
    const key = await readSshPrivateKey(readFileSync(file, "utf8")).open(null)
    const identity = sshPrivateToAge(key)
    expect(identity.recipient.text).toBe(sshPublicToAge(key.publicKey).text)
    expect(X25519Identity.parse(identity.revealText()).recipient.text).toBe(identity.recipient.text)
  })

  it("reads lines of authorized_keys and of ssh-keyscan, and says what it skips", () => {
    const [type = "", body = ""] = read("ed-none.pub").split(" ")
    const lines = sshLinesToAge(
      [
        "# a comment",
        "",
        `${type} ${body} me@home`,
        `host.example ${type} ${body}`,
        `from="10.0.0.0/8",no-pty ${type} ${body}`,
        `host.example ${read("rsa-none.pub").trim()}`,
        read("ecdsa-none.pub"),
      ].join("\n"),
    )
    expect(lines.map((line) => ("recipient" in line ? "converted" : line.skipped.message))).toEqual([
      "converted",
      "converted",
      "converted",
      'SSH key is of type "ssh-rsa", and only ssh-ed25519 converts',
      'SSH key is of type "ecdsa-sha2-nistp256", and only ssh-ed25519 converts',
    ])
    expect(lines.map(({ line }) => line)).toEqual([3, 4, 5, 6, 7])
  })

  it("refuses a line that is no key, and names it", () => {
    expect(() => sshLinesToAge("ssh-ed25519 AAAA")).toThrow(RecipientInvalid)
  })

  it("refuses an RSA key", async () => {
    const key = await readSshPrivateKey(read("rsa-none")).open(null)
    expect(() => sshPrivateToAge(key)).toThrow(IdentityInvalid)
    expect(() => sshPublicToAge(key.publicKey)).toThrow(RecipientInvalid)
  })
})
