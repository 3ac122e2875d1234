import { createPublicKey, createVerify, X509Certificate } from "node:crypto"
import { deflateSync, gzipSync } from "node:zlib"
import { describe, expect, it } from "vitest"
import { encodeTlv } from "../../src/apdu/tlv.ts"
import {
  AppletMissing,
  ManagementKeyRejected,
  ObjectMalformed,
  PinBlocked,
  PinRejected,
  PinUnusable,
} from "../../src/piv/failures.ts"
import { factoryManagementKey, MANAGEMENT_ALGORITHMS, managementKeyLength } from "../../src/piv/management-key.ts"
import { pinFrom } from "../../src/piv/pin.ts"
import { PivSession } from "../../src/piv/session.ts"
import { certificateObject, parseSlot } from "../../src/piv/slots.ts"
import { Secret } from "../../src/secret.ts"
import { firmwareProfiles, importKey, newCard } from "../../src/virtual/index.ts"
import { certificateToSign, signedCertificate } from "../../src/yubikey/slot-certificate.ts"
import { inReader, type TestCard } from "../cards.ts"

const firmwares = firmwareProfiles.map(({ firmware }) => firmware)
const since = (firmware: string, wanted: string): boolean =>
  firmware.localeCompare(wanted, "en", { numeric: true }) >= 0
const slot = 0x82

async function open(
  firmware: string,
  touch: "auto" | "never" = "auto",
): Promise<{ session: PivSession; card: TestCard }> {
  const card = inReader(newCard({ firmware, serial: 0xf0000001 }), { touch })
  return { session: await PivSession.select(await card.reader.connect()), card }
}

async function managed(firmware: string): Promise<PivSession> {
  const { session } = await open(firmware)
  await session.authenticateManagement(Secret.owning("management key", factoryManagementKey()))
  return session
}

const managementKey = (length: number, fill: number): Secret<"management key"> =>
  Secret.owning(
    "management key",
    new Uint8Array(length).map((_, index) => fill + index),
  )

