/** `ts-age-yk drill`: the rehearsal, with nothing at stake. */
import type { Command } from "commander"
import { playDrill } from "../drill/story.ts"
import type { World } from "../world.ts"

export function define(command: Command, world: World, done: (status: number) => void): void {
  command
    .option("--fast", "without a person: the drill types the PIN and touches the keys itself")
    .action(async ({ fast }: { fast?: true }) => {
      const person = fast === true || !world.inputIsTerminal ? null : world.terminal()
      await playDrill({ world, person })
      done(0)
    })
}
