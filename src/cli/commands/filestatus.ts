/** `ts-age-yk filestatus`: whether a file is encrypted, as sops tells it. */
import type { Command } from "commander"
import { NotEncrypted } from "../../sops/failures.ts"
import { readSopsFile } from "../sops-change.ts"
import type { World } from "../world.ts"

export function define(command: Command, world: World, done: (status: number) => void): void {
  command
    .argument("<FILE>", "file to look at; no key is needed")
    .option("--input-type <TYPE>", "yaml, json, dotenv, ini or binary, where name and content mislead")
    .action(async (file: string, options: Readonly<{ inputType?: string }>) => {
      const encrypted = await readSopsFile(file, options.inputType).then(
        () => true,
        (failure: unknown) => {
          if (failure instanceof NotEncrypted) return false
          throw failure
        },
      )
      await world.out(`${JSON.stringify({ encrypted })}\n`)
      done(0)
    })
}