describe.each(firmwares)("a YubiKey with firmware %s", (firmware) => {
  it("tells firmware and serial number, as a number without a sign", async () => {
    const { session } = await open(firmware)
    // A NEO tells the version of its PIV application instead.
    expect((await session.firmware())?.join(".")).toBe(firmware === "3.4.9" ? "1.0.4" : firmware)
    expect(await session.serial()).toBe(0xf0000001)
  })

  it("changes PIN and PUK, and unblocks the PIN with the PUK", async () => {
    const { session } = await open(firmware)
    await session.changePin("PIN", pinFrom("123456"), pinFrom("abcdefgh"))
    await session.changePin("PUK", pinFrom("12345678", "PUK"), pinFrom("87654321", "PUK"))
    await expect(session.verifyPin(pinFrom("123456"))).rejects.toMatchObject({ triesLeft: 2 })
    await session.verifyPin(pinFrom("abcdefgh"))
    for (const left of [2, 1])
      await expect(session.verifyPin(pinFrom("000000"))).rejects.toMatchObject({ triesLeft: left })
    await expect(session.verifyPin(pinFrom("000000"))).rejects.toBeInstanceOf(PinBlocked)
    expect(await session.pinStatus()).toEqual({ state: "blocked" })
    await expect(session.unblockPin(pinFrom("00000000", "PUK"), pinFrom("123456"))).rejects.toMatchObject({
      triesLeft: 2,
      message: "wrong PUK, 2 tries left",
    })
    await session.unblockPin(pinFrom("87654321", "PUK"), pinFrom("123456"))
    await session.verifyPin(pinFrom("123456"))
  })

  it("sets the number of tries, and puts PIN and PUK back", async () => {
    const session = await managed(firmware)
    await session.changePin("PIN", pinFrom("123456"), pinFrom("654321"))
    await session.verifyPin(pinFrom("654321"))
    await session.setPinRetries(5, 7)
    await expect(session.verifyPin(pinFrom("654321"))).rejects.toMatchObject({ triesLeft: 4 })
    await session.verifyPin(pinFrom("123456"))
  })

  it("keeps objects of any length, and deletes them", async () => {
    const session = await managed(firmware)
    for (const length of [1, 200, 300, firmware === "3.4.9" ? 1500 : 3000]) {
      const content = new Uint8Array(length).map((_, index) => index % 251)
      await session.putObject(0x5fc10d, content)
      expect(Buffer.from((await session.getObject(0x5fc10d)) ?? []).equals(content)).toBe(true)
    }
    await session.putObject(0x5fc10d, null)
    expect(await session.getObject(0x5fc10d)).toBeNull()
  })

  it("refuses objects and keys before the management key was shown", async () => {
    const { session } = await open(firmware)
    await expect(session.putObject(0x5fc10d, Uint8Array.of(1))).rejects.toMatchObject({ sw: 0x6982 })
    await expect(
      session.generateKey(slot, "ECCP256", { pinPolicy: "default", touchPolicy: "default" }),
    ).rejects.toMatchObject({ sw: 0x6982 })
  })

  it("refuses a wrong management key, and one of another length", async () => {
    const { session } = await open(firmware)
    await expect(session.authenticateManagement(managementKey(24, 7))).rejects.toBeInstanceOf(ManagementKeyRejected)
    await expect(session.authenticateManagement(managementKey(16, 7))).rejects.toBeInstanceOf(ManagementKeyRejected)
  })

  it("takes management keys of every algorithm that it has, which is found and not assumed", async () => {
    for (const algorithm of MANAGEMENT_ALGORITHMS) {
      if (algorithm !== "TDES" && !since(firmware, "5.4")) continue
      const session = await managed(firmware)
      await session.setManagementKey(algorithm, managementKey(managementKeyLength(algorithm), 0x11))
      expect(await session.authenticateManagement(managementKey(managementKeyLength(algorithm), 0x11))).toBe(algorithm)
    }
  })

  it("makes a key, signs with it, and certifies it in a way that others verify", async () => {
    const session = await managed(firmware)
    const key = await session.generateKey(slot, "ECCP256", { pinPolicy: "default", touchPolicy: "default" })
    if (!("point" in key)) throw new TypeError("no point")
    const fields = {
      point: key.point,
      name: "n",
      version: "1",
      serial: Uint8Array.of(1),
      created: new Date(0),
      pinPolicy: "once",
      touchPolicy: "never",
    } as const
    const toSign = certificateToSign(fields)
    await session.verifyPin(pinFrom("123456"))
    const { sha256 } = await import("#primitives")
    const signed = await session.signDigest(slot, sha256(toSign))
    if ("refused" in signed) throw new TypeError("refused")
    const der = signedCertificate(toSign, signed.answer)
    await session.putCertificate(slot, der)
    const stored = new X509Certificate((await session.getCertificate(slot)) ?? new Uint8Array())
    expect(stored.verify(stored.publicKey)).toBe(true)
    expect(
      createVerify("sha256")
        .update(toSign)
        .verify(createPublicKey(stored.publicKey.export({ format: "pem", type: "spki" })), signed.answer),
    ).toBe(true)
  })

  it("attests a key that it made, and none that was imported or is not there", async () => {
    const session = await managed(firmware)
    await session.generateKey(slot, "ECCP256", { pinPolicy: "default", touchPolicy: "default" })
    await session.importP256Key(0x83, Secret.owning("private key", new Uint8Array(32).fill(0x11)), {
      pinPolicy: "default",
      touchPolicy: "default",
    })
    const attestation = await session.attestKey(slot)
    expect(attestation !== null).toBe(since(firmware, "4.3"))
    if (attestation !== null) expect(new X509Certificate(attestation).subject).toContain("YubiKey PIV Attestation 82")
    expect(await session.attestKey(0x83)).toBeNull()
    expect(await session.attestKey(0x84)).toBeNull()
  })

  it("reads certificates that are plain, gzip, or as Net iD writes them", async () => {
    const session = await managed(firmware)
    const der = signedCertificate(
      certificateToSign({
        point: new Uint8Array(65),
        name: "n",
        version: "1",
        serial: Uint8Array.of(1),
        created: new Date(0),
        pinPolicy: "once",
        touchPolicy: "never",
      }),
      Uint8Array.of(0x30, 0),
    )
    const length = Uint8Array.of(1, 0, der.length & 0xff, der.length >> 8)
    for (const [content, info] of [
      [der, 0],
      [gzipSync(der), 1],
      [Buffer.concat([length, deflateSync(der)]), 0],
      [Buffer.concat([length, deflateSync(der)]), 1],
    ] as const) {
      await session.putObject(
        certificateObject(slot),
        Buffer.concat([encodeTlv(0x70, content), encodeTlv(0x71, Uint8Array.of(info)), encodeTlv(0xfe)]),
      )
      expect(Buffer.from((await session.getCertificate(slot)) ?? []).equals(der)).toBe(true)
    }
    await session.putObject(
      certificateObject(slot),
      Buffer.concat([encodeTlv(0x70, Buffer.from("1f8b08", "hex")), encodeTlv(0x71, Uint8Array.of(1))]),
    )
    await expect(session.getCertificate(slot)).rejects.toBeInstanceOf(ObjectMalformed)
  })

  it("is reset only after PIN and PUK are blocked, and is as from the factory then", async () => {
    const session = await managed(firmware)
    await session.generateKey(slot, "ECCP256", { pinPolicy: "default", touchPolicy: "default" })
    await session.changePin("PIN", pinFrom("123456"), pinFrom("654321"))
    await session.reset()
    expect(await session.pinStatus()).toEqual({ state: "needed", triesLeft: 3 })
    await session.verifyPin(pinFrom("123456"))
    await session.authenticateManagement(Secret.owning("management key", factoryManagementKey()))
    expect(await session.getCertificate(slot)).toBeNull()
  })

  it("moves and deletes keys from 5.7 on", async () => {
    const session = await managed(firmware)
    await session.generateKey(slot, "ECCP256", { pinPolicy: "default", touchPolicy: "default" })
    if (!since(firmware, "5.7")) {
      await expect(session.moveKey(slot, 0x84)).rejects.toMatchObject({ code: "card-refused" })
      return
    }
    await session.moveKey(slot, 0x84)
    expect(await session.slotMetadata(slot)).toBe("none")
    expect(await session.slotMetadata(0x84)).toMatchObject({ algorithm: "ECCP256", origin: "generated" })
    await session.deleteKey(0x84)
    expect(await session.slotMetadata(0x84)).toBe("none")
  })
})

