/** `ts-age-yk yubikey info`: what a YubiKey says of itself. */
import { Command } from "commander"
import { slotText } from "../../../failure.ts"
import { printable } from "../../../quote.ts"
import type { YubiKeyCard } from "../../../yubikey/card.ts"
import { cardKind, takeInventory } from "../../../yubikey/inventory.ts"
import { YubiKeyRecipient } from "../../../yubikey/recipient.ts"
import { withEachCard } from "../../cards.ts"
import { declareReaders, type ReaderOptions } from "../../options.ts"
import { table } from "../../table.ts"
import type { World } from "../../world.ts"

export function infoCommand(world: World, done: (status: number) => void): Command {
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

async function report(card: YubiKeyCard): Promise<{ document: unknown; text: string }> {
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
