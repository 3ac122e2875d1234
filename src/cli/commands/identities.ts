/** `ts-age-yk identities`: the age identities on connected YubiKeys, as age-plugin-yubikey prints them. */
import type { Command } from "commander"
import { slotText } from "../../failure.ts"
import { isRetired } from "../../piv/slots.ts"
import { printable } from "../../quote.ts"
import { type IdentityFacts, identityString, identityText, recipientText } from "../../yubikey/identity-text.ts"
import { type CardReport, cardKind, type SlotReport, takeInventory } from "../../yubikey/inventory.ts"
import { type RecipientKind, YubiKeyRecipient } from "../../yubikey/recipient.ts"
import { withEachCard } from "../cards.ts"
import { declareReaders, type ReaderOptions } from "../options.ts"
import type { World } from "../world.ts"

type Options = ReaderOptions & Readonly<{ recipients?: true; all?: true; tag?: true; json?: true }>

export function define(command: Command, world: World, done: (status: number) => void): void {
  declareReaders(command)
    .option("--recipients", "print recipients instead, as a recipients file")
    .option("--all", "also keys in other slots and by other programs, and why each can or cannot be used")
    .option("--tag", "recipients as age1tag1…, for age 1.3 and newer")
    .option("--json", "one JSON document")
    .action(async (options: Options) => {
      const reports: CardReport[] = []
      await withEachCard(options, world, async ({ card }) => {
        reports.push(await takeInventory(card, options.all === true ? "all" : "retired"))
      })
      if (options.json === true) await world.out(`${JSON.stringify(document(reports), null, 2)}\n`)
      else await world.out(text(reports, options))
      const found = reports.some(({ slots }) => slots.some(({ use }) => use === "identity"))
      if (!found && options.all !== true) {
        world.err("ts-age-yk: no age identity on the connected YubiKey\n")
        world.err(
          "ts-age-yk: hint: make one: ts-age-yk yubikey generate; or look at all keys: ts-age-yk identities --all\n",
        )
      }
      done(0)
    })
}

function facts(report: CardReport, slot: SlotReport): IdentityFacts | null {
  if (slot.point === null || report.serial === null) return null
  return {
    serial: report.serial,
    slot: slot.slot,
    point: slot.point,
    name: slot.certificate?.name ?? "(no certificate)",
    created: slot.certificate?.created ?? null,
    pinPolicy: slot.pinPolicy,
    touchPolicy: slot.touchPolicy,
  }
}

function text(reports: readonly CardReport[], options: Options): string {
  const kind: RecipientKind = options.tag === true ? "p256tag" : "piv-p256"
  const blocks = reports.flatMap((report) => {
    const shown = report.slots.flatMap((slot) => {
      const known = facts(report, slot)
      if (slot.use === "identity" && known !== null)
        return [options.recipients === true ? recipientText(known, kind) : identityText(known, kind)]
      return options.all === true ? [otherText(report, slot, kind)] : []
    })
    if (options.all !== true) return shown
    const title = `# YubiKey ${report.serial ?? "without serial number"} (${cardKind(report)}), reader ${printable(report.reader)}`
    return [title, ...(shown.length === 0 ? ["# no keys"] : shown)]
  })
  return blocks.length === 0 ? "" : `${blocks.join("\n\n")}\n`
}

/** A key that is no identity as other programs know it: comment lines only, so that the output stays an identity file. */
function otherText(report: CardReport, slot: SlotReport, kind: RecipientKind): string {
  const name = slot.certificate === null ? "" : `, ${printable(slot.certificate.name)}`
  const lines = [
    `# Slot ${slotText(slot.slot)}: ${slot.algorithm ?? "unknown key"}${name}`,
    `#   ${slot.use}: ${slot.why}`,
  ]
  if (slot.use === "usable" && slot.point !== null) {
    lines.push(`#   Recipient: ${new YubiKeyRecipient(slot.point, kind).text}`)
    if (isRetired(slot.slot) && report.serial !== null)
      lines.push(`#   Identity: ${identityString({ serial: report.serial, slot: slot.slot, point: slot.point })}`)
  }
  return lines.join("\n")
}

function document(reports: readonly CardReport[]): unknown {
  return {
    yubikeys: reports.map((report) => ({
      serial: report.serial,
      firmware: report.firmware?.join(".") ?? null,
      reader: report.reader,
      keys: report.slots.map((slot) => ({
        slot: slotText(slot.slot),
        use: slot.use,
        why: slot.why,
        algorithm: slot.algorithm,
        origin: slot.origin,
        name: slot.certificate?.name ?? null,
        created: slot.certificate?.created?.toISOString() ?? null,
        pinPolicy: slot.pinPolicy,
        touchPolicy: slot.touchPolicy,
        recipient: slot.point === null ? null : new YubiKeyRecipient(slot.point, "piv-p256").text,
        tagRecipient: slot.point === null ? null : new YubiKeyRecipient(slot.point, "p256tag").text,
        identity:
          slot.point === null || report.serial === null || !isRetired(slot.slot)
            ? null
            : identityString({ serial: report.serial, slot: slot.slot, point: slot.point }),
      })),
    })),
  }
}
