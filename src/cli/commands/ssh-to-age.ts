/** `ts-age-yk ssh-to-age`: SSH keys as age keys, as the program ssh-to-age makes them. */
import type { Command } from "commander"
import { passphraseFrom } from "../../age/passphrase.ts"
import { readSshPrivateKey } from "../../age/ssh-private-key.ts"
import { sshLinesToAge, sshPrivateToAge } from "../../age/ssh-to-age.ts"
import { explain, Failure } from "../../failure.ts"
import { WrongUsage } from "../failures.ts"
import { openInput } from "../input.ts"
import { once, writeOutput } from "../output.ts"
import type { World } from "../world.ts"

type Options = Readonly<{ privateKey?: true; input: string; output: string }>

export function define(command: Command, world: World, done: (status: number) => void): void {
  command
    .option("--private-key", "convert a private key; without it, public keys, known_hosts and ssh-keyscan lines")
    .option("-i, --input <PATH>", "what to convert; - for standard input", "-")
    .option("-o, --output <PATH>", "where to write, readable by you alone; - for standard output", "-")
    .action(async (options: Options) => {
      const file = options.input === "-" ? undefined : options.input
      const where = { file: file ?? "standard input" }
      try {
        const text = await readText(file, world)
        const lines = options.privateKey === true ? [await privateLine(text, world)] : publicLines(text, world)
        await writeOutput(once(Buffer.from(lines.map((line) => `${line}\n`).join(""))), options.output, world)
      } catch (failure) {
        throw failure instanceof Failure ? failure.within(where) : failure
      }
      done(0)
    })
}

async function readText(file: string | undefined, world: World): Promise<string> {
  const parts: Uint8Array[] = []
  for await (const part of await openInput(file, world)) parts.push(part)
  return Buffer.concat(parts).toString("utf8")
}

async function privateLine(text: string, world: World): Promise<string> {
  const key = readSshPrivateKey(text)
  if (!key.encrypted) return sshPrivateToAge(await key.open(null)).revealText()
  const given = world.env["SSH_TO_AGE_PASSPHRASE"] ?? (await world.terminal()?.askSecret("passphrase of the SSH key"))
  if (given === undefined || given === null)
    throw new WrongUsage("the key has a passphrase, and there is nobody to ask", {
      hint: "run it in a terminal, or set SSH_TO_AGE_PASSPHRASE",
    })
  using passphrase = passphraseFrom(given)
  return sshPrivateToAge(await key.open(passphrase)).revealText()
}

function publicLines(text: string, world: World): string[] {
  return sshLinesToAge(text).flatMap((line) => {
    if ("recipient" in line) return [line.recipient.text]
    world.err(`ts-age-yk: skipped: ${explain(line.skipped).text}\n`)
    return []
  })
}
