/**
 * A management key that the YubiKey keeps for whoever knows the PIN, as ykman and age-plugin-yubikey do it.
 * [yubico] PIVman: ADMIN DATA 5FFF00 is `80 { 81 flags, 82 salt, 83 time }`, flag 02: stored protected; PRINTED 5FC109, which is read
 * with a verified PIN only, is `88 { 89 key }`.
 */

import { randomBytes } from "#primitives"
import { concat, decodeTlvs, encodeTlv, findTlv } from "../apdu/tlv.ts"
import { PinNeeded } from "../piv/failures.ts"
import {
  factoryManagementKey,
  type ManagementAlgorithm,
  type ManagementKey,
  managementKeyLength,
} from "../piv/management-key.ts"
import type { PivSession } from "../piv/session.ts"
import { OBJECT } from "../piv/slots.ts"
import { Secret } from "../secret.ts"
import { EnrolmentRefused } from "./failures.ts"

const storedProtected = 0x02
const tag = { admin: 0x80, flags: 0x81, salt: 0x82, protected: 0x88, key: 0x89 } as const

/** Whether the card says that it keeps its own management key. Needs no PIN. */
export async function keepsManagementKey(session: PivSession): Promise<boolean> {
  const content = await session.getObject(OBJECT.adminData)
  if (content === null) return false
  const admin = findTlv(decodeTlvs(content), tag.admin)
  const flags = admin === null ? null : findTlv(decodeTlvs(admin), tag.flags)
  return ((flags?.[0] ?? 0) & storedProtected) !== 0
}

/** Reads the key that the card keeps; the PIN must be verified. @returns null when there is none */
export async function readKeptManagementKey(session: PivSession): Promise<ManagementKey | null> {
  const content = await session.getObject(OBJECT.printed)
  if (content === null) return null
  const outer = findTlv(decodeTlvs(content), tag.protected)
  const key = outer === null ? null : findTlv(decodeTlvs(outer), tag.key)
  const kept = key === null ? null : Secret.owning("management key", key.slice())
  content.fill(0)
  return kept
}

/**
 * Has the card keep a key that is about to be set: it is written first, so that it is never lost. Wants the present management key.
 */
async function keepManagementKey(session: PivSession, key: ManagementKey): Promise<void> {
  const content = key.use((bytes) => encodeTlv(tag.protected, encodeTlv(tag.key, bytes)))
  await session.putObject(OBJECT.printed, content)
  content.fill(0)
  const before = await session.getObject(OBJECT.adminData)
  const admin = before === null ? null : findTlv(decodeTlvs(before), tag.admin)
  const fields = admin === null ? [] : decodeTlvs(admin)
  const flags = findTlv(fields, tag.flags)?.[0] ?? 0
  // A salt says that the key is derived from the PIN, which this one is not.
  const others = fields.filter((field) => field.tag !== tag.flags && field.tag !== tag.salt)
  await session.putObject(
    OBJECT.adminData,
    encodeTlv(
      tag.admin,
      concat(
        encodeTlv(tag.flags, Uint8Array.of(flags | storedProtected)),
        ...others.map((field) => encodeTlv(field.tag, field.value)),
      ),
    ),
  )
}

/**
 * Shows the management key: the one given, the one that the card keeps, or the factory's, which is then replaced by a random one that
 * the card keeps. For the one that the card keeps, the PIN must be verified.
 * @throws ManagementKeyRejected, EnrolmentRefused when none is known
 */
export async function authenticateForManagement(
  session: PivSession,
  given: ManagementKey | undefined,
): Promise<ManagementAlgorithm> {
  if (given !== undefined) return session.authenticateManagement(given)
  if (await keepsManagementKey(session)) {
    using kept = await readKeptManagementKey(session)
    if (kept === null) throw new PinNeeded()
    return await session.authenticateManagement(kept)
  }
  using factory = Secret.owning("management key", factoryManagementKey())
  let algorithm: ManagementAlgorithm
  try {
    algorithm = await session.authenticateManagement(factory)
  } catch (cause) {
    throw new EnrolmentRefused(
      "the management key is neither the factory's nor kept on the card",
      "give it with --management-key-fd, or have the card keep one: ykman piv access change-management-key --protect",
      { cause },
    )
  }
  await renewManagementKey(session, algorithm)
  return algorithm
}

/**
 * Sets a random management key that the card keeps. It is written to the card before it is set, so that no power cut loses it. Wants
 * the present one.
 */
export async function renewManagementKey(session: PivSession, algorithm: ManagementAlgorithm): Promise<void> {
  using fresh = Secret.owning("management key", randomBytes(managementKeyLength(algorithm)))
  await keepManagementKey(session, fresh)
  await session.setManagementKey(algorithm, fresh)
}
