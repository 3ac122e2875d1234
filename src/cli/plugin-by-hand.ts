/** `age-plugin-yubikey` called by a person or a script: the options and the output of the Rust program. */
import { Command, CommanderError, Option } from "commander"
import { EXIT } from "../failure.ts"
import type { PinPolicy, TouchPolicy } from "../piv/metadata.ts"
import { isRetired } from "../piv/slots.ts"
import { printable } from "../quote.ts"
import { version } from "../version.ts"
import { enrol } from "../yubikey/enrol.ts"
import { EnrolmentRefused, SlotTaken } from "../yubikey/failures.ts"
import { type IdentityFacts, identityText, recipientText } from "../yubikey/identity-text.ts"
import { takeInventory } from "../yubikey/inventory.ts"
import { YubiKeyRecipient } from "../yubikey/recipient.ts"
import { attend, choosePinSource } from "./attendance.ts"
import { withEachCard, withOneCard } from "./cards.ts"
import { WrongUsage } from "./failures.ts"
import { oneOf, parseNumber } from "./options.ts"
import type { World } from "./world.ts"

type Options = Readonly<{
  generate?: true
  identity?: true
  list?: true
  listAll?: true
  force?: true
  serial?: number
  slot?: number
  name?: string
  pinPolicy: PinPolicy
  touchPolicy: TouchPolicy
}>

/** @returns the exit status */
export async function pluginByHand(argv: readonly string[], world: World): Promise<number> {
  let output = ""
  const command = new Command("age-plugin-yubikey")
    .description("The age plugin for YubiKeys; age, rage and sops call it. By hand it lists and makes identities.")
    .option("-g, --generate", "generate a new identity")
    .option("-i, --identity", "print identities stored in connected YubiKeys")
    .option("-l, --list", "list recipients of identities that age-plugin-yubikey made")
    .option("--list-all", "list all YubiKey keys that are compatible with age")
    .option("-f, --force", "overwrite the slot when generating")
    .option("--serial <SERIAL>", "the YubiKey to use, if more than one is plugged in", parseNumber)
    .option("--slot <SLOT>", "the slot to use: 1 to 20", parseNumber)
    .option("--name <NAME>", "name of the generated identity")
    .addOption(
      new Option("--pin-policy <POLICY>", "always, once or never")
        .argParser(oneOf("always", "once", "never"))
        .default("once"),
    )
    .addOption(
      new Option("--touch-policy <POLICY>", "always, cached or never")
        .argParser(oneOf("always", "cached", "never"))
        .default("always"),
    )
    .version(`age-plugin-yubikey ${version}`, "-V, --version")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => {
        output += text
      },
      writeErr: (text) => world.err(text),
    })
  try {
    command.parse([...argv], { from: "user" })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    await world.out(output)
    return error.exitCode === 0 ? 0 : EXIT.usage
  }
  const options = command.opts<Options>()
  refuseContradictions(options)
  if (options.generate === true) await generate(options, world)
  else if (options.identity === true || options.list === true || options.listAll === true) await list(options, world)
  else {
    await world.out(command.helpInformation())
    return EXIT.usage
  }
  return 0
}

function refuseContradictions(options: Options): void {
  const modes = [options.generate, options.identity, options.list, options.listAll].filter((mode) => mode === true)
  if (modes.length > 1) throw new WrongUsage("only one of --generate, --identity, --list, --list-all can be specified")
  if (options.force === true && options.generate !== true) throw new WrongUsage("--force goes with --generate alone")
  if (options.listAll === true && options.slot !== undefined)
    throw new WrongUsage("--slot cannot be used with --list-all")
  if (options.slot !== undefined && !(options.slot >= 1 && options.slot <= 20))
    throw new WrongUsage(`invalid slot ${options.slot}: expected a number between 1 and 20`)
}

function cardOptions(options: Options): { serial?: number[] } {
  return options.serial === undefined ? {} : { serial: [options.serial] }
}

async function generate(options: Options, world: World): Promise<void> {
  const attendant = attend(choosePinSource({}, world), world)
  const facts = await withOneCard(
    cardOptions(options),
    world,
    async ({ card, serial }) => {
      if (serial === null)
        throw new EnrolmentRefused("the card does not tell its serial number", "identities name the key by it")
      const { name, force, pinPolicy, touchPolicy } = options
      const slot = options.slot === undefined ? undefined : 0x81 + options.slot
      return enrol(
        card,
        serial,
        { slot, name, force: force === true, pinPolicy, touchPolicy, version, now: world.now() },
        attendant,
      )
    },
    "reset",
  )
  await printIdentities([facts], world)
}

async function list(options: Options, world: World): Promise<void> {
  const found: IdentityFacts[] = []
  await withEachCard(cardOptions(options), world, async ({ card, serial }) => {
    const { slots } = await takeInventory(card)
    for (const slot of slots) {
      const wanted =
        options.slot === undefined
          ? slot.use === "identity" || options.listAll === true
          : slot.slot === 0x81 + options.slot
      if (!wanted || serial === null || slot.point === null || slot.use === "unusable" || !isRetired(slot.slot))
        continue
      const { certificate, pinPolicy, touchPolicy, point } = slot
      const name = certificate?.name ?? ""
      found.push({
        serial,
        slot: slot.slot,
        point,
        name,
        created: certificate?.created ?? null,
        pinPolicy,
        touchPolicy,
      })
    }
  })
  if (options.slot !== undefined && found.length === 0)
    throw new SlotTaken(
      `slot ${options.slot} does not contain an age identity or compatible key`,
      "look at all keys: ts-age-yk identities --all",
    )
  if (options.identity === true) await printIdentities(found, world)
  else for (const facts of found) await world.out(`${recipientText(facts)}\n${found.length > 1 ? "\n" : ""}`)
  if (found.length > 1)
    world.err(
      `Generated ${options.identity === true ? "identities" : "recipients"} for ${found.length} slots. If you intended to select a slot, use --slot.\n`,
    )
}

/** When standard output goes to a file, the recipient is shown besides, as the peer does. */
async function printIdentities(all: readonly IdentityFacts[], world: World): Promise<void> {
  for (const facts of all) {
    if (!world.outIsTerminal) world.err(`Recipient: ${printable(new YubiKeyRecipient(facts.point, "piv-p256").text)}\n`)
    await world.out(`${identityText(facts)}\n${all.length > 1 ? "\n" : ""}`)
  }
}
