/** What is in a YubiKey's slots, and which of it serves age. Reading needs no PIN. */
import { AnswerMalformed } from "../apdu/failures.ts"
import type { Algorithm } from "../piv/algorithms.ts"
import { type Firmware, firmwareText } from "../piv/firmware.ts"
import type { PinPolicy, SlotMetadata, TouchPolicy } from "../piv/metadata.ts"
import type { PivSession } from "../piv/session.ts"
import { isRetired, KEY_SLOTS, RETIRED_SLOTS, type Slot } from "../piv/slots.ts"
import type { YubiKeyCard } from "./card.ts"
import { CertificateMalformed } from "./failures.ts"
import { recipientTag } from "./piv-p256.ts"
import { readSlotCertificate, type SlotCertificate } from "./slot-certificate.ts"

/** One slot that holds a key, a certificate, or both. */
export type SlotReport = Readonly<{
  slot: Slot
  /** The key's algorithm, or null where only a certificate was seen. */
  algorithm: Algorithm | null
  /** The P-256 key, 65 bytes uncompressed, or null for other keys. */
  point: Uint8Array | null
  origin: "generated" | "imported" | null
  pinPolicy: PinPolicy | null
  touchPolicy: TouchPolicy | null
  certificate: SlotCertificate | null
  /** "identity": as age-plugin-yubikey makes them; "usable": decrypts, but is listed on request only; "unusable": see `why`. */
  use: "identity" | "usable" | "unusable"
  why: string
}>

/** A YubiKey and its slots. */
export type CardReport = Readonly<{
  reader: string
  serial: number | null
  firmware: Firmware | null
  slots: readonly SlotReport[]
}>

/**
 * Reads the slots of a card.
 * @param slots - the retired ones, where age keys are, unless all are wanted
 * @throws CardRemoved, CardBusy
 */
export async function takeInventory(card: YubiKeyCard, slots: "retired" | "all" = "retired"): Promise<CardReport> {
  return card.use(async (session) => {
    const firmware = await session.firmware()
    // The name that YubiKeys have at a USB port; over radio a reader's own name stands there.
    if (/yubico yubikey/i.test(card.reader)) await session.useExtendedApdus()
    const serial = await session.serial()
    const reports: SlotReport[] = []
    for (const slot of slots === "all" ? KEY_SLOTS : RETIRED_SLOTS) {
      const report = await readSlot(session, slot)
      if (report !== null) reports.push(report)
    }
    return { reader: card.reader, serial, firmware, slots: reports }
  })
}

/** The key of a YubiKey in words: firmware or maker. */
export function cardKind(report: Pick<CardReport, "firmware">): string {
  return report.firmware === null ? "PIV card of another maker" : `firmware ${firmwareText(report.firmware)}`
}

async function readSlot(session: PivSession, slot: Slot): Promise<SlotReport | null> {
  const metadata = (await session.capabilities()).metadata ? await session.slotMetadata(slot) : "unsupported"
  if (metadata === "none") return null
  const { certificate, broken } = await readCertificate(session, slot)
  if (metadata === "unsupported") {
    // Without metadata a key without a certificate cannot be seen; other tools do not see it either.
    if (certificate === null && broken === null) return null
    return judge({
      slot,
      algorithm: certificate !== null && certificate.point !== null ? "ECCP256" : null,
      point: certificate?.point ?? null,
      origin: null,
      pinPolicy: certificate?.pinPolicy ?? null,
      touchPolicy: certificate?.touchPolicy ?? null,
      certificate,
      broken,
    })
  }
  return judge({ slot, ...keyFacts(metadata), certificate, broken })
}

function keyFacts(
  metadata: SlotMetadata,
): Pick<SlotReport, "algorithm" | "point" | "origin" | "pinPolicy" | "touchPolicy"> {
  const { algorithm, origin, pinPolicy, touchPolicy, publicKey } = metadata
  const point = algorithm === "ECCP256" && publicKey !== null && "point" in publicKey ? publicKey.point : null
  return { algorithm, point, origin, pinPolicy, touchPolicy }
}

async function readCertificate(
  session: PivSession,
  slot: Slot,
): Promise<{ certificate: SlotCertificate | null; broken: string | null }> {
  try {
    const der = await session.getCertificate(slot)
    return { certificate: der === null ? null : readSlotCertificate(der), broken: null }
  } catch (failure) {
    if (failure instanceof CertificateMalformed || failure instanceof AnswerMalformed)
      return { certificate: null, broken: failure.message }
    throw failure
  }
}

function judge(facts: Omit<SlotReport, "use" | "why"> & { broken: string | null }): SlotReport {
  const { broken, ...report } = facts
  const verdict = (use: SlotReport["use"], why: string): SlotReport => ({ ...report, use, why })
  const { point, certificate } = report
  if (point === null)
    return verdict(
      "unusable",
      report.algorithm === null && broken !== null
        ? broken
        : `age needs a P-256 key, this one is ${report.algorithm ?? "of another kind"}`,
    )
  if (certificate === null)
    return verdict("usable", broken ?? "no certificate: other programs see an empty slot; ts-age-yk decrypts with it")
  if (certificate.point !== null && !sameTag(certificate.point, point))
    return verdict("unusable", "the certificate is for another key than the one in the slot")
  if (!isRetired(report.slot)) return verdict("usable", "not in a retired slot: other programs do not look there")
  if (!certificate.ours) return verdict("usable", "certificate by another program")
  return verdict("identity", "an age identity")
}

function sameTag(a: Uint8Array, b: Uint8Array): boolean {
  const other = recipientTag(b)
  return recipientTag(a).every((byte, index) => byte === other[index])
}
