/** Runs one command: its module is loaded, its arguments are parsed, its exit status comes back. */
import type { Command } from "commander"
import { EXIT } from "../failure.ts"
import { sopsCommands } from "./sops-arguments.ts"
import type { World } from "./world.ts"

/** What a command's file exports: it declares options and arguments on `command`, and an action that gives the exit status. */
export type CommandModule = Readonly<{
  define: (command: Command, world: World, done: (status: number) => void) => void
  /** Turns arguments as another program takes them into the command's own. */
  respell?: (rest: readonly string[]) => readonly string[]
}>

export type CommandEntry = Readonly<{ summary: string; load: () => Promise<CommandModule> }>

/** @returns the exit status; 2 for arguments that the command does not take */
export async function runCommand(
  name: string,
  entry: CommandEntry,
  rest: readonly string[],
  world: World,
): Promise<number> {
  const [{ Command, CommanderError }, module] = await Promise.all([import("commander"), entry.load()])
  let status = 0
  let output = ""
  let refusing = `ts-age-yk ${name}`
  const command = new Command(`ts-age-yk ${name}`)
    .description(entry.summary)
    .exitOverride()
    .showHelpAfterError(false)
    .configureOutput({
      writeOut: (text) => {
        output += text
      },
      writeErr: (text) => world.err(text.replace(/^error: /, "ts-age-yk: ")),
    })
  module.define(command, world, (result) => {
    status = result
  })
  inherit(command, (path) => {
    refusing = path
  })
  try {
    await command.parseAsync(module.respell?.(rest) ?? rest, { from: "user" })
    return status
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (output !== "") await world.out(output)
    if (error.exitCode === 0) return 0
    // Of a value that is not fit for an option, all is said.
    if (["commander.help", "commander.invalidArgument"].includes(error.code)) return EXIT.usage
    // sops spells some options otherwise: there, `-i` is `--in-place`.
    const sops = sopsCommands.some((command) => command === name) ? "; behind ts-age-yk sops, it takes sops' own" : ""
    world.err(`ts-age-yk: hint: ${refusing} --help shows what it takes${sops}\n`)
    return EXIT.usage
  }
}

/** Sub-commands (`virtual new`) behave as their command does, and say whose arguments are refused. */
function inherit(command: Command, refuses: (path: string) => void, path = command.name()): void {
  for (const sub of command.commands) {
    const own = `${path} ${sub.name()}`
    sub.copyInheritedSettings(command).exitOverride((error) => {
      refuses(own)
      throw error
    })
    inherit(sub, refuses, own)
  }
}
