/** ATTEST (F9), Yubico's own command from firmware 4.3 on. */
import { attest } from "../attestation-chain.ts"
import { attestationSlot, hexName, isKeySlot, policyBytes } from "../card-state.ts"
import { type Answer, type Command, ok, refuse, SW } from "../iso7816.ts"
import type { PivContext } from "./piv-context.ts"

/** A certificate over the key in slot P1, if it was made on this card. An attestation key of another kind than P-256 signs nothing. */
export function attestKey({ state, profile }: PivContext, command: Command): Answer {
  if (command.p2 !== 0 || !isKeySlot(command.p1)) return refuse(SW.wrongP1P2)
  const key = state.keys[hexName(command.p1)]
  const signer = state.keys[hexName(attestationSlot)]
  // A newer YubiKey says that the reference is missing, an older one that the object is.
  if (key === undefined) return refuse(profile.metadata ? SW.referenceNotFound : SW.notFound)
  if (key.origin !== "generated" || signer?.algorithm !== "p256") return refuse(SW.wrongData)
  return ok(
    attest(
      profile,
      {
        slot: command.p1,
        algorithm: key.algorithm,
        privateKey: Buffer.from(key.privateKey, "hex"),
        policies: policyBytes(key.pinPolicy, key.touchPolicy),
        serial: state.serial,
      },
      Buffer.from(signer.privateKey, "hex"),
    ),
  )
}