describe("extended APDUs", () => {
  it("are used where the firmware has them, and give the same answers in fewer exchanges", async () => {
    const state = importKey(newCard({ firmware: "5.4.3" }), {
      slot,
      privateKey: new Uint8Array(32).fill(0x11),
      pinPolicy: "once",
      touchPolicy: "never",
    })
    const counts: number[] = []
    for (const extended of [false, true]) {
      const card = inReader(state)
      const session = await PivSession.select(await card.reader.connect())
      if (extended) await session.useExtendedApdus()
      const before = card.reader.apdus
      expect((await session.getCertificate(slot))?.length).toBeGreaterThan(256)
      counts.push(card.reader.apdus - before)
    }
    expect(counts).toEqual([2, 1])
  })
})

describe("a card without the PIV application", () => {
  it("is told as such, with the way out", async () => {
    const card = inReader({ ...newCard({ firmware: "5.4.3" }), pivEnabled: false })
    const failure = await PivSession.select(await card.reader.connect()).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(AppletMissing)
    expect(failure).toMatchObject({ exit: 5, hint: "switch it on: ykman config usb --enable PIV" })
  })
})

describe("what is typed as PIN", () => {
  it.each(["12345", "123456789", "", "ccccccbtdrjbibfkvlrgnrhfbnlbhkjetlrghfbjdjbd"])(
    "%j costs no try: it is refused before the card sees it",
    async (text) => {
      const { session } = await open("5.4.3")
      expect(() => pinFrom(text)).toThrow(PinUnusable)
      expect(await session.pinStatus()).toEqual({ state: "needed", triesLeft: 3 })
    },
  )

  it("is padded to eight bytes, and counted in bytes and not in characters", () => {
    expect(pinFrom("123456").use((bytes) => Buffer.from(bytes).toString("hex"))).toBe("313233343536ffff")
    expect(() => pinFrom("äöüäö")).toThrow("longer")
    expect(pinFrom("äöü").length).toBe(8)
  })
})

describe("a slot", () => {
  it.each([
    ["82", 0x82],
    ["0x95", 0x95],
    ["9a", 0x9a],
    ["9D", 0x9d],
    ["1", 0x82],
    ["20", 0x95],
    ["21", null],
    ["0", null],
    ["96", null],
    ["f9", null],
    ["", null],
  ])("written %j is %j", (text, expected) => {
    expect(parseSlot(text)).toBe(expected)
  })
})

it("a refused PIN is a failure with the tries left, exit 6", () => {
  expect(new PinRejected("PIN", 1)).toMatchObject({ message: "wrong PIN, 1 try left", exit: 6, triesLeft: 1 })
})
