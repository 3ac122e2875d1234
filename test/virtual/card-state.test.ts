import { X509Certificate } from "node:crypto"
import { describe, expect, it } from "vitest"
import {
  CardFileInvalid,
  FirmwareUnknown,
  importKey,
  KeyRefused,
  loadCards,
  newCard,
  PinUnusable,
} from "../../src/virtual/index.ts"
import cards from "../vectors/yubikey/cards.json" with { type: "json" }
import { hex } from "./selected.ts"

const key = { slot: 0x82, privateKey: hex("22".repeat(32)), pinPolicy: "once", touchPolicy: "always" } as const

describe("newCard", () => {
  it("makes a YubiKey with factory settings and a serial number of its own", () => {
    const card = newCard()
    expect(card).toMatchObject({ firmware: "5.7.1", pin: { value: "123456" }, puk: { value: "12345678" } })
    expect(card.serial).toBeGreaterThanOrEqual(10_000_000)
    expect(newCard().keys["f9"]).not.toEqual(card.keys["f9"])
  })

  it("refuses a firmware that there is not, and a PIN that no YubiKey takes", () => {
    expect(() => newCard({ firmware: "5.4.4" })).toThrow(FirmwareUnknown)
    for (const pin of ["12345", "123456789", "12345ä"]) expect(() => newCard({ pin })).toThrow(PinUnusable)
  })
})

describe("importKey", () => {
  it("leaves the card that it is given as it was", () => {
    const card = newCard()
    const before = structuredClone(card)
    importKey(card, key)
    expect(card).toEqual(before)
  })

  it("writes the certificate that age-plugin-yubikey would have written", () => {
    const card = importKey(newCard(), { ...key, name: "spare", now: new Date("2024-02-03T04:05:06Z") })
    const object = card.objects["5fc10d"] ?? ""
    expect(object).toMatch(/^7082[0-9a-f]{4}3082.*710100fe00$/)
    const certificate = new X509Certificate(hex(object.slice(8, -10)))
    expect(certificate.verify(certificate.publicKey)).toBe(true)
    expect(certificate.subject).toBe("O=age-plugin-yubikey\nOU=0.5.1\nCN=spare")
    expect(certificate.validFrom).toBe("Feb  3 04:05:06 2024 GMT")
    expect(certificate.validTo).toBe("Dec 31 23:59:59 9999 GMT")
    expect(certificate.raw.toString("hex")).toContain("060a2b0601040182c40a030804020202")
  })

  it("names it by the recipient's tag", () => {
    for (const [index, expected] of loadCards(cards).entries()) {
      const tag = cards.keys.find((entry) => entry.serial === expected.serial && entry.slot === "82")?.tag
      const certificate = new X509Certificate(hex((loadCards(cards)[index]?.objects["5fc10d"] ?? "").slice(8, -10)))
      expect(certificate.subject).toContain(`CN=age identity ${tag ?? "?"}`)
    }
  })

  it.each([
    { what: "a slot that there is not", change: { slot: 0x96 } },
    { what: "the attestation slot", change: { slot: 0xf9 } },
    { what: "a scalar of zero", change: { privateKey: hex("00".repeat(32)) } },
    { what: "a scalar that is too short", change: { privateKey: hex("22".repeat(31)) } },
    { what: "an RSA key that is none", change: { algorithm: "rsa2048" as const } },
  ])("refuses $what", ({ change }) => {
    expect(() => importKey(newCard(), { ...key, ...change })).toThrow(KeyRefused)
  })

  it("refuses an algorithm that the firmware does not have", () => {
    expect(() => importKey(newCard({ firmware: "5.4.3" }), { ...key, algorithm: "x25519" })).toThrow(KeyRefused)
    expect(importKey(newCard(), { ...key, algorithm: "x25519" }).keys["82"]?.algorithm).toBe("x25519")
  })
})

describe("loadCards", () => {
  it("puts keys of one serial number on one card", () => {
    expect(loadCards(cards).map((card) => [card.serial, Object.keys(card.keys).sort()])).toEqual([
      [16169658, ["82", "83", "f9"]],
      [27205443, ["82", "95", "f9"]],
    ])
  })

  it.each([
    { what: "no object", json: null },
    { what: "no list of keys", json: { pin: "123456", puk: "12345678" } },
    { what: "a key without a slot", json: { ...cards, keys: [{ ...cards.keys[0], slot: undefined }] } },
    {
      what: "two firmwares on one card",
      json: { ...cards, keys: [cards.keys[0], { ...cards.keys[0], firmware: "5.7.1" }] },
    },
    { what: "a private key that is not hex", json: { ...cards, keys: [{ ...cards.keys[0], privateKey: "x" }] } },
  ])("refuses $what", ({ json }) => expect(() => loadCards(json)).toThrow(CardFileInvalid))
})
