/**
 * A new age identity on a YubiKey, as age-plugin-yubikey makes them (src/builder.rs, src/key.rs `manage`): key, policies, certificate;
 * management keys of every algorithm, and none is ever lost.
 */
import { p256KeyPair, randomBytes, sha256 } from "#primitives"
import { PinBlocked } from "../piv/failures.ts"
import type { KeyPolicies } from "../piv/keys.ts"
import type { ManagementKey } from "../piv/management-key.ts"
import type { PinPolicy, TouchPolicy } from "../piv/metadata.ts"
import type { PivSession } from "../piv/session.ts"
import { isRetired, RETIRED_SLOTS, retiredNumber, type Slot } from "../piv/slots.ts"
import type { Secret } from "../secret.ts"
import type { YubiKeyCard } from "./card.ts"
import { EnrolmentRefused, SlotTaken } from "./failures.ts"
import type { IdentityFacts } from "./identity-text.ts"
import { type Attendant, askAndShowPin, type KeyInQuestion, signWithKey } from "./key-use.ts"
import { recipientTag } from "./piv-p256.ts"
import { authenticateForManagement } from "./protected-management-key.ts"
import { certificateToSign, longestName, signedCertificate } from "./slot-certificate.ts"

/** What the new identity shall be. */
export type Enrolment = Readonly<{
  /** First empty retired slot unless given. */
  slot?: Slot | undefined
  /** Overwrites what is in the slot. */
  force?: boolean
  /** `age identity TAG` unless given; at most 64 bytes. */
  name?: string | undefined
  pinPolicy: PinPolicy
  touchPolicy: TouchPolicy
  /** The key, 32 bytes, big endian, where it is one from elsewhere; else the card makes one that never leaves it. */
  privateKey?: Secret<"private key"> | undefined
  /** The card's management key, where it is neither the factory's nor kept on the card. */
  managementKey?: ManagementKey | undefined
  version: string
  now: Date
}>

/**
 * Finds the slot for a new key.
 * @throws SlotTaken
 */
export async function chooseSlot(card: YubiKeyCard, wanted: Slot | undefined, force: boolean): Promise<Slot> {
  if (wanted !== undefined) {
    if (!isRetired(wanted))
      throw new SlotTaken("age identities go into retired slots", "name one of 82 to 95, or 1 to 20", {
        where: { slot: wanted },
      })
    if (!force && (await isTaken(card, wanted)))
      throw new SlotTaken(`slot ${retiredNumber(wanted)} is not empty`, "use --force to overwrite what is in it", {
        where: { slot: wanted },
      })
    return wanted
  }
  for (const slot of RETIRED_SLOTS) if (!(await isTaken(card, slot))) return slot
  throw new SlotTaken("no empty slot is left", "name one with --slot and overwrite it with --force")
}

async function isTaken(card: YubiKeyCard, slot: Slot): Promise<boolean> {
  return card.use(async (session) => {
    const metadata = await session.slotMetadata(slot)
    if (typeof metadata !== "string") return true
    return (await session.getCertificate(slot)) !== null
  })
}

/**
 * Makes the identity. The caller closes the card with "reset" afterwards, since the management key was shown to it.
 * @throws SlotTaken, EnrolmentRefused, ManagementKeyRejected, PinRejected, PinBlocked, TouchTimedOut, StatusFailure
 */
export async function enrol(
  card: YubiKeyCard,
  serial: number,
  enrolment: Enrolment,
  attendant: Attendant,
): Promise<IdentityFacts> {
  const { pinPolicy, touchPolicy, name } = enrolment
  if (name !== undefined && new TextEncoder().encode(name).length > longestName)
    throw new EnrolmentRefused(`the name is longer than ${longestName} bytes`, "choose a shorter one")
  const slot = await chooseSlot(card, enrolment.slot, enrolment.force === true)
  const question: KeyInQuestion = { serial, reader: card.reader, slot }
  const policies = await card.use(async (session) => {
    const able = await policiesFor(session, pinPolicy, touchPolicy)
    await provePinForManagement(card, session, question, attendant)
    await authenticateForManagement(session, enrolment.managementKey)
    return able
  })
  const { privateKey } = enrolment
  const point = await card.use((session) =>
    privateKey === undefined ? makeKey(session, slot, policies) : importKey(session, slot, privateKey, policies),
  )
  const tag = recipientTag(point)
  const facts: IdentityFacts = {
    serial,
    slot,
    point,
    name: name ?? `age identity ${Buffer.from(tag).toString("hex")}`,
    created: enrolment.now,
    pinPolicy,
    touchPolicy,
  }
  const toSign = certificateToSign({
    ...facts,
    version: enrolment.version,
    serial: randomBytes(20),
    created: enrolment.now,
    pinPolicy,
    touchPolicy,
  })
  const origin = privateKey === undefined ? "generated" : "imported"
  const key = { slot, point, tag, pinPolicy, touchPolicy, origin } as const
  const signature = await signWithKey({ card, key, question, attendant }, sha256(toSign))
  await card.use((session) => session.putCertificate(slot, signedCertificate(toSign, signature)))
  return facts
}

/** @returns the public point, 65 bytes uncompressed; so does `importKey` */
async function makeKey(session: PivSession, slot: Slot, policies: KeyPolicies): Promise<Uint8Array> {
  const publicKey = await session.generateKey(slot, "ECCP256", policies)
  if (!("point" in publicKey)) throw new TypeError("a P-256 key has a point")
  return publicKey.point
}

async function importKey(
  session: PivSession,
  slot: Slot,
  privateKey: Secret<"private key">,
  policies: KeyPolicies,
): Promise<Uint8Array> {
  const { publicPoint } = privateKey.use(p256KeyPair)
  await session.importP256Key(slot, privateKey, policies)
  return publicPoint
}

/** What the card is told of the policies: a NEO takes none, and has its own. @throws EnrolmentRefused */
async function policiesFor(session: PivSession, pinPolicy: PinPolicy, touchPolicy: TouchPolicy): Promise<KeyPolicies> {
  const able = await session.capabilities()
  if (touchPolicy === "cached" && !able.cachedTouch)
    throw new EnrolmentRefused("this firmware has no cached touch", "choose --touch-policy always or never")
  if (able.touchPolicy) return { pinPolicy, touchPolicy }
  if (touchPolicy !== "never" || pinPolicy !== "once")
    throw new EnrolmentRefused("this firmware has no policies", "choose --touch-policy never and --pin-policy once")
  return { pinPolicy: "default", touchPolicy: "default" }
}

/**
 * Management commands want no PIN, but the key that the card keeps does, and so does the signature under the certificate.
 * @throws PinRejected, PinBlocked, PinNeeded
 */
export async function provePinForManagement(
  card: YubiKeyCard,
  session: PivSession,
  question: KeyInQuestion,
  attendant: Attendant,
): Promise<void> {
  const status = await session.pinStatus()
  if (status.state === "blocked") throw new PinBlocked("PIN")
  if (status.state === "verified") return
  await askAndShowPin({ session, card, question, attendant }, status.triesLeft)
}
