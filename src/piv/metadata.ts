/** GET METADATA. [yubico]: Yubico's PIV extensions, firmware 5.3 and newer; other makers have it with quirks of their own. */
import type { Exchange } from "../apdu/exchange.ts"
import { StatusFailure, SW } from "../apdu/status.ts"
import { decodeTlvs, findTlv } from "../apdu/tlv.ts"
import { type Algorithm, algorithmOf, type PublicKey, parsePublicKey } from "./algorithms.ts"
import type { Slot } from "./slots.ts"

/** When the PIN is wanted for a key. "default" is what a firmware calls its own choice. */
export type PinPolicy = "default" | "never" | "once" | "always" | "match-once" | "match-always"
/** When a touch is wanted for a key; "cached": not again within 15 seconds. */
export type TouchPolicy = "default" | "never" | "always" | "cached"

const pinPolicies: readonly PinPolicy[] = ["default", "never", "once", "always", "match-once", "match-always"]
const touchPolicies: readonly TouchPolicy[] = ["default", "never", "always", "cached"]

/** The policy that a byte stands for in metadata, attestations and slot certificates, or null. */
export function pinPolicyOf(byte: number | undefined): PinPolicy | null {
  return pinPolicies[byte ?? -1] ?? null
}
export function touchPolicyOf(byte: number | undefined): TouchPolicy | null {
  return touchPolicies[byte ?? -1] ?? null
}
/** The byte that a policy is written as. */
export function pinPolicyByte(policy: PinPolicy): number {
  return pinPolicies.indexOf(policy)
}
export function touchPolicyByte(policy: TouchPolicy): number {
  return touchPolicies.indexOf(policy)
}

/** What the card says about the key in a slot. */
export type SlotMetadata = Readonly<{
  algorithm: Algorithm
  pinPolicy: PinPolicy | null
  touchPolicy: TouchPolicy | null
  origin: "generated" | "imported" | null
  publicKey: PublicKey | null
}>

/** What the card says about PIN, PUK or management key. */
export type ReferenceMetadata = Readonly<{ isDefault: boolean | null; tries: { total: number; left: number } | null }>

/**
 * Asks for the metadata of a reference.
 * @returns the objects; "none" for an empty slot; "unsupported" where the card has no such command, or has it and says nothing
 */
async function getMetadata(
  exchange: Exchange,
  reference: number,
): Promise<ReturnType<typeof decodeTlvs> | "none" | "unsupported"> {
  const { data, sw } = await exchange({ ins: 0xf7, p1: 0, p2: reference })
  switch (sw) {
    case SW.ok:
      return data.length === 0 ? "unsupported" : decodeTlvs(data)
    case SW.referenceNotFound:
    case SW.notFound:
    case SW.wrongParameters: // a slot that this card does not have
      return "none"
    case SW.instructionUnknown:
    case SW.notSupported:
    case 0x6e00:
    case 0x6f00:
      return "unsupported"
    default:
      throw new StatusFailure("GET METADATA", sw)
  }
}

/** Metadata of the key in a slot. Some cards answer for an empty slot too, without algorithm or key: that is "none". */
export async function slotMetadata(exchange: Exchange, slot: Slot): Promise<SlotMetadata | "none" | "unsupported"> {
  const objects = await getMetadata(exchange, slot)
  if (typeof objects === "string") return objects
  const algorithm = algorithmOf(findTlv(objects, 0x01)?.[0])
  if (algorithm === null) return "none"
  const policies = findTlv(objects, 0x02)
  const origin = findTlv(objects, 0x03)?.[0]
  const publicKey = findTlv(objects, 0x04)
  return {
    algorithm,
    pinPolicy: pinPolicyOf(policies?.[0]),
    touchPolicy: touchPolicyOf(policies?.[1]),
    origin: origin === 1 ? "generated" : origin === 2 ? "imported" : null,
    publicKey: publicKey === null || publicKey.length === 0 ? null : parsePublicKey(algorithm, publicKey),
  }
}

/** Metadata of PIN (0x80) or PUK (0x81). */
export async function referenceMetadata(
  exchange: Exchange,
  reference: 0x80 | 0x81,
): Promise<ReferenceMetadata | "unsupported"> {
  const objects = await getMetadata(exchange, reference)
  if (typeof objects === "string") return "unsupported"
  const isDefault = findTlv(objects, 0x05)?.[0]
  const tries = findTlv(objects, 0x06)
  const [total, left] = tries ?? []
  return {
    isDefault: isDefault === undefined ? null : isDefault !== 0,
    tries: total === undefined || left === undefined ? null : { total, left },
  }
}

/** Metadata of the management key: algorithm byte as in SET MANAGEMENT KEY, and whether it is the factory's. */
export async function managementKeyMetadata(
  exchange: Exchange,
): Promise<{ algorithm: number; isDefault: boolean | null; touch: boolean } | "unsupported"> {
  const objects = await getMetadata(exchange, 0x9b)
  if (typeof objects === "string") return "unsupported"
  const algorithm = findTlv(objects, 0x01)?.[0]
  if (algorithm === undefined) return "unsupported"
  const isDefault = findTlv(objects, 0x05)?.[0]
  return {
    algorithm,
    isDefault: isDefault === undefined ? null : isDefault !== 0,
    touch: touchPolicyOf(findTlv(objects, 0x02)?.[1]) === "always",
  }
}
