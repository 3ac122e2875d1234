/** `ts-age-yk yubikey`: the life of a YubiKey for age. */
import { Command } from "commander"
import { Failure, slotText } from "../../failure.ts"
import { MANAGEMENT_ALGORITHMS, managementKeyLength } from "../../piv/management-key.ts"
import type { PinPolicy, TouchPolicy } from "../../piv/metadata.ts"
import { pinFrom } from "../../piv/pin.ts"
import { retiredNumber, type Slot } from "../../piv/slots.ts"
import { printable } from "../../quote.ts"
import { Secret } from "../../secret.ts"
import { version } from "../../version.ts"
import { enrol } from "../../yubikey/enrol.ts"
import { EnrolmentRefused } from "../../yubikey/failures.ts"
import { identityText } from "../../yubikey/identity-text.ts"
import { cardKind, takeInventory } from "../../yubikey/inventory.ts"
import { YubiKeyRecipient } from "../../yubikey/recipient.ts"
import { attend, choosePinSource } from "../attendance.ts"
import { withEachCard, withOneCard } from "../cards.ts"
import { WrongUsage } from "../failures.ts"
import {
  declareReaders,
  type IdentityOptions,
  oneOf,
  parseNumber,
  parseSlotOption,
  type ReaderOptions,
} from "../options.ts"
import { table } from "../table.ts"
import type { World } from "../world.ts"

export function define(command: Command, world: World, done: (status: number) => void): void {
  for (const make of [infoCommand, generateCommand, pinCommand, pukCommand, resetCommand])
    command.addCommand(make(world, done))
}

function declarePins(command: Command): Command {
  return declareReaders(command)
    .option("--pin-fd <N>", "read the PIN from this descriptor", parseNumber)
    .option("--pin-command <CMD>", "run CMD for the PIN, with TS_AGE_YK_SERIAL set")
}

function infoCommand(world: World, done: (status: number) => void): Command {
  return declareReaders(new Command("info"))
    .description("firmware, PIN tries, management key and keys of each YubiKey")
    .option("--json", "one JSON document")
    .action(async (options: ReaderOptions & { json?: true }) => {
      const reports: Awaited<ReturnType<typeof report>>[] = []
      await withEachCard(options, world, async ({ card }) => {
        reports.push(await report(card))
      })
      if (options.json === true)
        await world.out(`${JSON.stringify({ yubikeys: reports.map(({ document }) => document) }, null, 2)}\n`)
      else await world.out(reports.map(({ text }) => text).join("\n"))
      done(0)
    })
}

async function report(
  card: Parameters<Parameters<typeof withEachCard>[2]>[0]["card"],
): Promise<{ document: unknown; text: string }> {
  const inventory = await takeInventory(card, "all")
  const facts = await card.use(async (session) => ({
    status: await session.pinStatus(),
    pin: await session.pinMetadata(),
    puk: await session.pukMetadata(),
    management: await session.managementKeyMetadata(),
    algorithm: await session.managementAlgorithm(),
  }))
  const { status, pin, puk, management } = facts
  const triesLeft =
    pin !== "unsupported" && pin.tries !== null
      ? pin.tries.left
      : status.state === "needed"
        ? status.triesLeft
        : status.state === "blocked"
          ? 0
          : null
  const document = {
    serial: inventory.serial,
    firmware: inventory.firmware?.join(".") ?? null,
    reader: inventory.reader,
    pin: { triesLeft, isDefault: pin === "unsupported" ? null : pin.isDefault },
    puk: {
      triesLeft: puk === "unsupported" ? null : (puk.tries?.left ?? null),
      isDefault: puk === "unsupported" ? null : puk.isDefault,
    },
    managementKey: {
      algorithm: facts.algorithm,
      isDefault: management === "unsupported" ? null : management.isDefault,
    },
    keys: inventory.slots.map((slot) => ({
      slot: slotText(slot.slot),
      use: slot.use,
      algorithm: slot.algorithm,
      origin: slot.origin,
      pinPolicy: slot.pinPolicy,
      touchPolicy: slot.touchPolicy,
      name: slot.certificate?.name ?? null,
      recipient: slot.point === null ? null : new YubiKeyRecipient(slot.point, "piv-p256").text,
    })),
  }
  const isDefault = (value: boolean | null): string => (value === true ? " (the factory's)" : "")
  const lines = [
    `YubiKey ${inventory.serial ?? "without serial number"}, ${cardKind(inventory)}, reader ${printable(inventory.reader)}`,
    `  PIN tries left:  ${triesLeft ?? "unknown"}${isDefault(document.pin.isDefault)}`,
    `  PUK tries left:  ${document.puk.triesLeft ?? "unknown"}${isDefault(document.puk.isDefault)}`,
    `  management key:  ${facts.algorithm ?? "unknown algorithm"}${isDefault(document.managementKey.isDefault)}`,
  ]
  const rows = inventory.slots.map((slot) => [
    slotText(slot.slot),
    slot.algorithm ?? "?",
    slot.pinPolicy ?? "?",
    slot.touchPolicy ?? "?",
    slot.origin ?? "?",
    slot.use,
    printable(slot.certificate?.name ?? ""),
  ])
  const keys =
    rows.length === 0 ? "  no keys\n" : table(["slot", "key", "PIN", "touch", "origin", "use", "name"], rows, "  ")
  return { document, text: `${lines.join("\n")}\n\n${keys}` }
}

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

