/** The end of a process: it is told to, since not all that keeps one alive can be let go of. */
import { standardError, standardOutput } from "./standard-streams.ts"

/**
 * Ends the process when all that it printed is written. pcsclite loses a handle now and then when a reader is closed just after it
 * told its state (cardreader.cpp, `HandlerFunction`: it leaves its loop without `do_exit`), and Node would wait for that one for ever.
 */
export function end(status: number): void {
  standardOutput.flush(() => standardError.flush(() => process.exit(status)))
}
