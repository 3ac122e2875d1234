import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { encodeBech32 } from "../../src/age/bech32.ts"
import { RecipientInvalid } from "../../src/age/failures.ts"
import { StubMalformed } from "../../src/yubikey/failures.ts"
import { YubiKeyRecipient } from "../../src/yubikey/recipient.ts"
import { encodeStub, isStubText, parseStub } from "../../src/yubikey/stub.ts"

const hex = (data: Uint8Array): string => Buffer.from(data).toString("hex")

/** Stubs and recipients of keys that people have published, and the value of age-plugin-yubikey's own unit test. */
const known = [
  {
    serial: 16383131,
    slot: 0x82,
    tag: "1f5dda61",
    identity: "AGE-PLUGIN-YUBIKEY-1N070JQYZRAWA5CG2E8C37",
    recipient: "age1yubikey1qgad8tvv2y97zflqndlnms0ajtk7my54u9299v6ep5jrgpm08rtdjt6sus7",
    tagRecipient: "age1tag1qgad8tvv2y97zflqndlnms0ajtk7my54u9299v6ep5jrgpm08rtdjpc0vnd",
  },
  {
    serial: 15427547,
    slot: 0x82,
    tag: "24e5dcc5",
    identity: "AGE-PLUGIN-YUBIKEY-1MDN7KQYZYNJAE3GA75AYD",
    recipient: "age1yubikey1qfkztjuhkfjr3mssnfq8su84n3slpvltxh2f4epmxfx26jjt4gwfcwe9mss",
  },
  { serial: 42, slot: 0x82, tag: "07070707", identity: "AGE-PLUGIN-YUBIKEY-19GQQQQYZQURSWPCKSHMQG" },
  { serial: 12345678, slot: 0x82, tag: "52f50667", identity: "AGE-PLUGIN-YUBIKEY-1FESMCQYZ2T6SVECCZSSTQ" },
]

describe("an identity stub", () => {
  it.each(known)("of YubiKey $serial reads and writes as the peer does", ({ serial, slot, tag, identity }) => {
    const stub = parseStub(identity)
    if (stub === null) throw new TypeError("empty")
    expect({ serial: stub.serial, slot: stub.slot, tag: hex(stub.tag) }).toEqual({ serial, slot, tag })
    expect(encodeStub(stub)).toBe(identity)
  })

  it("that is empty stands for any YubiKey here", () => {
    expect(parseStub(encodeBech32("AGE-PLUGIN-YUBIKEY-", new Uint8Array()))).toBeNull()
  })

  it("may be longer, for the sake of stubs to come", () => {
    const longer = encodeBech32("AGE-PLUGIN-YUBIKEY-", Uint8Array.of(42, 0, 0, 0, 0x95, 1, 2, 3, 4, 99))
    expect(parseStub(longer)).toMatchObject({ serial: 42, slot: 0x95 })
  })

  it.each([
    { what: "a wrong checksum", text: "AGE-PLUGIN-YUBIKEY-1N070JQYZRAWA5CG2E8C38" },
    { what: "another plugin's name", text: encodeBech32("AGE-PLUGIN-TPM-", new Uint8Array(9)) },
    { what: "eight bytes", text: encodeBech32("AGE-PLUGIN-YUBIKEY-", new Uint8Array(8)) },
    {
      what: "a slot below the retired ones",
      text: encodeBech32("AGE-PLUGIN-YUBIKEY-", Uint8Array.of(1, 0, 0, 0, 0x81, 0, 0, 0, 0)),
    },
    {
      what: "a slot above the retired ones",
      text: encodeBech32("AGE-PLUGIN-YUBIKEY-", Uint8Array.of(1, 0, 0, 0, 0x96, 0, 0, 0, 0)),
    },
  ])("with $what is refused, with the way out", ({ text }) => {
    expect(() => parseStub(text)).toThrow(StubMalformed)
  })

  it("has a serial of 32 bits without a sign", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 0xffffffff }),
        fc.integer({ min: 0x82, max: 0x95 }),
        fc.uint8Array({ minLength: 4, maxLength: 4 }),
        (serial, slot, tag) => {
          const stub = parseStub(encodeStub({ serial, slot, tag }))
          expect(stub).toEqual({ serial, slot, tag })
        },
      ),
    )
  })

  it("is known by its name, in either case", () => {
    expect(isStubText("age-plugin-yubikey-1xyz")).toBe(true)
    expect(isStubText("AGE-PLUGIN-YUBIKEY2-1XYZ")).toBe(false)
  })
})

describe("a recipient", () => {
  it.each(known.filter(({ recipient }) => recipient !== undefined))(
    "$recipient has the tag of its stub",
    ({ recipient = "", tag }) => {
      expect(hex(YubiKeyRecipient.parse(recipient).tag)).toBe(tag)
    },
  )

  it("converts to the other kind and back without loss", () => {
    const [{ recipient = "", tagRecipient = "" } = {}] = known
    expect(YubiKeyRecipient.parse(recipient).as("p256tag").text).toBe(tagRecipient)
    expect(YubiKeyRecipient.parse(tagRecipient).as("piv-p256").text).toBe(recipient)
  })

  it.each([
    { what: "a wrong checksum", text: "age1yubikey1qgad8tvv2y97zflqndlnms0ajtk7my54u9299v6ep5jrgpm08rtdjt6sus8" },
    { what: "another kind", text: encodeBech32("age1tpm", new Uint8Array(33)) },
    { what: "32 bytes", text: encodeBech32("age1yubikey", new Uint8Array(32)) },
    {
      what: "no point of the curve",
      text: encodeBech32("age1yubikey", Uint8Array.of(2, ...new Uint8Array(32).fill(0xff))),
    },
    {
      what: "an uncompressed point",
      text: encodeBech32("age1tag", Buffer.concat([Uint8Array.of(4), new Uint8Array(64)])),
    },
  ])("with $what is refused", ({ text }) => {
    expect(() => YubiKeyRecipient.parse(text)).toThrow(RecipientInvalid)
  })
})
