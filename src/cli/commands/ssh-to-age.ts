/** `ts-age-yk ssh-to-age`: SSH keys as age keys, as the program ssh-to-age makes them. */
import type { Command } from "commander"
import { passphraseFrom } from "../../age/passphrase.ts"
import { readSshPrivateKey } from "../../age/ssh-private-key.ts"
import { sshLinesToAge, sshPrivateToAge } from "../../age/ssh-to-age.ts"
import { explain, Failure } from "../../failure.ts"
import { version } from "../../version.ts"
import { WrongUsage } from "../failures.ts"
import { readInput } from "../input.ts"
import { once, writeOutput } from "../output.ts"
import type { World } from "../world.ts"

type Options = Readonly<{ privateKey?: true; stdinpass?: true; input: string; output: string }>

const short: Readonly<Record<string, string>> = { i: "-i", o: "-o" }

/** Go takes one dash or two before any name, and `=` before its value: `-private-key`, `--i=FILE`. */
export function respell(rest: readonly string[]): string[] {
  return rest.flatMap((argument) => {
    const [, name, value] = /^--?(i|o|private-key|stdinpass|version)(?:=(.*))?$/s.exec(argument) ?? []
    if (name === undefined) return [argument]
    return [short[name] ?? `--${name}`, ...(value === undefined ? [] : [value])]
  })
}

export function define(command: Command, world: World, done: (status: number) => void): void {
  command
    .option("--private-key", "convert a private key; without it, public keys, known_hosts and ssh-keyscan lines")
    .option("-i, --input <PATH>", "what to convert; - for standard input", "-")
    .option("-o, --output <PATH>", "where to write, readable by you alone; - for standard output", "-")
    .option("--stdinpass", "with --private-key: read the passphrase from standard input")
    .version(version, "--version", "print the version")
    .action(async (options: Options) => {
      const file = options.input === "-" ? undefined : options.input
      const where = { file: file ?? "standard input" }
      try {
        const passphrase = options.stdinpass === true ? await stdinPassphrase(file, world) : undefined
        const text = await readText(file, world)
        const lines =
          options.privateKey === true ? [await privateLine(text, passphrase, world)] : publicLines(text, world)
        await writeOutput(once(Buffer.from(lines.map((line) => `${line}\n`).join(""))), options.output, world)
      } catch (failure) {
        throw failure instanceof Failure ? failure.within(where) : failure
      }
      done(0)
    })
}

async function readText(file: string | undefined, world: World): Promise<string> {
  return new TextDecoder().decode(await readInput(file, world))
}

async function stdinPassphrase(file: string | undefined, world: World): Promise<string> {
  if (file === undefined)
    throw new WrongUsage("the key and its passphrase cannot both come from standard input", {
      hint: "name the key's file with -i",
    })
  return (await readText(undefined, world)).replace(/\r?\n$/, "")
}

async function privateLine(text: string, passphrase: string | undefined, world: World): Promise<string> {
  const key = readSshPrivateKey(text)
  if (!key.encrypted) return sshPrivateToAge(await key.open(null)).revealText()
  const given =
    passphrase ?? world.env["SSH_TO_AGE_PASSPHRASE"] ?? (await world.terminal()?.askSecret("passphrase of the SSH key"))
  if (given === undefined || given === null)
    throw new WrongUsage("the key has a passphrase, and there is nobody to ask", {
      hint: "run it in a terminal, give it by --stdinpass, or set SSH_TO_AGE_PASSPHRASE",
    })
  using opener = passphraseFrom(given)
  return sshPrivateToAge(await key.open(opener)).revealText()
}

function publicLines(text: string, world: World): string[] {
  return sshLinesToAge(text).flatMap((line) => {
    if ("recipient" in line) return [line.recipient.text]
    world.err(`ts-age-yk: skipped: ${explain(line.skipped).text}\n`)
    return []
  })
}
