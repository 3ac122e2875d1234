/** The plugin as a process: its client is at standard input and output, and standard error is for nobody. */
import { explain, Failure } from "../failure.ts"
import { pinsFromCommand } from "../keyring/pin-source.ts"
import { servePlugin } from "../plugin/serve.ts"
import { chooseReaders } from "./readers.ts"
import { yubiKeyHandler } from "./yubikey-handler.ts"

/**
 * Serves one run.
 * @returns the exit status: 0, or 1 when the client went away or the state machine is unknown
 */
export async function servePluginProcess(stateMachine: string): Promise<number> {
  const command = process.env["TS_AGE_YK_PIN_COMMAND"]
  const handler = yubiKeyHandler({
    readers: chooseReaders({}, process.env),
    pins: command === undefined || command === "" ? null : pinsFromCommand(command, process.env),
  })
  // Go's age sends SIGINT when it has what it wants; the protocol's end is what counts.
  process.on("SIGINT", () => undefined)
  try {
    await servePlugin(stateMachine, process.stdin, writeToClient, handler)
    return 0
  } catch (failure) {
    if (!(failure instanceof Failure)) throw failure
    process.stderr.write(`age-plugin-yubikey: ${explain(failure).text}\n`)
    return failure.exit
  } finally {
    process.stdin.destroy()
  }
}

function writeToClient(bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(bytes, (error) => {
      if (error) reject(error)
      else resolve()
    })
  })
}
