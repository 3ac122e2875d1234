/** What `yubikey generate` and `yubikey import` share: the wish for an identity, the way to the card, and what is printed of it. */
import type { Command } from "commander"
import { slotText } from "../../../failure.ts"
import type { PinPolicy, TouchPolicy } from "../../../piv/metadata.ts"
import { retiredNumber, type Slot } from "../../../piv/slots.ts"
import type { Secret } from "../../../secret.ts"
import { version } from "../../../version.ts"
import { enrol } from "../../../yubikey/enrol.ts"
import { EnrolmentRefused } from "../../../yubikey/failures.ts"
import { type IdentityFacts, identityString, identityText } from "../../../yubikey/identity-text.ts"
import { YubiKeyRecipient } from "../../../yubikey/recipient.ts"
import { attend, choosePinSource } from "../../attendance.ts"
import { withOneCard } from "../../cards.ts"
import { type IdentityOptions, oneOf, parseNumber, parseSlotOption } from "../../options.ts"
import type { World } from "../../world.ts"
import { declarePins, readManagementKey } from "./management.ts"

export type EnrolmentOptions = IdentityOptions &
  Readonly<{
    slot?: Slot
    force?: true
    name?: string
    pinPolicy: PinPolicy
    touchPolicy: TouchPolicy
    managementKeyFd?: number
    json?: true
  }>

export function declareEnrolment(command: Command): Command {
  return declarePins(command)
    .option("--slot <SLOT>", "82 to 95, or 1 to 20 (the first empty one)", parseSlotOption)
    .option("--force", "overwrite what is in the slot")
    .option("--name <NAME>", "what the identity is called")
    .option("--pin-policy <POLICY>", "never, once or always", oneOf("never", "once", "always"), "once")
    .option("--touch-policy <POLICY>", "never, always or cached", oneOf("never", "always", "cached"), "always")
    .option("--management-key-fd <N>", "read the management key, in hex, from this descriptor", parseNumber)
    .option("--json", "one JSON document")
}

/**
 * Makes the identity on the one chosen YubiKey.
 * @param privateKey - a key from elsewhere; undefined for one that the YubiKey makes
 */
export async function enrolOnOneCard(
  options: EnrolmentOptions,
  world: World,
  privateKey: Secret<"private key"> | undefined,
): Promise<IdentityFacts> {
  const attendant = attend(choosePinSource(options, world), world)
  const managementKey = await readManagementKey(options.managementKeyFd, world)
  const { slot, force, name, pinPolicy, touchPolicy } = options
  const wish = { slot, name, force: force === true, pinPolicy, touchPolicy, privateKey, managementKey, version }
  return withOneCard(
    options,
    world,
    async ({ card, serial }) => {
      if (serial === null)
        throw new EnrolmentRefused("the card does not tell its serial number", "identities name the key by it")
      return enrol(card, serial, { ...wish, now: world.now() }, attendant)
    },
    "reset",
  )
}

/** Prints the identity, ready for an identity file. @param note - what is to be known of the key */
export async function printEnrolled(
  facts: IdentityFacts,
  note: string,
  options: EnrolmentOptions,
  world: World,
): Promise<void> {
  const recipient = new YubiKeyRecipient(facts.point, "piv-p256").text
  if (options.json === true) {
    const tagRecipient = new YubiKeyRecipient(facts.point, "p256tag").text
    const { serial, name } = facts
    const identity = identityString(facts)
    const document = { serial, slot: slotText(facts.slot), name, recipient, tagRecipient, identity }
    await world.out(`${JSON.stringify(document, null, 2)}\n`)
  } else {
    await world.out(`${identityText(facts)}\n`)
    if (!world.outIsTerminal) world.err(`Recipient: ${recipient}\n`)
  }
  world.err(`ts-age-yk: slot ${retiredNumber(facts.slot)} of YubiKey ${facts.serial} holds a new identity; ${note}\n`)
}
