/** The management key. [800-73-4] part 2, 3.2.4 and appendix A.1; setting it is Yubico's own command. */
import { createCipheriv, createDecipheriv, randomBytes, timingSafeEqual } from "node:crypto"
import { decodeTlvs, encodeTlv, findTlv, unwrapTlv } from "../../apdu/tlv.ts"
import type { CardState } from "../card-state.ts"
import { type Answer, type Command, ok, refuse, SW } from "../iso7816.ts"
import { type ManagementKeyAlgorithm, managementKeyAlgorithms } from "../key-algorithms.ts"
import { type PivContext, touchSatisfied } from "./piv-context.ts"

/** The management key's reference. */
export const managementKeyReference = 0x9b
const template = 0x7c
const tag = { witness: 0x80, challenge: 0x81, response: 0x82 } as const

type Key = CardState["managementKey"]

function block(direction: "encrypt" | "decrypt", key: Key, input: Uint8Array): Uint8Array {
  const { cipher } = managementKeyAlgorithms[key.algorithm]
  const make = direction === "encrypt" ? createCipheriv : createDecipheriv
  const machine = make(cipher, Buffer.from(key.key, "hex"), null)
  machine.setAutoPadding(false)
  return Uint8Array.from(Buffer.concat([machine.update(input), machine.final()]))
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}

/**
 * GENERAL AUTHENTICATE (87) with 9B. Mutual: the host asks for a witness, proves that it can decrypt it, and gets its own challenge
 * encrypted. External: the host asks for a challenge and answers with it encrypted.
 */
export async function authenticateManagementKey(context: PivContext, command: Command): Promise<Answer> {
  const { state, session } = context
  const key = state.managementKey
  const { reference, blockLength } = managementKeyAlgorithms[key.algorithm]
  // P1 = 00 is the algorithm that 800-78-4 once made the default, 3DES.
  const algorithm = command.p1 === 0x00 ? managementKeyAlgorithms["3des"].reference : command.p1
  const pending = session.challenge
  session.challenge = null
  if (algorithm !== reference) return refuse(SW.wrongP1P2)
  const parts = decodeTlvs(unwrapTlv(command.data, template))
  const [witness, challenge, response] = [tag.witness, tag.challenge, tag.response].map((name) => findTlv(parts, name))

  if (witness?.length === 0) {
    const secret = randomBytes(blockLength)
    session.challenge = { kind: "mutual", block: secret }
    return ok(encodeTlv(template, encodeTlv(tag.witness, block("encrypt", key, secret))))
  }
  if (challenge?.length === 0) {
    const asked = randomBytes(blockLength)
    session.challenge = { kind: "external", block: asked }
    return ok(encodeTlv(template, encodeTlv(tag.challenge, asked)))
  }
  if (witness && challenge && pending?.kind === "mutual") {
    session.managementAuthenticated = false
    if (challenge.length !== blockLength) return refuse(SW.wrongData)
    if (!equal(witness, pending.block)) return refuse(SW.securityNotSatisfied)
    if (!(await touchGiven(context, key))) return refuse(SW.securityNotSatisfied)
    session.managementAuthenticated = true
    return ok(encodeTlv(template, encodeTlv(tag.response, block("encrypt", key, challenge))))
  }
  if (response && response.length > 0 && pending?.kind === "external") {
    session.managementAuthenticated = false
    if (!equal(response, block("encrypt", key, pending.block))) return refuse(SW.securityNotSatisfied)
    if (!(await touchGiven(context, key))) return refuse(SW.securityNotSatisfied)
    session.managementAuthenticated = true
    return ok()
  }
  return refuse(SW.wrongData)
}

function touchGiven(context: PivContext, key: Key): Promise<boolean> {
  return touchSatisfied(context, key.touch ? "always" : "never", managementKeyReference)
}

/** SET MANAGEMENT KEY (FF FF FF, or FE for one that wants a touch): algorithm, 9B, length, key. */
export function setManagementKey({ state, session, profile }: PivContext, command: Command): Answer {
  if (!session.managementAuthenticated) return refuse(SW.securityNotSatisfied)
  if (command.p1 !== 0xff || (command.p2 !== 0xff && command.p2 !== 0xfe)) return refuse(SW.wrongP1P2)
  const [reference, slot, length] = command.data
  const key = command.data.subarray(3)
  const algorithm = profile.managementKeyAlgorithms.find(
    (name) => managementKeyAlgorithms[name].reference === reference,
  )
  if (algorithm === undefined || slot !== managementKeyReference) return refuse(SW.wrongData)
  if (length !== key.length || !fits(algorithm, key)) return refuse(SW.wrongData)
  state.managementKey = { algorithm, key: Buffer.from(key).toString("hex"), touch: command.p2 === 0xfe }
  return ok()
}

function fits(algorithm: ManagementKeyAlgorithm, key: Uint8Array): boolean {
  return key.length === managementKeyAlgorithms[algorithm].keyLength
}
