import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { p256KeyPair } from "#primitives"
import { encodeBase64 } from "../../src/age/base64.ts"
import { StanzaMalformed } from "../../src/age/failures.ts"
import type { FileKey, Stanza } from "../../src/age/stanza.ts"
import { Failure } from "../../src/failure.ts"
import { Secret } from "../../src/secret.ts"
import type { Agree } from "../../src/yubikey/piv-p256.ts"
import { YubiKeyRecipient } from "../../src/yubikey/recipient.ts"
import { isFor, keyStanzas, unwrapKeyStanza } from "../../src/yubikey/stanzas.ts"

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"))
const hex = (data: Uint8Array): string => Buffer.from(data).toString("hex")

/** Known answers: recipient's scalar 22…, ephemeral scalar 11…, file key 00 01 … 0f. Computed with a second implementation. */
const own = p256KeyPair(new Uint8Array(32).fill(0x22))
const fileKeyHex = "000102030405060708090a0b0c0d0e0f"
const known = {
  recipient: "age1yubikey1q0t94yuh0j4r6xcgrpf074a8ner979nq2aesfwh265za6wjgtzw0xr002fx",
  tagRecipient: "age1tag1q0t94yuh0j4r6xcgrpf074a8ner979nq2aesfwh265za6wjgtzw0xfds624",
  pivP256: {
    args: ["piv-p256", "UvUGZw", "AgIX5hfwtkQ5KCePlpmeaaI6TywVK99tbN9m5bgCgtTt"],
    body: Buffer.from("6/Wdrn6m6KUjJVa0qtmrg7CHnaCFl5uoXW4UXueLKc8", "base64"),
  },
  p256tag: {
    args: [
      "p256tag",
      "SY81vA",
      "BAIX5hfwtkQ5KCePlpmeaaI6TywVK99tbN9m5bgCgtTtGUp968uXcS0t2jyoWqh2Wlb0X8dYWZZS8ol8ZTBuV5Q",
    ],
    body: Buffer.from("6JkelLAPkMKID7u8ZAoTV1kI/Shbub+KhVSx508gxbI", "base64"),
  },
} satisfies Record<string, string | Stanza>

const agree: Agree = (point) => {
  const secret = own.agree(point)
  if (secret === null) return Promise.reject(new TypeError("the point was not checked"))
  return Promise.resolve(secret)
}

async function open(stanza: Stanza): Promise<string | null> {
  const [parsed] = keyStanzas([stanza])
  if (parsed === undefined) throw new TypeError("not one of ours")
  const fileKey = await unwrapKeyStanza(parsed, own.publicPoint, agree)
  return fileKey === null ? null : fileKey.use(hex)
}

describe.each(["pivP256", "p256tag"] as const)("the %s stanza", (name) => {
  const stanza = known[name]

  it("of the known answer opens to its file key", async () => {
    expect(await open(stanza)).toBe(fileKeyHex)
  })

  it("is matched by the recipient's tag alone, without a card", () => {
    const [parsed] = keyStanzas([stanza])
    const { tag } = YubiKeyRecipient.parse(known.recipient)
    if (parsed === undefined) throw new TypeError("not one of ours")
    expect(isFor(parsed, tag)).toBe(true)
    expect(isFor(parsed, Uint8Array.of(1, 2, 3, 4))).toBe(false)
  })

  it("that was changed in its body does not open, and says so without a throw", async () => {
    const body = Uint8Array.from(stanza.body)
    body[0] = (body[0] ?? 0) ^ 1
    expect(await open({ ...stanza, body })).toBeNull()
  })

  it("is malformed with one argument more or less, or a body of another length", () => {
    const [type = "", tag = "", share = ""] = stanza.args
    for (const args of [[type], [type, tag], [type, tag, share, share]])
      expect(() => keyStanzas([{ args, body: stanza.body }])).toThrow(StanzaMalformed)
    for (const length of [0, 31, 33])
      expect(() => keyStanzas([{ args: stanza.args, body: new Uint8Array(length) }])).toThrow(StanzaMalformed)
  })

  it("is malformed with base64 that is padded, not canonical, or of another length", () => {
    const [type = "", tag = "", share = ""] = stanza.args
    for (const wrong of ["", "UvUGZx", "UvUGZw==", "UvUG", "UvUGZwAA"])
      expect(() => keyStanzas([{ args: [type, wrong, share], body: stanza.body }])).toThrow(StanzaMalformed)
    expect(() => keyStanzas([{ args: [type, tag, share.slice(4)], body: stanza.body }])).toThrow(StanzaMalformed)
  })

  it("is malformed when its point is not on the curve, so that no card gets to see it", () => {
    const [type = "", tag = ""] = stanza.args
    const length = name === "pivP256" ? 33 : 65
    for (const first of [0, 2, 4, 5]) {
      const point = new Uint8Array(length).fill(0xff)
      point[0] = first
      expect(() => keyStanzas([{ args: [type, tag, encodeBase64(point)], body: stanza.body }])).toThrow(StanzaMalformed)
    }
  })
})

describe("wrapping", () => {
  it.each([known.recipient, known.tagRecipient])("for %s gives a stanza that its key opens", async (text) => {
    const fileKey: FileKey = Secret.owning("file key", bytes(fileKeyHex))
    const [stanza] = await YubiKeyRecipient.parse(text).wrapFileKey(fileKey)
    if (stanza === undefined) throw new TypeError("no stanza")
    expect(await open(stanza)).toBe(fileKeyHex)
  })
})

describe("stanzas of other types", () => {
  it("are passed over, and the places of ours are kept", () => {
    const other: Stanza = { args: ["X25519", "whatever"], body: new Uint8Array() }
    expect(keyStanzas([other, known.pivP256, other, known.p256tag]).map(({ index }) => index)).toEqual([1, 3])
  })

  it("whatever a stanza holds, it is ours, foreign, or malformed", () => {
    const argument = fc.string({ unit: "grapheme-ascii", maxLength: 90 })
    fc.assert(
      fc.property(
        fc.constantFrom("piv-p256", "p256tag", "x"),
        fc.array(argument, { maxLength: 4 }),
        fc.uint8Array({ maxLength: 40 }),
        (type, args, body) => {
          try {
            expect(keyStanzas([{ args: [type, ...args], body }]).length).toBe(type === "x" ? 0 : 1)
          } catch (failure) {
            expect(failure).toBeInstanceOf(Failure)
          }
        },
      ),
    )
  })
})
