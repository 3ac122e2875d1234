/** `ts-age-yk yubikey reset`: as from the factory, all keys destroyed. */
import { Command } from "commander"
import { withOneCard } from "../../cards.ts"
import { WrongUsage } from "../../failures.ts"
import { declareReaders, parseNumber, type ReaderOptions } from "../../options.ts"
import type { World } from "../../world.ts"

export function resetCommand(world: World, done: (status: number) => void): Command {
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
