/** The plugin as a process: its client is at standard input and output, and standard error is for nobody. */
import { explain, Failure } from "../failure.ts"
import { pinsFromCommand } from "../keyring/pin-source.ts"
import { ProtocolBroken } from "../plugin/failures.ts"
import { servePlugin } from "../plugin/serve.ts"
import { chooseReaders } from "./readers.ts"
import { yubiKeyHandler } from "./yubikey-handler.ts"

/** Serves one run, and ends the process. */
export async function servePluginProcess(stateMachine: string): Promise<never> {
  const command = process.env["TS_AGE_YK_PIN_COMMAND"]
  const handler = yubiKeyHandler({
    readers: chooseReaders({}, process.env),
    pins: command === undefined || command === "" ? null : pinsFromCommand(command, process.env),
  })
  // Go's age sends SIGINT when it has what it wants; the protocol's end is what counts.
  process.on("SIGINT", () => undefined)
  // What cannot be written is told to whoever wrote it; as an event it would end the process the slow way.
  process.stdout.on("error", () => undefined)
  try {
    await servePlugin(stateMachine, process.stdin, writeToClient, handler)
  } catch (failure) {
    if (!(failure instanceof Failure)) throw failure
    process.stderr.write(`age-plugin-yubikey: ${explain(failure).text}\n`)
    // A client that is gone has no use for a touch. Node's own exit would wait for a card that does, for 15 seconds.
    if (failure instanceof ProtocolBroken) process.kill(process.pid, "SIGKILL")
    process.exit(failure.exit)
  }
  process.exit(0)
}

function writeToClient(bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(bytes, (error) => {
      if (error) reject(error)
      else resolve()
    })
  })
}
