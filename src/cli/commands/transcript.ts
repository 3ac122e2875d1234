/** `ts-age-yk transcript`: the record of ceremonies, shown, signed and verified. */
import { Command } from "commander"
import { RecordDamaged } from "../../ceremony/failures.ts"
import { findRepository } from "../../ceremony/repository.ts"
import { checkSignatures, signedDigest, signWithSsh, yubiKeySignature } from "../../ceremony/signature.ts"
import {
  appendLines,
  chainEvents,
  parseLine,
  parseTranscript,
  readTranscript,
  type TranscriptEvent,
  transcriptName,
  verifyChain,
} from "../../ceremony/transcript.ts"
import { EXIT, slotText } from "../../failure.ts"
import type { Slot } from "../../piv/slots.ts"
import { printable } from "../../quote.ts"
import { signWithKey } from "../../yubikey/key-use.ts"
import { compressed } from "../../yubikey/piv-p256.ts"
import { attend, choosePinSource } from "../attendance.ts"
import { withOneCard } from "../cards.ts"
import { WrongUsage } from "../failures.ts"
import { declareReaders, type IdentityOptions, parseNumber, parseSlotOption } from "../options.ts"
import type { World } from "../world.ts"

export function define(command: Command, world: World, done: (status: number) => void): void {
  command.addCommand(
    new Command("show")
      .description("the ceremonies of this repository")
      .option("--json", "one JSON document")
      .action(async ({ json }: { json?: true }) => {
        const lines = parseTranscript(await readTranscript(await findRepository(".")))
        await world.out(json === true ? `${JSON.stringify({ lines }, null, 2)}\n` : lines.map(lineText).join(""))
        done(0)
      }),
  )
  command.addCommand(
    new Command("verify")
      .description("that no byte of the record was changed, and who signed it; needs no key and no network")
      .option("--allowed-signers <FILE>", "who may sign, as ssh-keygen takes it")
      .action(async ({ allowedSigners }: { allowedSigners?: string }) => {
        done(await verify(allowedSigners ?? null, world))
      }),
  )
  command.addCommand(signCommand(world, done))
}

function lineText(line: ReturnType<typeof parseLine>): string {
  const { event, time } = line
  const text = (name: string): string => {
    const value = line[name]
    return typeof value === "string" || typeof value === "number" ? printable(String(value)) : ""
  }
  switch (event) {
    case "rekey":
      return `${time}  ceremony ${line.ceremony} by ${text("operator")}, plan ${text("plan").slice(0, 16)}\n`
    case "file":
      return `    ${text("path")}: ${text("change")}\n`
    case "key-added":
      return `    ${text("key")} joined, ${line["proven"] === true ? "and opened a challenge" : `not proven: ${text("reason")}`}\n`
    case "key-removed":
      return `    ${text("key")} was removed\n`
    case "key-renamed":
      return `    ${text("was")} is called ${text("key")}\n`
    case "signature":
      return `${time}  signed by ${text("by")} ${text("serial")}\n`
    default:
      return ""
  }
}

async function verify(allowedSigners: string | null, world: World): Promise<number> {
  const lines = await readTranscript(await findRepository("."))
  const breaks = verifyChain(lines)
  for (const { line, what } of breaks) await world.out(`line ${line}: ${what}\n`)
  if (breaks.length > 0) return EXIT.damaged
  const signatures = await checkSignatures(lines, allowedSigners)
  await world.out(`${lines.length} lines, each as it was written\n`)
  for (const { line, valid, signer } of signatures)
    await world.out(`line ${line}: ${valid ? "signed by" : "NOT validly signed by"} ${printable(signer)}\n`)
  if (signatures.length === 0) await world.out("not signed\n")
  return signatures.every(({ valid }) => valid) ? 0 : EXIT.damaged
}

type SignOptions = IdentityOptions & Readonly<{ ssh?: string; slot: Slot }>

function signCommand(world: World, done: (status: number) => void): Command {
  return declareReaders(new Command("sign"))
    .description("sign the record as it stands, with an SSH key or the YubiKey's slot 9c")
    .option("--ssh <KEY>", "an SSH key file, used by ssh-keygen")
    .option("--slot <SLOT>", "the YubiKey's slot", parseSlotOption, 0x9c)
    .option("--pin-fd <N>", "read the PIN from this descriptor", parseNumber)
    .option("--pin-command <CMD>", "run CMD for the PIN, with TS_AGE_YK_SERIAL set")
    .action(async (options: SignOptions) => {
      const root = await findRepository(".")
      const lines = await readTranscript(root)
      const last = lines.at(-1)
      if (last === undefined) throw new WrongUsage("there is no record to sign: no ceremony has taken place")
      const [fault] = verifyChain(lines)
      if (fault !== undefined)
        throw new RecordDamaged(`${fault.what}; a changed record is not signed`, {
          where: { file: transcriptName, line: fault.line },
        })
      const { hash, ceremony } = parseLine(last)
      const event =
        options.ssh === undefined ? await signWithYubiKey(hash, options, world) : await signWithSsh(hash, options.ssh)
      await appendLines(root, chainEvents([event], ceremony, world.now().toISOString(), last))
      world.err("ts-age-yk: the record is signed\n")
      done(0)
    })
}

async function signWithYubiKey(head: string, options: SignOptions, world: World): Promise<TranscriptEvent> {
  const attendant = attend(choosePinSource(options, world), world)
  return withOneCard(options, world, async ({ card, serial }) => {
    const key = await card.key(options.slot)
    if (key === null)
      throw new WrongUsage(`slot ${slotText(options.slot)} holds no P-256 key`, {
        hint: "make one: ykman piv keys generate -a ECCP256 9c",
      })
    const question = { serial, reader: card.reader, slot: options.slot }
    const signature = await signWithKey({ card, key, question, attendant }, signedDigest(head))
    return yubiKeySignature(serial, slotText(options.slot), compressed(key.point), signature)
  })
}
