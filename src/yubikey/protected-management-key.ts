/**
 * A management key that the YubiKey keeps for whoever knows the PIN, as ykman and age-plugin-yubikey do it.
 * [yubico] PIVman: ADMIN DATA 5FFF00 is `80 { 81 flags, 82 salt, 83 time }`, flag 02: stored protected; PRINTED 5FC109, which is read
 * with a verified PIN only, is `88 { 89 key }`.
 */
import { concat, decodeTlvs, encodeTlv, findTlv } from "../apdu/tlv.ts"
import type { ManagementKey } from "../piv/management-key.ts"
import type { PivSession } from "../piv/session.ts"
import { OBJECT } from "../piv/slots.ts"
import { Secret } from "../secret.ts"

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
export async function keepManagementKey(session: PivSession, key: ManagementKey): Promise<void> {
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
