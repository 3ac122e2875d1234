/** Who stands by during a run: a person at a terminal, or the source of PINs that the options name. */
import { RunAttendant } from "../keyring/attendant.ts"
import { type PinSource, pinsFromCommand, pinsFromText } from "../keyring/pin-source.ts"
import { printable } from "../quote.ts"
import { WrongUsage } from "./failures.ts"
import type { IdentityOptions } from "./options.ts"
import type { World } from "./world.ts"

/**
 * Where PINs come from: `--pin-fd` or `--pin-command`, their variables, or the terminal.
 * @throws WrongUsage
 */
export function choosePinSource(options: Pick<IdentityOptions, "pinFd" | "pinCommand">, world: World): PinSource {
  const descriptorText = options.pinFd === undefined ? world.env["TS_AGE_YK_PIN_FD"] : String(options.pinFd)
  const command = options.pinCommand ?? world.env["TS_AGE_YK_PIN_COMMAND"]
  if (options.pinFd !== undefined && options.pinCommand !== undefined)
    throw new WrongUsage("--pin-fd and --pin-command exclude each other")
  if (options.pinCommand === undefined && descriptorText !== undefined && descriptorText !== "") {
    const descriptor = Number(descriptorText)
    if (!Number.isInteger(descriptor) || descriptor < 0)
      throw new WrongUsage(`TS_AGE_YK_PIN_FD is no descriptor: ${printable(descriptorText)}`)
    return pinsFromText(() => world.readDescriptor(descriptor), `descriptor ${descriptor}`)
  }
  if (command !== undefined && command !== "") return pinsFromCommand(command, world.env)
  const dialogue = world.terminal()
  return dialogue === null ? { from: "nobody" } : { from: "person", dialogue }
}

/** Makes the attendant of a run. Touches are announced on standard error, and the line goes when the touch was given. */
export function attend(source: PinSource, world: World): RunAttendant {
  return new RunAttendant(source, (text) => announce(world, text))
}

function announce(world: World, text: string): () => void {
  const line = printable(text)
  if (!world.errIsTerminal) {
    world.err(`ts-age-yk: ${line}\n`)
    return () => undefined
  }
  const bold = world.env["NO_COLOR"] === undefined || world.env["NO_COLOR"] === ""
  world.err(bold ? `\u001b[1m${line}\u001b[0m` : line)
  // [ECMA-48] 8.3.41: the line is erased, since nothing is wanted any more.
  return () => world.err("\r\u001b[K")
}
