/** `ts-age-yk yubikey pin`, `puk` and `management-key`: the three secrets of a YubiKey. */
import { Command } from "commander"
import { Failure } from "../../../failure.ts"
import { pinFrom } from "../../../piv/pin.ts"
import type { Secret } from "../../../secret.ts"
import { provePinForManagement } from "../../../yubikey/enrol.ts"
import { authenticateForManagement, renewManagementKey } from "../../../yubikey/protected-management-key.ts"
import { attend, choosePinSource } from "../../attendance.ts"
import { withOneCard } from "../../cards.ts"
import { WrongUsage } from "../../failures.ts"
import { declareReaders, type IdentityOptions, parseNumber, type ReaderOptions } from "../../options.ts"
import type { World } from "../../world.ts"
import { declarePins, readManagementKey } from "./management.ts"

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
  const dialogue = world.terminal()
  if (dialogue === null) throw new WrongUsage(`the present ${what} can only be typed at a terminal`)
  const text = await dialogue.askSecret(`present ${what}`)
  if (text === null || text === "") throw new WrongUsage(`no ${what} was given; nothing was changed`)
  return pinFrom(text, what)
}

export function pinCommand(world: World, done: (status: number) => void): Command {
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

export function pukCommand(world: World, done: (status: number) => void): Command {
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

export function managementKeyCommand(world: World, done: (status: number) => void): Command {
  return declarePins(new Command("management-key"))
    .description("set a random management key that the YubiKey keeps for whoever knows the PIN")
    .option("--management-key-fd <N>", "read the present one, in hex, from this descriptor", parseNumber)
    .action(async (options: IdentityOptions & { managementKeyFd?: number }) => {
      const attendant = attend(choosePinSource(options, world), world)
      const present = await readManagementKey(options.managementKeyFd, world)
      await withOneCard(
        options,
        world,
        async ({ card, serial }) => {
          await card.use(async (session) => {
            await provePinForManagement(card, session, { serial, reader: card.reader, slot: 0x9b }, attendant)
            const algorithm = await authenticateForManagement(session, present)
            await renewManagementKey(session, algorithm)
          })
          world.err(`ts-age-yk: YubiKey ${serial ?? ""} has a new management key, which it keeps itself\n`)
        },
        "reset",
      )
      done(0)
    })
}

function withSerial(failure: unknown, serial: number | null): unknown {
  return failure instanceof Failure && serial !== null ? failure.within({ serial }) : failure
}
