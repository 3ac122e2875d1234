/** `ts-age-yk encrypt`: a SOPS file by `.sops.yaml`, or an age file for recipients. */
import type { Command } from "commander"
import { encryptStream } from "../../age/file.ts"
import { openInput } from "../input.ts"
import { collect } from "../options.ts"
import { toStandardOutput, writeOutput } from "../output.ts"
import { gatherRecipients } from "../recipients.ts"
import { declareSopsEncrypt, encryptSops, type SopsEncryptOptions } from "../sops-encrypt.ts"
import type { World } from "../world.ts"

type Options = SopsEncryptOptions & Readonly<{ age?: true; armor?: true }>

export function define(command: Command, world: World, done: (status: number) => void): void {
  command
    .argument("[FILE]", "what to encrypt; - or nothing for standard input")
    .option("--age", "make an age file instead of a SOPS file")
    .option(
      "-r, --recipient <RECIPIENT>",
      "age1…, age1yubikey1…, age1tag1…, ssh-ed25519 … (repeatable)",
      collect(String),
    )
    .option("-R, --recipients-file <FILE>", "recipients, one a line (repeatable)", collect(String))
    .option("-a, --armor", "an age file as text")
    .option("-o, --output <FILE>", "write to FILE, replaced as a whole, instead of standard output")
  declareSopsEncrypt(command).action(async (file: string | undefined, options: Options) => {
    if (options.age !== true) {
      await encryptSops(file === "-" ? undefined : file, options, world)
      done(0)
      return
    }
    const recipients = await gatherRecipients(options, world)
    const pieces = await encryptStream(
      openInput(file === "-" ? undefined : file, world, "until the next"),
      recipients,
      options.armor === true ? "armored" : "binary",
      // A file is written behind, while the pieces after it are made.
      toStandardOutput(options.output) ? "until the next" : "to keep",
    )
    await writeOutput(pieces, options.output, world, 0o666)
    done(0)
  })
}
