/**
 * `ts-age-yk decrypt` as a program of its own. It is what scripts and boots wait for: bundled apart from the other commands, its code is
 * in a few files instead of in as many pieces as there are commands that share some of it, each of which would cost a third of a
 * millisecond.
 */
import { decryptEntry } from "./decrypt-entry.ts"
import { runProgram } from "./main.ts"
import { processWorld } from "./process-world.ts"
import { runCommand } from "./run-command.ts"

/** @param argv - begins with `decrypt`. @returns the exit status */
export function runDecrypt(argv: readonly string[]): Promise<number> {
  return runProgram(argv, processWorld(), ([name = "", ...rest], world) => runCommand(name, decryptEntry, rest, world))
}
