/** `ts-age-yk drill`: the rehearsal, with nothing at stake. */
import { Command, Option } from "commander"
import { readRepository } from "../../ceremony/repository.ts"
import { type Mishap, mishaps, playRekeyDrill } from "../drill/rekey-story.ts"
import { playDrill } from "../drill/story.ts"
import { WrongUsage } from "../failures.ts"
import type { World } from "../world.ts"

export function define(command: Command, world: World, done: (status: number) => void): void {
  command
    .option("--fast", "without a person: the drill types the PIN and touches the keys itself")
    .action(async ({ fast }: { fast?: true }) => {
      const person = fast === true || !world.inputIsTerminal ? null : world.terminal()
      await playDrill({ world, person })
      done(0)
    })
  command.addCommand(
    new Command("rekey")
      .description(
        "rehearse the ceremony on a copy of this repository: virtual YubiKeys, dummies for values, no key needed",
      )
      .argument("[FOLDER]", "of the repository", ".")
      .addOption(new Option("--with <MISHAP>", "what is to go wrong").choices(mishaps))
      .option("--keep", "leave the copy where it is")
      .action(async (folder: string, { with: mishap, keep }: { with?: Mishap; keep?: true }) => {
        const program = process.argv[1]
        if (program === undefined) throw new WrongUsage("the drill runs ts-age-yk itself, and cannot find it")
        const repository = await readRepository(folder)
        await playRekeyDrill(repository, { mishap: mishap ?? null, keep: keep === true, program }, world)
        done(0)
      }),
  )
}
