/** GET METADATA (F7), Yubico's own command from firmware 5.3 on. */
import { concat, encodeTlv } from "../../apdu/tlv.ts"
import { factory, hexName, isKeySlot, policyBytes, type Reference } from "../card-state.ts"
import { type Answer, type Command, ok, refuse, SW } from "../iso7816.ts"
import { keyAlgorithmReferences, keyKinds, managementKeyAlgorithms } from "../key-algorithms.ts"
import { managementKeyReference } from "./management-key.ts"
import type { PivContext } from "./piv-context.ts"

const tag = { algorithm: 1, policies: 2, origin: 3, publicKey: 4, isDefault: 5, tries: 6 } as const
const origin = { generated: 1, imported: 2 } as const
/** The "algorithm" of a PIN. */
const pinAlgorithm = 0xff

function byte(name: number, ...values: readonly number[]): Uint8Array {
  return encodeTlv(name, Uint8Array.from(values))
}

function reference(value: Reference, initial: string): Answer {
  return ok(
    concat(
      byte(tag.algorithm, pinAlgorithm),
      byte(tag.isDefault, value.value === initial ? 1 : 0),
      byte(tag.tries, value.tries, value.triesLeft),
    ),
  )
}

/** What the card tells about a PIN (80), the PUK (81), the management key (9B) or the key in a slot, without any secret. */
export function getMetadata({ state }: PivContext, command: Command): Answer {
  if (command.p1 !== 0) return refuse(SW.wrongP1P2)
  if (command.p2 === 0x80) return reference(state.pin, factory.pin)
  if (command.p2 === 0x81) return reference(state.puk, factory.puk)
  if (command.p2 === managementKeyReference) {
    const { algorithm, key, touch } = state.managementKey
    return ok(
      concat(
        byte(tag.algorithm, managementKeyAlgorithms[algorithm].reference),
        byte(tag.policies, 0, touch ? 2 : 1),
        byte(tag.isDefault, key === factory.managementKey ? 1 : 0),
      ),
    )
  }
  const key = isKeySlot(command.p2) ? state.keys[hexName(command.p2)] : undefined
  if (key === undefined) return refuse(SW.referenceNotFound)
  return ok(
    concat(
      byte(tag.algorithm, keyAlgorithmReferences[key.algorithm]),
      encodeTlv(tag.policies, policyBytes(key.pinPolicy, key.touchPolicy)),
      byte(tag.origin, origin[key.origin]),
      encodeTlv(tag.publicKey, keyKinds[key.algorithm].publicKey(Buffer.from(key.privateKey, "hex"))),
    ),
  )
}
