/** `ts-age-yk virtual`: virtual YubiKeys, to rehearse and test with. */
import { appendFileSync } from "node:fs"
import { mkdir } from "node:fs/promises"
import { join } from "node:path"
import { Command, InvalidArgumentError, Option } from "commander"
import { slotText } from "../../failure.ts"
import { WriteFailed } from "../../replace-file.ts"
import {
  type CardState,
  type Fault,
  importKey,
  loadCards,
  newCard,
  openCardFile,
  type PinPolicy,
  parseFault,
  readCardFile,
  readJson,
  serveVpcd,
  type TouchPolicy,
  writeCardFile,
} from "../../virtual/index.ts"
import { oneOf, parseNumber, parseSlotOption } from "../options.ts"
import type { World } from "../world.ts"

export function define(command: Command, world: World, done: (status: number) => void): void {
  command.addCommand(newCommand(world, done))
  command.addCommand(importCommand(world, done))
  command.addCommand(serveCommand(world, done))
}

function newCommand(world: World, done: (status: number) => void): Command {
  return new Command("new")
    .description("make a virtual YubiKey, kept in FILE")
    .argument("<FILE>")
    .option("--firmware <VERSION>", "3.4.9, 4.3.5, 5.0.2, 5.4.3 or 5.7.1", "5.7.1")
    .option("--serial <N>", "serial number (a random one unless given)", parseNumber)
    .option("--pin <PIN>", "PIN of a new YubiKey", "123456")
    .option("--cards <JSON>", "make all the YubiKeys of a card list instead; FILE is then a folder")
    .action(async (file: string, options: { firmware: string; serial?: number; pin: string; cards?: string }) => {
      const made: { path: string; state: CardState }[] =
        options.cards === undefined
          ? [{ path: file, state: newCard(definedOnly(options)) }]
          : loadCards(await readJson(options.cards)).map((state) => ({
              path: join(file, `${state.serial}.json`),
              state,
            }))
      if (options.cards !== undefined) await makeFolder(file)
      for (const { path, state } of made) {
        await writeCardFile(path, state)
        world.err(`ts-age-yk: made virtual YubiKey ${state.serial} (firmware ${state.firmware}) in ${path}\n`)
      }
      done(0)
    })
}

async function makeFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true }).catch((cause: unknown) => {
    throw new WriteFailed(path, cause)
  })
}

function definedOnly({
  firmware,
  serial,
  pin,
}: {
  firmware: string
  serial?: number
  pin: string
}): Parameters<typeof newCard>[0] {
  return { firmware, pin, ...(serial === undefined ? {} : { serial }) }
}

type ImportOptions = Readonly<{
  slot: number
  privateKey: string
  pinPolicy: PinPolicy
  touchPolicy: TouchPolicy
  name?: string
}>

function parsePrivateKey(text: string): string {
  if (!/^[0-9a-f]{64}$/i.test(text)) throw new InvalidArgumentError("expected 32 bytes in hex")
  return text
}

function importCommand(world: World, done: (status: number) => void): Command {
  return new Command("import")
    .description("put a P-256 key that is known into a slot of the virtual YubiKey in FILE")
    .argument("<FILE>")
    .requiredOption("--private-key <HEX>", "the scalar, 32 bytes", parsePrivateKey)
    .addOption(new Option("--slot <SLOT>", "82 to 95, or 1 to 20").argParser(parseSlotOption).default(0x82, "82"))
    .option("--pin-policy <POLICY>", "never, once or always", oneOf("never", "once", "always"), "once")
    .option("--touch-policy <POLICY>", "never, always or cached", oneOf("never", "always", "cached"), "always")
    .option("--name <NAME>", "name in the slot's certificate")
    .action(async (file: string, options: ImportOptions) => {
      const { slot, pinPolicy, touchPolicy, name } = options
      const privateKey = Uint8Array.from(Buffer.from(options.privateKey, "hex"))
      const state = await readCardFile(file)
      await writeCardFile(
        file,
        importKey(state, {
          slot,
          privateKey,
          pinPolicy,
          touchPolicy,
          now: world.now(),
          ...(name === undefined ? {} : { name }),
        }),
      )
      world.err(`ts-age-yk: virtual YubiKey ${state.serial} has a key in slot ${slotText(slot)}\n`)
      done(0)
    })
}

type ServeOptions = Readonly<{
  vpcd: { host: string; port: number }
  touch: "auto" | "never" | number
  ecdhDelay?: number
  fault?: Fault[]
  log?: string
}>

function parseAddress(text: string): { host: string; port: number } {
  const match = /^(.+):(\d{1,5})$/.exec(text)
  const port = Number(match?.[2])
  if (match?.[1] === undefined || port > 65535) throw new InvalidArgumentError("expected HOST:PORT")
  return { host: match[1], port }
}

function parseTouch(text: string): ServeOptions["touch"] {
  if (text === "auto" || text === "never") return text
  if (!/^\d{1,6}$/.test(text)) throw new InvalidArgumentError("expected auto, never, or milliseconds")
  return Number(text)
}

function serveCommand(world: World, done: (status: number) => void): Command {
  return new Command("serve")
    .description("put the virtual YubiKey in FILE into a reader of a running pcscd, through vpcd")
    .argument("<FILE>")
    .addOption(
      new Option("--vpcd <HOST:PORT>", "where vpcd listens")
        .argParser(parseAddress)
        .default({ host: "127.0.0.1", port: 35963 }, "127.0.0.1:35963"),
    )
    .option("--touch <WHEN>", "auto: at once; never; or milliseconds", parseTouch, "auto")
    .option("--ecdh-delay <MS>", "how long a key agreement takes", parseNumber)
    .option(
      "--fault <SPEC>",
      "removed@N, reset@N, busy@N, short@N, garbage@N, slow:MS@N at the N-th APDU (repeatable)",
      (text, before: Fault[] | undefined) => [...(before ?? []), parseFault(text)],
    )
    .option("--log <FILE>", "append each APDU, without PINs and keys")
    .action(async (file: string, options: ServeOptions) => {
      const { vpcd, touch, ecdhDelay, fault, log } = options
      const card = await openCardFile(file, {
        touch,
        ...(ecdhDelay === undefined ? {} : { ecdhDelay }),
        ...(fault === undefined ? {} : { faults: fault }),
        ...(log === undefined ? {} : { log: (line: string) => appendFileSync(log, `${line}\n`, { mode: 0o600 }) }),
      })
      const link = await serveVpcd(card, vpcd)
      world.err(`ts-age-yk: virtual YubiKey ${card.serial} is in the reader at ${vpcd.host}:${vpcd.port}\n`)
      await link.closed
      done(0)
    })
}