function generateCommand(world: World, done: (status: number) => void): Command {
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
          `${JSON.stringify({ serial: facts.serial, slot: slotText(facts.slot), name: facts.name, recipient, tagRecipient: new YubiKeyRecipient(facts.point, "p256tag").text, identity: identityText(facts).split("\n").at(-1) }, null, 2)}\n`,
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

async function readManagementKey(
  descriptor: number | undefined,
  world: World,
): Promise<Secret<"management key"> | undefined> {
  if (descriptor === undefined) return undefined
  const text = (await world.readDescriptor(descriptor)).trim()
  const lengths = MANAGEMENT_ALGORITHMS.map(managementKeyLength)
  if (!/^[0-9a-f]+$/i.test(text) || !lengths.includes(text.length / 2))
    throw new WrongUsage("the management key must be 16, 24 or 32 bytes in hex", {
      where: { option: "--management-key-fd" },
    })
  return Secret.owning("management key", Uint8Array.from(Buffer.from(text, "hex")))
}

/** Asks a person twice for something new. */
async function askNew(world: World, what: "PIN" | "PUK"): Promise<Secret<"PIN">> {
  const dialogue = world.terminal()
  if (dialogue === null) throw new WrongUsage(`a new ${what} can only be typed at a terminal`)
  for (let complaint = ""; ; complaint = "they differ. ") {
    const first = await dialogue.askSecret(`${complaint}new ${what} (6 to 8 characters)`)
    if (first === null || first === "") throw new WrongUsage(`no new ${what} was given; nothing was changed`)
    const second = await dialogue.askSecret(`new ${what} again`)
    if (first === second) return pinFrom(first, what)
  }
}

async function askOld(world: World, what: "PIN" | "PUK"): Promise<Secret<"PIN">> {
  const text = await world.terminal()?.askSecret(`present ${what}`)
  if (text === null || text === undefined || text === "")
    throw new WrongUsage(`no ${what} was given; nothing was changed`)
  return pinFrom(text, what)
}

function pinCommand(world: World, done: (status: number) => void): Command {
  return declareReaders(new Command("pin"))
    .description("change the PIN, or unblock it with the PUK")
    .option("--unblock", "the PIN is blocked or forgotten: set a new one with the PUK")
    .action(async (options: ReaderOptions & { unblock?: true }) => {
      await withOneCard(options, world, async ({ card, serial }) => {
        using old = await askOld(world, options.unblock === true ? "PUK" : "PIN")
        using next = await askNew(world, "PIN")
        await card
          .use((session) =>
            options.unblock === true ? session.unblockPin(old, next) : session.changePin("PIN", old, next),
          )
          .catch((failure: unknown) => {
            throw withSerial(failure, serial)
          })
        world.err(`ts-age-yk: the PIN of YubiKey ${serial ?? ""} is changed\n`)
      })
      done(0)
    })
}

function pukCommand(world: World, done: (status: number) => void): Command {
  return declareReaders(new Command("puk"))
    .description("change the PUK, which unblocks the PIN")
    .action(async (options: ReaderOptions) => {
      await withOneCard(options, world, async ({ card, serial }) => {
        using old = await askOld(world, "PUK")
        using next = await askNew(world, "PUK")
        await card
          .use((session) => session.changePin("PUK", old, next))
          .catch((failure: unknown) => {
            throw withSerial(failure, serial)
          })
        world.err(`ts-age-yk: the PUK of YubiKey ${serial ?? ""} is changed\n`)
      })
      done(0)
    })
}

function withSerial(failure: unknown, serial: number | null): unknown {
  return failure instanceof Failure && serial !== null ? failure.within({ serial }) : failure
}

function resetCommand(world: World, done: (status: number) => void): Command {
  return declareReaders(new Command("reset"))
    .description("destroy all PIV keys on the YubiKey, and put PIN and PUK back to the factory's")
    .option("--destroy-all-keys <SERIAL>", "confirm, by the serial number", parseNumber)
    .action(async (options: ReaderOptions & { destroyAllKeys?: number }) => {
      await withOneCard(options, world, async ({ card, serial }) => {
        const confirmed =
          options.destroyAllKeys ??
          Number(
            await world
              .terminal()
              ?.ask(`this destroys every PIV key on YubiKey ${serial ?? ""}; type its serial number`),
          )
        if (serial === null || confirmed !== serial)
          throw new WrongUsage("not confirmed, nothing was changed", {
            hint: "--destroy-all-keys and the serial number confirm it",
          })
        await card.use((session) => session.reset())
        world.err(`ts-age-yk: the PIV application of YubiKey ${serial} is as from the factory\n`)
      })
      done(0)
    })
}
