import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { RecipientInvalid, RecipientsDoNotMix, RecipientUnsupported } from "../../src/age/failures.ts"
import { encryptBytes } from "../../src/age/file.ts"
import { HybridIdentity } from "../../src/age/hybrid.ts"
import { passphraseFrom } from "../../src/age/passphrase.ts"
import { encodePluginRecipient } from "../../src/age/plugin-name.ts"
import { parseRecipient, parseRecipientsFile } from "../../src/age/recipients.ts"
import { ScryptRecipient } from "../../src/age/scrypt.ts"
import { X25519Identity } from "../../src/age/x25519.ts"
import { explain, Failure } from "../../src/failure.ts"
import { fuzzRuns } from "../fuzz-runs.ts"

const x25519 = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj"
const yubikey = "age1yubikey1q0t94yuh0j4r6xcgrpf074a8ner979nq2aesfwh265za6wjgtzw0xr002fx"
const secret = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX"

describe("a recipient", () => {
  it("of a plugin is data, with the plugin's name", () => {
    const parsed = parseRecipient(yubikey)
    expect(parsed).toMatchObject({ kind: "plugin", plugin: { name: "yubikey", text: yubikey } })
  })

  it("of age itself can be encrypted to", async () => {
    const pq = (await HybridIdentity.generate().recipient()).text
    expect(pq.length).toBe(1959)
    for (const text of [x25519, pq]) {
      const parsed = parseRecipient(text)
      expect(parsed.kind === "native" && parsed.recipient.text).toBe(text)
    }
  })

  it.each([
    { what: "an identity", text: secret },
    { what: "a mistyped one", text: `${x25519}q` },
    { what: "one in upper case", text: x25519.toUpperCase() },
    { what: "a plugin's with a path in its name", text: encodePluginRecipient("../evil", new Uint8Array(3)) },
    { what: "a plugin's without a name", text: encodePluginRecipient("", new Uint8Array(3)) },
    { what: "nothing", text: "" },
  ])("that is $what is refused, and not shown", ({ text }) => {
    try {
      parseRecipient(text)
      expect.unreachable()
    } catch (failure) {
      if (!(failure instanceof RecipientInvalid)) throw failure
      if (text.length > 10) expect(JSON.stringify(explain(failure))).not.toContain(text.slice(8, 20))
    }
  })

  it("gives a failure or a value, whatever it is given", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string().map((text) => `age1${text}`),
          fc.string().map((text) => `ssh-rsa ${text}`),
        ),
        (text) => {
          try {
            parseRecipient(text)
          } catch (failure) {
            if (!(failure instanceof Failure)) throw failure
          }
        },
      ),
      { numRuns: fuzzRuns },
    )
  })
})

describe("a file of recipients", () => {
  it("has one a line, with comments, and skips keys of other types", () => {
    const ecdsa = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAAABBA=="
    const { recipients, skipped } = parseRecipientsFile(`# mine\n${x25519}\r\n\n  ${yubikey}\n${ecdsa}\n`)
    expect(recipients.map(({ kind }) => kind)).toEqual(["native", "plugin"])
    expect(skipped.map((failure) => [failure instanceof RecipientUnsupported, failure.where.line])).toEqual([[true, 5]])
  })

  it("names the line that is none, without its text", () => {
    try {
      parseRecipientsFile(`${x25519}\n${secret}\n`)
      expect.unreachable()
    } catch (failure) {
      if (!(failure instanceof RecipientInvalid)) throw failure
      expect(explain(failure).text).toBe("line 2: an identity stands where a recipient is expected")
    }
  })
})

describe("recipients", () => {
  it("post-quantum and classical do not mix", async () => {
    const pq = await HybridIdentity.generate().recipient()
    await expect(encryptBytes(new Uint8Array(1), [X25519Identity.generate().recipient, pq])).rejects.toThrow(
      RecipientsDoNotMix,
    )
    await expect(encryptBytes(new Uint8Array(1), [pq, pq])).resolves.toBeInstanceOf(Uint8Array)
  })

  it("that are passphrases share a file with nobody, not with each other either", async () => {
    const passphrase = (): ScryptRecipient => new ScryptRecipient(passphraseFrom("x"), 1)
    await expect(encryptBytes(new Uint8Array(1), [passphrase(), passphrase()])).rejects.toThrow(RecipientsDoNotMix)
    await expect(encryptBytes(new Uint8Array(1), [passphrase(), X25519Identity.generate().recipient])).rejects.toThrow(
      RecipientsDoNotMix,
    )
  })

  it("are needed", async () => {
    await expect(encryptBytes(new Uint8Array(1), [])).rejects.toThrow(RecipientInvalid)
  })
})
