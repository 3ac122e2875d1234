import { X509Certificate } from "node:crypto"
import { describe, expect, it } from "vitest"
import { p256KeyPair } from "#primitives"
import { RunAttendant } from "../../src/keyring/attendant.ts"
import { factoryManagementKey } from "../../src/piv/management-key.ts"
import { pinFrom } from "../../src/piv/pin.ts"
import { PivSession } from "../../src/piv/session.ts"
import { Secret } from "../../src/secret.ts"
import { type CardState, firmwareProfiles, newCard, parseFault } from "../../src/virtual/index.ts"
import { YubiKeyCard } from "../../src/yubikey/card.ts"
import { type Enrolment, enrol } from "../../src/yubikey/enrol.ts"
import { EnrolmentRefused, SlotTaken } from "../../src/yubikey/failures.ts"
import { identityText } from "../../src/yubikey/identity-text.ts"
import { takeInventory } from "../../src/yubikey/inventory.ts"
import { keepsManagementKey, readKeptManagementKey } from "../../src/yubikey/protected-management-key.ts"
import { inReader, PIN, type TestCard } from "../cards.ts"
import { rightPin, run, stanzasOf } from "../keyring/run.ts"

const wish: Enrolment = {
  pinPolicy: "once",
  touchPolicy: "never",
  version: "0.1.0",
  now: new Date("2026-02-03T04:05:06Z"),
}

const attendant = (): RunAttendant => new RunAttendant(rightPin, () => () => undefined)

async function enrolOn(card: TestCard, changes: Partial<Enrolment> = {}): ReturnType<typeof enrol> {
  const open = await YubiKeyCard.open(card.reader)
  try {
    return await enrol(open, card.card.serial, { ...wish, ...changes }, attendant())
  } finally {
    await open.close("reset")
  }
}

describe("making an identity", () => {
  it.each(firmwareProfiles.map(({ firmware }) => firmware))(
    "on firmware %s gives one that lists, and a certificate that others verify",
    async (firmware) => {
      const card = inReader(newCard({ firmware, serial: 4711, pin: PIN }))
      const facts = await enrolOn(card, { name: "laptop" })
      expect(facts).toMatchObject({ serial: 4711, slot: 0x82, name: "laptop" })
      await using open = await YubiKeyCard.open(card.reader)
      const { slots } = await takeInventory(open)
      expect(slots).toMatchObject([{ slot: 0x82, use: "identity", certificate: { name: "laptop", version: "0.1.0" } }])
      const der = await open.use((session) => session.getCertificate(0x82))
      const certificate = new X509Certificate(der ?? new Uint8Array())
      expect(certificate.verify(certificate.publicKey)).toBe(true)
      expect(identityText(facts)).toContain("#      Created: Tue, 03 Feb 2026 04:05:06 +0000")
    },
  )

  it.each([
    { pinPolicy: "always", touchPolicy: "never" },
    { pinPolicy: "once", touchPolicy: "always" },
    { pinPolicy: "never", touchPolicy: "cached" },
  ] as const)("works with PIN policy $pinPolicy and touch policy $touchPolicy", async (policies) => {
    const card = inReader(newCard({ firmware: "5.4.3", pin: PIN }))
    expect(await enrolOn(card, policies)).toMatchObject(policies)
  })

  it("takes the first empty slot, and the next one after that", async () => {
    const card = inReader(newCard({ firmware: "5.7.1", pin: PIN }))
    expect((await enrolOn(card)).slot).toBe(0x82)
    expect((await enrolOn(card)).slot).toBe(0x83)
    expect((await enrolOn(card, { slot: 0x90 })).slot).toBe(0x90)
  })

  it("overwrites a slot only by force", async () => {
    const card = inReader(newCard({ firmware: "5.7.1", pin: PIN }))
    const first = await enrolOn(card)
    await expect(enrolOn(card, { slot: 0x82 })).rejects.toBeInstanceOf(SlotTaken)
    const second = await enrolOn(card, { slot: 0x82, force: true })
    expect(Buffer.from(second.point).equals(first.point)).toBe(false)
  })

  it("refuses what the firmware lacks, and a name that is too long, before anything is changed", async () => {
    const card = inReader(newCard({ firmware: "4.3.5", pin: PIN }))
    const before = JSON.stringify(card.card.state)
    await expect(enrolOn(card, { name: "ä".repeat(33) })).rejects.toBeInstanceOf(EnrolmentRefused)
    const neo = inReader(newCard({ firmware: "3.4.9", pin: PIN }))
    await expect(enrolOn(neo, { touchPolicy: "always" })).rejects.toBeInstanceOf(EnrolmentRefused)
    await expect(enrolOn(card, { slot: 0x9a })).rejects.toBeInstanceOf(SlotTaken)
    expect(JSON.stringify(card.card.state)).toBe(before)
  })

  it("makes a key that opens what is encrypted to it", async () => {
    const card = inReader(newCard({ firmware: "5.7.1", pin: PIN }))
    const facts = await enrolOn(card)
    const { wrapPivP256 } = await import("../../src/yubikey/piv-p256.ts")
    const fileKey = Secret.owning("file key", new Uint8Array(16).fill(9))
    const stanza = wrapPivP256(facts.point, fileKey)
    await using unlock = run([card])
    const opened = await unlock.session.open([...stanzasOf("not-for-us"), stanza])
    expect(opened.use((bytes) => bytes[0])).toBe(9)
  })
})

