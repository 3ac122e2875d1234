/** Data objects. [800-73-4] part 1, 3 and 4; part 2, 3.1.2 and 3.3.2. */
import { concat, decodeTlvs, findTlv } from "../../apdu/tlv.ts"
import { hexName, wrapObject } from "../card-state.ts"
import { type Answer, type Command, ok, refuse, SW } from "../iso7816.ts"
import type { PivContext } from "./piv-context.ts"

const idTag = 0x5c
const valueTag = 0x53
const discovery = 0x7e
/** Fingerprints, facial image, printed information, iris: readable only after VERIFY (part 1, table 2). */
const pinProtected = [0x5fc103, 0x5fc108, 0x5fc109, 0x5fc121]
/** What the flash of a YubiKey 5 holds in all. */
const capacity = 51_200

/** PIV's AID, and the PIN usage policy: the application PIN, no global one (part 1, 3.3.2). */
const discoveryObject = Uint8Array.from(Buffer.from("7e124f0ba0000003080000100001005f2f024000", "hex"))

function objectId(bytes: Uint8Array): number {
  return bytes.reduce((id, byte) => id * 256 + byte, 0)
}

/** GET DATA (CB 3F FF): the object in its `53` wrapping, the discovery object as it is. */
export function getData({ state, session }: PivContext, command: Command): Answer {
  if (command.p1 !== 0x3f || command.p2 !== 0xff) return refuse(SW.wrongP1P2)
  const name = findTlv(decodeTlvs(command.data), idTag)
  if (name === null || name.length === 0 || name.length > 3) return refuse(SW.wrongData)
  const id = objectId(name)
  if (id === discovery) return ok(discoveryObject)
  if (pinProtected.includes(id) && !session.pinVerified) return refuse(SW.securityNotSatisfied)
  const value = state.objects[hexName(id)]
  return value === undefined ? refuse(SW.notFound) : ok(wrapObject(value))
}

/** PUT DATA (DB 3F FF), with the management key: an empty value deletes. */
export function putData({ state, session, profile }: PivContext, command: Command): Answer {
  if (command.p1 !== 0x3f || command.p2 !== 0xff) return refuse(SW.wrongP1P2)
  if (!session.managementAuthenticated) return refuse(SW.securityNotSatisfied)
  const parts = decodeTlvs(command.data)
  const name = findTlv(parts, idTag)
  const value = findTlv(parts, valueTag)
  if (name?.length !== 3 || name[0] !== 0x5f || value === null) return refuse(SW.wrongData)
  const id = hexName(objectId(name))
  if (value.length === 0) {
    state.objects = Object.fromEntries(Object.entries(state.objects).filter(([other]) => other !== id))
    return ok()
  }
  if (value.length > profile.maximumObject) return refuse(SW.noSpace)
  const others = Object.entries(state.objects).filter(([other]) => other !== id)
  const used = others.reduce((total, [, other]) => total + other.length / 2, 0)
  if (used + value.length > capacity) return refuse(SW.noSpace)
  state.objects[id] = Buffer.from(concat(value)).toString("hex")
  return ok()
}
