/** Keys in slots. [800-73-4] part 2, 3.2.4 and 3.3.1; import, move and delete are Yubico's own commands. */
import { decodeTlvs, encodeTlv, findTlv, unwrapTlv } from "../../apdu/tlv.ts"
import {
  attestationSlot,
  defaultPinPolicy,
  hexName,
  isKeySlot,
  type PinPolicy,
  type SlotKey,
  type TouchPolicy,
} from "../card-state.ts"
import { type Answer, type Command, ok, refuse, SW } from "../iso7816.ts"
import { type KeyAlgorithm, keyAlgorithmOf, keyAlgorithmReferences, keyKinds } from "../key-algorithms.ts"
import { type PivContext, touchSatisfied } from "./piv-context.ts"

const tag = {
  template: 0x7c,
  response: 0x82,
  challenge: 0x81,
  exponentiation: 0x85,
  generation: 0xac,
  publicKey: 0x7f49,
  algorithm: 0x80,
  pinPolicy: 0xaa,
  touchPolicy: 0xab,
} as const
const deleteTarget = 0xff

type Policies = { pinPolicy: PinPolicy; touchPolicy: TouchPolicy }

/** The policies of a new key, or null for one that the firmware does not know. */
function policies(context: PivContext, slot: number, parts: ReturnType<typeof decodeTlvs>): Policies | null {
  const pin = findTlv(parts, tag.pinPolicy)
  const touch = findTlv(parts, tag.touchPolicy)
  if ((pin !== null || touch !== null) && !context.profile.policies) return null
  if ((pin !== null && pin.length !== 1) || (touch !== null && touch.length !== 1)) return null
  const pinPolicy = [defaultPinPolicy(slot), "never", "once", "always"] as const
  const touchPolicy = [
    "never",
    "never",
    "always",
    ...(context.profile.cachedTouch ? (["cached"] as const) : []),
  ] as const
  const chosenPin = pinPolicy[pin?.[0] ?? 0]
  const chosenTouch = touchPolicy[touch?.[0] ?? 0]
  return chosenPin === undefined || chosenTouch === undefined
    ? null
    : { pinPolicy: chosenPin, touchPolicy: chosenTouch }
}

function mayHoldKey(context: PivContext, slot: number): boolean {
  return isKeySlot(slot) && (slot !== attestationSlot || context.profile.attestation)
}

function store(context: PivContext, slot: number, key: Uint8Array, rest: Omit<SlotKey, "privateKey">): void {
  context.state.keys[hexName(slot)] = { ...rest, privateKey: Buffer.from(key).toString("hex") }
}

/** GENERATE ASYMMETRIC KEY PAIR (47): answers with the public key; the certificate of the slot stays as it was. */
export async function generate(context: PivContext, command: Command): Promise<Answer> {
  if (!context.session.managementAuthenticated) return refuse(SW.securityNotSatisfied)
  if (command.p1 !== 0 || !mayHoldKey(context, command.p2)) return refuse(SW.wrongP1P2)
  const parts = decodeTlvs(unwrapTlv(command.data, tag.generation))
  const algorithm = keyAlgorithmOf(findTlv(parts, tag.algorithm)?.[0] ?? -1, context.profile.algorithms)
  const chosen = policies(context, command.p2, parts)
  if (algorithm === null || chosen === null) return refuse(SW.wrongData)
  const privateKey = await keyKinds[algorithm].generate()
  store(context, command.p2, privateKey, { algorithm, ...chosen, origin: "generated" })
  return ok(encodeTlv(tag.publicKey, keyKinds[algorithm].publicKey(privateKey)))
}

/** IMPORT KEY (FE): P1 the algorithm, P2 the slot. */
export function importPrivateKey(context: PivContext, command: Command): Answer {
  if (!context.session.managementAuthenticated) return refuse(SW.securityNotSatisfied)
  if (!mayHoldKey(context, command.p2)) return refuse(SW.wrongP1P2)
  const algorithm = keyAlgorithmOf(command.p1, context.profile.algorithms)
  if (algorithm === null) return refuse(SW.wrongP1P2)
  const parts = decodeTlvs(command.data)
  const privateKey = keyKinds[algorithm].import((part) => findTlv(parts, part))
  const chosen = policies(context, command.p2, parts)
  if (privateKey === null || chosen === null) return refuse(SW.wrongData)
  store(context, command.p2, privateKey, { algorithm, ...chosen, origin: "imported" })
  return ok()
}

/** MOVE KEY (F6): P1 the new slot, or FF to delete; P2 the old one. Certificates stay where they are. */
export function move(context: PivContext, command: Command): Answer {
  const { state, session } = context
  if (!session.managementAuthenticated) return refuse(SW.securityNotSatisfied)
  const [to, from] = [command.p1, command.p2]
  if (!isKeySlot(from)) return refuse(SW.wrongP1P2)
  if (to !== deleteTarget && (!isKeySlot(to) || to === attestationSlot || from === attestationSlot || to === from))
    return refuse(SW.wrongP1P2)
  const key = state.keys[hexName(from)]
  if (key === undefined) return refuse(SW.referenceNotFound)
  state.keys = Object.fromEntries(Object.entries(state.keys).filter(([slot]) => slot !== hexName(from)))
  if (to !== deleteTarget) state.keys[hexName(to)] = key
  return ok()
}

/**
 * GENERAL AUTHENTICATE (87) with a slot: a signature for a challenge, a shared secret for the other side's point. The PIN is looked
 * at before the touch, so that nobody touches in vain.
 */
export async function useKey(context: PivContext, command: Command, pinJustVerified: boolean): Promise<Answer> {
  const { state, session } = context
  const slot = command.p2
  if (!isKeySlot(slot) || slot === attestationSlot) return refuse(SW.wrongP1P2)
  const key = state.keys[hexName(slot)]
  if (key === undefined || keyAlgorithmReferences[key.algorithm] !== command.p1) return refuse(SW.wrongData)
  const parts = decodeTlvs(unwrapTlv(command.data, tag.template))
  if (findTlv(parts, tag.response)?.length !== 0) return refuse(SW.wrongData)
  const challenge = findTlv(parts, tag.challenge)
  const point = findTlv(parts, tag.exponentiation)
  if ((challenge === null) === (point === null)) return refuse(SW.wrongData)
  if (!pinSatisfied(key.pinPolicy, session.pinVerified, pinJustVerified)) return refuse(SW.securityNotSatisfied)
  if (!(await touchSatisfied(context, key.touchPolicy, slot))) return refuse(SW.securityNotSatisfied)
  if (point !== null) await context.work()
  const result = operate(key.algorithm, Buffer.from(key.privateKey, "hex"), challenge, point)
  return result === null ? refuse(SW.wrongData) : ok(encodeTlv(tag.template, encodeTlv(tag.response, result)))
}

function operate(
  algorithm: KeyAlgorithm,
  privateKey: Uint8Array,
  challenge: Uint8Array | null,
  point: Uint8Array | null,
): Uint8Array | null {
  const kind = keyKinds[algorithm]
  if (challenge !== null) return kind.sign?.(privateKey, challenge) ?? null
  return point === null ? null : (kind.agree?.(privateKey, point) ?? null)
}

function pinSatisfied(policy: PinPolicy, verified: boolean, justVerified: boolean): boolean {
  return policy === "never" || (policy === "once" ? verified : verified && justVerified)
}
