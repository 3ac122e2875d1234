/**
 * An identity as age-plugin-yubikey prints it, so that the output serves as identity file, and as recipients file. Format:
 * age-plugin-yubikey i18n/en-US/age_plugin_yubikey.ftl, `yubikey-identity` and `yubikey-metadata`.
 */

import type { PinPolicy, TouchPolicy } from "../piv/metadata.ts"
import { retiredNumber, type Slot } from "../piv/slots.ts"
import { printable } from "../quote.ts"
import { recipientTag } from "./piv-p256.ts"
import { type RecipientKind, YubiKeyRecipient } from "./recipient.ts"
import { encodeStub } from "./stub.ts"

const pinTexts: Readonly<Partial<Record<PinPolicy, string>>> = {
  always: "Always (A PIN is required for every decryption, if set)",
  once: "Once   (A PIN is required once per session, if set)",
  never: "Never  (A PIN is NOT required to decrypt)",
}
const touchTexts: Readonly<Partial<Record<TouchPolicy, string>>> = {
  always: "Always (A physical touch is required for every decryption)",
  cached: "Cached (A physical touch is required for decryption, and is cached for 15 seconds)",
  never: "Never  (A physical touch is NOT required to decrypt)",
}

/** All that the text tells. */
export type IdentityFacts = Readonly<{
  serial: number
  slot: Slot
  /** 65 bytes uncompressed. */
  point: Uint8Array
  name: string
  created: Date | null
  pinPolicy: PinPolicy | null
  touchPolicy: TouchPolicy | null
}>

/** The stub of a key in a retired slot: `AGE-PLUGIN-YUBIKEY-1…`. */
export function identityString(facts: Pick<IdentityFacts, "serial" | "slot" | "point">): string {
  return encodeStub({ serial: facts.serial, slot: facts.slot, tag: recipientTag(facts.point) })
}

/** The comment lines, ready for an identity file, without the identity itself. */
function commentLines(facts: IdentityFacts): string[] {
  const { serial, slot, name, created, pinPolicy, touchPolicy } = facts
  return [
    `#       Serial: ${serial}, Slot: ${retiredNumber(slot)}`,
    `#         Name: ${printable(name)}`,
    `#      Created: ${created === null ? "Unknown" : created.toUTCString().replace("GMT", "+0000")}`,
    `#   PIN policy: ${(pinPolicy && pinTexts[pinPolicy]) ?? "Unknown"}`,
    `# Touch policy: ${(touchPolicy && touchTexts[touchPolicy]) ?? "Unknown"}`,
  ]
}

/** The block for an identity file, without a line feed at its end. */
export function identityText(facts: IdentityFacts, kind: RecipientKind = "piv-p256"): string {
  const recipient = new YubiKeyRecipient(facts.point, kind)
  return [...commentLines(facts), `#    Recipient: ${recipient.text}`, identityString(facts)].join("\n")
}

/** The block for a recipients file, without a line feed at its end. */
export function recipientText(facts: IdentityFacts, kind: RecipientKind = "piv-p256"): string {
  return [...commentLines(facts), new YubiKeyRecipient(facts.point, kind).text].join("\n")
}
