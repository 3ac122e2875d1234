/** `ts-age-yk yubikey generate`: a new age identity. */
import { Command } from "commander"
import { slotText } from "../../../failure.ts"
import type { PinPolicy, TouchPolicy } from "../../../piv/metadata.ts"
import { retiredNumber, type Slot } from "../../../piv/slots.ts"
import { version } from "../../../version.ts"
import { enrol } from "../../../yubikey/enrol.ts"
import { EnrolmentRefused } from "../../../yubikey/failures.ts"
import { identityString, identityText } from "../../../yubikey/identity-text.ts"
import { YubiKeyRecipient } from "../../../yubikey/recipient.ts"
import { attend, choosePinSource } from "../../attendance.ts"
import { withOneCard } from "../../cards.ts"
import { type IdentityOptions, oneOf, parseNumber, parseSlotOption } from "../../options.ts"
import type { World } from "../../world.ts"
import { declarePins, readManagementKey } from "./management.ts"

type GenerateOptions = IdentityOptions &
  Readonly<{
    slot?: Slot
    force?: true
    name?: string
    pinPolicy: PinPolicy
    touchPolicy: TouchPolicy
    managementKeyFd?: number
    json?: true
  }>

export function generateCommand(world: World, done: (status: number) => void): Command {
  return declarePins(new Command("generate"))
    .description("make an age identity in a retired slot")
    .option("--slot <SLOT>", "82 to 95, or 1 to 20 (the first empty one)", parseSlotOption)
    .option("--force", "overwrite what is in the slot")
    .option("--name <NAME>", "what the identity is called")
    .option("--pin-policy <POLICY>", "never, once or always", oneOf("never", "once", "always"), "once")
    .option("--touch-policy <POLICY>", "never, always or cached", oneOf("never", "always", "cached"), "always")
    .option("--management-key-fd <N>", "read the management key, in hex, from this descriptor", parseNumber)
    .option("--json", "one JSON document")
    .action(async (options: GenerateOptions) => {
      const attendant = attend(choosePinSource(options, world), world)
      const managementKey = await readManagementKey(options.managementKeyFd, world)
      const facts = await withOneCard(
        options,
        world,
        async ({ card, serial }) => {
          if (serial === null)
            throw new EnrolmentRefused("the card does not tell its serial number", "identities name the key by it")
          const { slot, force, name, pinPolicy, touchPolicy } = options
          return enrol(
            card,
            serial,
            { slot, name, force: force === true, pinPolicy, touchPolicy, managementKey, version, now: world.now() },
            attendant,
          )
        },
        "reset",
      )
      const recipient = new YubiKeyRecipient(facts.point, "piv-p256").text
      if (options.json === true)
        await world.out(
          `${JSON.stringify({ serial: facts.serial, slot: slotText(facts.slot), name: facts.name, recipient, tagRecipient: new YubiKeyRecipient(facts.point, "p256tag").text, identity: identityString(facts) }, null, 2)}\n`,
        )
      else {
        await world.out(`${identityText(facts)}\n`)
        if (!world.outIsTerminal) world.err(`Recipient: ${recipient}\n`)
        world.err(
          `ts-age-yk: slot ${retiredNumber(facts.slot)} of YubiKey ${facts.serial} holds a new identity; the key cannot be copied, so have a second one\n`,
        )
      }
      done(0)
    })
}
