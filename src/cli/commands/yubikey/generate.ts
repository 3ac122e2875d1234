/** `ts-age-yk yubikey generate`: a new age identity. */
import { Command } from "commander"
import type { World } from "../../world.ts"
import { declareEnrolment, type EnrolmentOptions, enrolOnOneCard, printEnrolled } from "./enrolment.ts"

export function generateCommand(world: World, done: (status: number) => void): Command {
  return declareEnrolment(new Command("generate"))
    .description("make an age identity in a retired slot")
    .action(async (options: EnrolmentOptions) => {
      const facts = await enrolOnOneCard(options, world, undefined)
      await printEnrolled(facts, "the key cannot be copied, so have a second one", options, world)
      done(0)
    })
}
