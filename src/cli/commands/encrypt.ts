/** `ts-age-yk encrypt`: an age file for recipients. */
import type { Command } from "commander"
import { encryptStream } from "../../age/file.ts"
import { WrongUsage } from "../failures.ts"
import { openInput } from "../input.ts"
import { collect } from "../options.ts"
import { writeOutput } from "../output.ts"
import { gatherRecipients, type RecipientOptions } from "../recipients.ts"
import type { World } from "../world.ts"

type Options = RecipientOptions & Readonly<{ age?: true; armor?: true; output?: string }>

export function define(command: Command, world: World, done: (status: number) => void): void {
  command
    .argument("[FILE]", "what to encrypt; - or nothing for standard input")
    .option("--age", "make an age file")
    .option(
      "-r, --recipient <RECIPIENT>",
      "age1…, age1yubikey1…, age1tag1…, ssh-ed25519 … (repeatable)",
      collect(String),
    )
    .option("-R, --recipients-file <FILE>", "recipients, one a line (repeatable)", collect(String))
    .option("-a, --armor", "as text")
    .option("-o, --output <FILE>", "write to FILE, replaced as a whole, instead of standard output")
    .action(async (file: string | undefined, options: Options) => {
      if (options.age !== true) throw new WrongUsage("say what to make: --age makes an age file")
      const recipients = await gatherRecipients(options, world)
      const pieces = await encryptStream(
        await openInput(file === "-" ? undefined : file, world),
        recipients,
        options.armor === true ? "armored" : "binary",
      )
      await writeOutput(pieces, options.output, world, 0o666)
      done(0)
    })
}
