/**
 * What every card must do, whatever it is connected through: the in-memory virtual card, the same card behind a real pcscd, and
 * recorded transcripts. The card is YubiKey 27205443 of test/vectors/yubikey/cards.json, with its PIN cache empty.
 */
import { describe, expect, it } from "vitest"
import type { CardTransport } from "../../src/pcsc/card-transport.ts"
import { PinRejected } from "../../src/piv/failures.ts"
import { pinFrom } from "../../src/piv/pin.ts"
import { PivSession } from "../../src/piv/session.ts"
import { readSlotCertificate } from "../../src/yubikey/slot-certificate.ts"
import { PIN } from "../cards.ts"

const slot = 0x82
const publicKey =
  "0459a4b15a7deba3cebcd8b988c94f339f665bdfcbceea473ba1204cf3fa3a787ac9f0c8e4c87abe30b7621c6237ee417ec4145e6924e78519a3f67b4d46f8e30f"
/** The generator of P-256: agreeing with it gives the x-coordinate of the card's own point. */
const generator =
  "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"

function bytes(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, "hex"))
}

function hex(data: Uint8Array): string {
  return Buffer.from(data).toString("hex")
}

/**
 * Declares the suite.
 * @param open - connects to the card, its PIN cache empty and its tries full; `title` names the test, for recordings
 */
export function cardContract(name: string, open: (title: string) => Promise<CardTransport>): void {
  const test = (title: string, work: (session: PivSession) => Promise<void>): void => {
    it(title, async () => {
      const transport = await open(title)
      try {
        await work(await PivSession.select(transport))
      } finally {
        await transport.close("reset")
      }
    })
  }

  describe(`a card through ${name}`, () => {
    test("tells firmware and serial number", async (session) => {
      expect(await session.firmware()).toEqual([5, 7, 1])
      expect(await session.serial()).toBe(27205443)
    })

    test("tells of a key what it is, without a PIN", async (session) => {
      const metadata = await session.slotMetadata(slot)
      expect(metadata).toMatchObject({
        algorithm: "ECCP256",
        pinPolicy: "once",
        touchPolicy: "cached",
        origin: "generated",
      })
      if (typeof metadata === "string" || metadata.publicKey === null || !("point" in metadata.publicKey))
        throw new TypeError("no key")
      expect(hex(metadata.publicKey.point)).toBe(publicKey)
    })

    test("has no metadata for an empty slot", async (session) => {
      expect(await session.slotMetadata(0x90)).toBe("none")
    })

    test("gives a certificate longer than one response", async (session) => {
      const der = await session.getCertificate(slot)
      if (der === null) throw new TypeError("no certificate")
      expect(der.length).toBeGreaterThan(256)
      const certificate = readSlotCertificate(der)
      expect(certificate).toMatchObject({ ours: true, pinPolicy: "once", touchPolicy: "cached" })
      expect(hex(certificate.point ?? new Uint8Array())).toBe(publicKey)
    })

    test("has no object where none was written", async (session) => {
      expect(await session.getObject(0x5fc10c)).toBeNull()
    })

    test("refuses a wrong PIN, counts it, and forgives it after the right one", async (session) => {
      expect(await session.pinStatus()).toEqual({ state: "needed", triesLeft: 3 })
      const refusal = await session.verifyPin(pinFrom("000000")).catch((failure: unknown) => failure)
      expect(refusal).toBeInstanceOf(PinRejected)
      expect(refusal).toMatchObject({ triesLeft: 2, code: "pin-rejected", exit: 6 })
      await session.verifyPin(pinFrom(PIN))
      expect(await session.pinStatus()).toEqual({ state: "verified" })
    })

    test("agrees on a secret after the PIN, and refuses before it", async (session) => {
      expect(await session.agreeOnSecret(slot, bytes(generator))).toEqual({ refused: "pin or touch" })
      await session.verifyPin(pinFrom(PIN))
      const secret = await session.agreeOnSecret(slot, bytes(generator))
      if ("refused" in secret) throw new TypeError("refused")
      expect(secret.use(hex)).toBe(publicKey.slice(2, 66))
    })

    test("agrees without a PIN where the key's policy is never", async (session) => {
      const secret = await session.agreeOnSecret(0x95, bytes(generator))
      expect(secret).not.toHaveProperty("refused")
    })
  })
}