describe("importing a key", () => {
  const scalar = (): Secret<"private key"> => Secret.owning("private key", new Uint8Array(32).fill(0x21))

  it.each(firmwareProfiles.map(({ firmware }) => firmware))(
    "on firmware %s gives an identity like one that was made there",
    async (firmware) => {
      const card = inReader(newCard({ firmware, serial: 4711, pin: PIN }))
      using privateKey = scalar()
      const facts = await enrolOn(card, { privateKey, name: "copy" })
      expect(facts.point).toEqual(privateKey.use(p256KeyPair).publicPoint)
      expect(card.card.state.keys["82"]).toMatchObject({ origin: "imported" })
      await using open = await YubiKeyCard.open(card.reader)
      const { slots } = await takeInventory(open)
      expect(slots).toMatchObject([{ slot: 0x82, use: "identity", certificate: { name: "copy" } }])
      const certificate = new X509Certificate((await open.use((session) => session.getCertificate(0x82))) ?? "")
      expect(certificate.verify(certificate.publicKey)).toBe(true)
    },
  )

  it.each([
    { firmware: "3.4.9", touchPolicy: "always", works: false },
    { firmware: "3.4.9", touchPolicy: "never", works: true },
    { firmware: "4.3.5", touchPolicy: "cached", works: true },
    { firmware: "5.7.1", touchPolicy: "cached", works: true },
  ] as const)("with touch policy $touchPolicy on firmware $firmware: $works", async ({ works, ...wanted }) => {
    const card = inReader(newCard({ firmware: wanted.firmware, pin: PIN }))
    using privateKey = scalar()
    const done = enrolOn(card, { privateKey, touchPolicy: wanted.touchPolicy })
    if (!works) {
      await expect(done).rejects.toBeInstanceOf(EnrolmentRefused)
      expect(card.card.state.keys).toEqual({})
      return
    }
    await done
    expect(card.card.state.keys["82"]).toMatchObject({ touchPolicy: wanted.touchPolicy })
  })

  it("overwrites a slot only by force", async () => {
    const card = inReader(newCard({ firmware: "5.7.1", pin: PIN }))
    const { point } = await enrolOn(card)
    using privateKey = scalar()
    await expect(enrolOn(card, { privateKey, slot: 0x82 })).rejects.toBeInstanceOf(SlotTaken)
    expect((await enrolOn(card, { privateKey, slot: 0x82, force: true })).point).not.toEqual(point)
  })
})

describe("the management key", () => {
  it("of the factory is replaced by one that the card keeps, and serves the next time", async () => {
    for (const firmware of ["4.3.5", "5.4.3", "5.7.1"]) {
      const card = inReader(newCard({ firmware, pin: PIN }))
      await enrolOn(card)
      await enrolOn(card)
      const session = await PivSession.select(await card.reader.connect())
      expect(await keepsManagementKey(session)).toBe(true)
      await expect(
        session.authenticateManagement(Secret.owning("management key", factoryManagementKey())),
      ).rejects.toMatchObject({ code: "management-key-rejected" })
    }
  })

  it("that is neither the factory's nor kept is asked for, and is not changed", async () => {
    const state: CardState = newCard({ firmware: "5.7.1", pin: PIN })
    const card = inReader({ ...state, managementKey: { algorithm: "aes256", key: "77".repeat(32), touch: false } })
    await expect(enrolOn(card)).rejects.toBeInstanceOf(EnrolmentRefused)
    await enrolOn(card, { managementKey: Secret.owning("management key", new Uint8Array(32).fill(0x77)) })
    expect(card.card.state.managementKey.key).toBe("77".repeat(32))
  })

  it("is never lost, at whichever APDU the key is pulled out", async () => {
    let cuts = 0
    for (let at = 1; at <= 40; at++) {
      const card = inReader(newCard({ firmware: "5.4.3", pin: PIN }), { faults: [parseFault(`removed@${at}`)] })
      const failed = await enrolOn(card).then(
        () => false,
        () => true,
      )
      if (failed) cuts++
      card.reader.plug()
      const session = await PivSession.select(await card.reader.connect())
      await session.verifyPin(pinFrom(PIN))
      using kept = await readKeptManagementKey(session)
      using factory = Secret.owning("management key", factoryManagementKey())
      const known = (await fits(session, kept)) || (await fits(session, factory))
      expect(known, `pulled out at APDU ${at}`).toBe(true)
    }
    expect(cuts).toBeGreaterThan(10)
  })
})

async function fits(session: PivSession, key: Secret<"management key"> | null): Promise<boolean> {
  if (key === null) return false
  return session.authenticateManagement(key).then(
    () => true,
    () => false,
  )
}
