/** Keys in slots. [800-73-4]: NIST SP 800-73-4 part 2, 3.2.4 and 3.3.1. [yubico]: policies, import, attest, move, delete. */
import { type Exchange, send } from "../apdu/exchange.ts"
import { AnswerMalformed } from "../apdu/failures.ts"
import { StatusFailure, SW } from "../apdu/status.ts"
import { concat, decodeTlvs, encodeTlv, findTlv, unwrapTlv } from "../apdu/tlv.ts"
import { Secret } from "../secret.ts"
import { type Algorithm, algorithmByte, type PublicKey, parsePublicKey } from "./algorithms.ts"
import { type PinPolicy, pinPolicyByte, type TouchPolicy, touchPolicyByte } from "./metadata.ts"
import type { Slot } from "./slots.ts"

/** Policies for a new key; "default" leaves the choice to the firmware. */
export type KeyPolicies = Readonly<{ pinPolicy: PinPolicy; touchPolicy: TouchPolicy }>

function policyObjects({ pinPolicy, touchPolicy }: KeyPolicies): Uint8Array {
  return concat(
    pinPolicy === "default" ? new Uint8Array() : encodeTlv(0xaa, Uint8Array.of(pinPolicyByte(pinPolicy))),
    touchPolicy === "default" ? new Uint8Array() : encodeTlv(0xab, Uint8Array.of(touchPolicyByte(touchPolicy))),
  )
}

/**
 * Makes a key in a slot, over whatever was there. Wants the management key.
 * @see [800-73-4] part 2, 3.3.1 GENERATE ASYMMETRIC KEY PAIR; [yubico] for AA and AB
 */
export async function generateKey(
  exchange: Exchange,
  slot: Slot,
  algorithm: Algorithm,
  policies: KeyPolicies,
): Promise<PublicKey> {
  const template = concat(encodeTlv(0x80, Uint8Array.of(algorithmByte(algorithm))), policyObjects(policies))
  const answer = await send(exchange, "GENERATE ASYMMETRIC KEY PAIR", {
    ins: 0x47,
    p1: 0,
    p2: slot,
    data: encodeTlv(0xac, template),
  })
  return parsePublicKey(algorithm, unwrapTlv(answer, 0x7f49))
}

/**
 * Imports a P-256 key into a slot, over whatever was there. Wants the management key.
 * @param scalar - 32 bytes, big endian
 * @see [yubico] IMPORT ASYMMETRIC KEY
 */
export async function importP256Key(
  exchange: Exchange,
  slot: Slot,
  scalar: Secret<"private key">,
  policies: KeyPolicies,
): Promise<void> {
  const data = concat(
    scalar.use((bytes) => encodeTlv(0x06, bytes)),
    policyObjects(policies),
  )
  try {
    await send(exchange, "IMPORT ASYMMETRIC KEY", { ins: 0xfe, p1: algorithmByte("ECCP256"), p2: slot, data })
  } finally {
    data.fill(0)
  }
}

/** What GENERAL AUTHENTICATE gave: the answer, or that PIN or touch were missing (6982 does not say which). */
export type Authenticated = Readonly<{ answer: Uint8Array } | { refused: "pin or touch" }>

/** @see [800-73-4] part 2, 3.2.4 GENERAL AUTHENTICATE, tables 6 and 7 */
async function generalAuthenticate(
  exchange: Exchange,
  slot: Slot,
  algorithm: Algorithm,
  inputTag: 0x81 | 0x85,
  input: Uint8Array,
): Promise<Authenticated> {
  const data = encodeTlv(0x7c, encodeTlv(0x82), encodeTlv(inputTag, input))
  const response = await exchange({ ins: 0x87, p1: algorithmByte(algorithm), p2: slot, data })
  if (response.sw === SW.securityStatusNotSatisfied) return { refused: "pin or touch" }
  if (response.sw !== SW.ok) throw new StatusFailure("GENERAL AUTHENTICATE", response.sw)
  const answer = findTlv(decodeTlvs(unwrapTlv(response.data, 0x7c)), 0x82)
  if (answer === null) throw new AnswerMalformed("GENERAL AUTHENTICATE gave no response object")
  return { answer }
}

/**
 * P-256 key agreement with the key in a slot.
 * @param point - the other side, 65 bytes uncompressed; the caller has checked that it is on the curve, which some cards do not
 * @returns the x-coordinate, 32 bytes
 */
export async function agreeOnSecret(
  exchange: Exchange,
  slot: Slot,
  point: Uint8Array,
): Promise<Secret<"shared secret"> | { refused: "pin or touch" }> {
  if (point.length !== 65) throw new RangeError(`"point" expected 65 bytes, got ${point.length}`)
  const result = await generalAuthenticate(exchange, slot, "ECCP256", 0x85, point)
  if ("refused" in result) return result
  if (result.answer.length !== 32)
    throw new AnswerMalformed(`a shared secret of P-256 has 32 bytes, this one has ${result.answer.length}`)
  const secret = result.answer.slice()
  result.answer.fill(0)
  return Secret.owning("shared secret", secret)
}

/**
 * ECDSA over a digest with the P-256 key in a slot.
 * @param digest - 32 bytes
 * @returns the signature in DER
 */
export async function signDigest(exchange: Exchange, slot: Slot, digest: Uint8Array): Promise<Authenticated> {
  return generalAuthenticate(exchange, slot, "ECCP256", 0x81, digest)
}

/**
 * A certificate by the key F9 that the key in a slot was made on this device.
 * @returns DER, or null for an empty slot, an imported key, or a card without attestation
 * @see [yubico] ATTEST
 */
export async function attestKey(exchange: Exchange, slot: Slot): Promise<Uint8Array | null> {
  const { data, sw } = await exchange({ ins: 0xf9, p1: slot, p2: 0 })
  const refusals: readonly number[] = [
    SW.wrongData,
    SW.notSupported,
    SW.notFound,
    SW.referenceNotFound,
    SW.instructionUnknown,
    0x6f00,
  ]
  if (refusals.includes(sw)) return null
  if (sw !== SW.ok) throw new StatusFailure("ATTEST", sw)
  return data.length === 0 ? null : data
}

/** Moves a key, without its certificate, to an empty slot. Wants the management key. @see [yubico] MOVE KEY, firmware 5.7 */
export async function moveKey(exchange: Exchange, from: Slot, to: Slot): Promise<void> {
  await send(exchange, "MOVE KEY", { ins: 0xf6, p1: to, p2: from })
}

/** Deletes a key, and leaves its certificate. Wants the management key. @see [yubico] DELETE KEY, firmware 5.7 */
export async function deleteKey(exchange: Exchange, slot: Slot): Promise<void> {
  await send(exchange, "DELETE KEY", { ins: 0xf6, p1: 0xff, p2: slot })
}
