/** From arguments to an exit status: the only place that sets it, and the only one that prints a failure. */
import { explain, Failure, failureDocument } from "../failure.ts"
import { SystemRefused } from "./failures.ts"
import type { World } from "./world.ts"

/** Prints a failure on standard error, as text or, with `--json`, as one document. */
export function reportFailure(failure: Failure, world: World, json: boolean, program = "ts-age-yk"): void {
  if (json) {
    world.err(`${JSON.stringify({ failure: failureDocument(failure) })}\n`)
    return
  }
  const { text, hint } = explain(failure)
  world.err(`${program}: ${text}\n`)
  if (hint !== undefined) world.err(`${program}: hint: ${hint}\n`)
}

/**
 * Runs a program and turns what it throws into an exit status.
 * An error that is not a Failure is a fault of ours: it alone asks for a report.
 */
export async function runProgram(
  argv: readonly string[],
  world: World,
  program: (argv: readonly string[], world: World) => Promise<number>,
  name = "ts-age-yk",
): Promise<number> {
  try {
    return await program(argv, world)
  } catch (error) {
    const failure = error instanceof Error && "syscall" in error ? new SystemRefused(error) : error
    if (failure instanceof Failure) {
      reportFailure(failure, world, argv.includes("--json"), name)
      return failure.exit
    }
    const kind = error instanceof Error ? error.name : typeof error
    world.err(`${name}: a fault in ts-age-yk itself (${kind}); please report it\n`)
    if (world.env["TS_AGE_YK_DEBUG"] !== undefined && error instanceof Error)
      world.err(`${error.stack ?? error.message}\n`)
    return 1
  }
}
