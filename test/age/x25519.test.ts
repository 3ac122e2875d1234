import { describe, expect, it } from "vitest"
import { IdentityInvalid, RecipientInvalid, StanzaMalformed } from "../../src/age/failures.ts"
import { generateFileKey } from "../../src/age/file-key.ts"
import { X25519Identity, X25519Recipient } from "../../src/age/x25519.ts"
import { Secret } from "../../src/secret.ts"

const secretText = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX"
const recipientText = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj"
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex")

describe("X25519", () => {
  it("computes the recipient of the specification's identity", () => {
    const identity = X25519Identity.parse(secretText)
    expect(identity.recipient.text).toBe(recipientText)
    expect(identity.revealText()).toBe(secretText)
  })

  it("opens what was wrapped for it, and nothing else", async () => {
    const identity = X25519Identity.generate()
    using fileKey = generateFileKey()
    const stanzas = await identity.recipient.wrapFileKey(fileKey)
    const opened = await identity.unwrapFileKey([{ args: ["other"], body: new Uint8Array(0) }, ...stanzas])
    expect(opened?.use(hex)).toBe(fileKey.use(hex))
    expect(await X25519Identity.generate().unwrapFileKey(stanzas)).toBeNull()
    expect(identity.match(stanzas)).toEqual({ fits: "maybe", asks: new Set() })
    expect(identity.match([])).toEqual({ fits: "no" })
  })

  it("refuses a malformed stanza behind a good one", async () => {
    const identity = X25519Identity.generate()
    using fileKey = generateFileKey()
    const [stanza] = await identity.recipient.wrapFileKey(fileKey)
    if (stanza === undefined) throw new TypeError("one stanza was made")
    const long = { ...stanza, args: [...stanza.args, "more"] }
    expect(identity.match([stanza, long]).fits).toBe("broken")
    await expect(identity.unwrapFileKey([stanza, long])).rejects.toThrow(StanzaMalformed)
  })

  it("never wraps for a point of low order", async () => {
    using fileKey = generateFileKey()
    await expect(new X25519Recipient(new Uint8Array(32)).wrapFileKey(fileKey)).rejects.toThrow(RecipientInvalid)
  })

  it.each([secretText.toLowerCase(), secretText.slice(0, -1), recipientText, "AGE-SECRET-KEY-1", ""])(
    "refuses an identity that is none, without showing it",
    (text) => {
      try {
        X25519Identity.parse(text)
        expect.unreachable()
      } catch (failure) {
        expect(failure).toBeInstanceOf(IdentityInvalid)
        if (text !== "") expect(String(failure)).not.toContain(text.slice(5))
      }
    },
  )

  it.each([recipientText.toUpperCase(), recipientText.slice(1), secretText])(
    "refuses a recipient that is none",
    (text) => {
      expect(() => X25519Recipient.parse(text)).toThrow(RecipientInvalid)
    },
  )

  it("shows its key to nobody", () => {
    const identity = new X25519Identity(Secret.owning("age key", new Uint8Array(32).fill(0x42)))
    expect(JSON.stringify(identity)).not.toMatch(/GFPYY|4242|QkJC/i)
  })
})
