/** A plugin's process, from its start to its certain end. */
import { type ChildProcess, spawn } from "node:child_process"
import { tmpdir } from "node:os"
import type { Readable, Writable } from "node:stream"
import type { Output } from "./connection.ts"
import { PluginBroke } from "./failures.ts"

/** How a plugin is run. */
export type Launch = Readonly<{
  /** Name in lower case, for messages. */
  name: string
  /** Absolute path of the program. */
  program: string
  /** The whole environment of the process. */
  env: Readonly<Record<string, string | undefined>>
}>

/** Standard error that is kept for a message, in bytes. */
const keptError = 2000
/** How long a plugin may take to end after its input has closed, and again after SIGTERM, in milliseconds. */
const graceMilliseconds = 1000

type Child = ChildProcess & { stdin: Writable; stdout: Readable; stderr: Readable }

/** A running plugin. */
export class PluginProcess {
  readonly input: AsyncIterable<Uint8Array>
  readonly #name: string
  readonly #child: Child
  /** When it is gone. Its streams may outlive it, in a child of its own. */
  readonly #exited: Promise<string>
  /** When it is gone and all that it wrote was read. */
  readonly #closed: Promise<unknown>
  #said = ""

  private constructor(name: string, child: Child) {
    this.#name = name
    this.#child = child
    this.input = child.stdout
    this.#closed = new Promise((resolve) => child.once("close", resolve))
    this.#exited = new Promise((resolve) => {
      child.once("exit", (status, signal) => {
        resolve(signal === null ? `it ended with status ${status ?? "unknown"}` : `it was ended by ${signal}`)
      })
    })
    child.stderr.setEncoding("utf8")
    child.stderr.on("data", (text: string) => {
      this.#said = (this.#said + text).slice(-keptError)
    })
    // A plugin that has ended is noticed where it is read from; writing to it fails as well, and says less.
    child.stdin.on("error", () => undefined)
  }

  /**
   * Starts a plugin, in the folder for temporary files: plugins must not depend on where they run.
   * @param stateMachine - `recipient-v1` or `identity-v1`
   * @throws PluginBroke when the system cannot run it
   */
  static start(launch: Launch, stateMachine: string): Promise<PluginProcess> {
    const child = spawn(launch.program, [`--age-plugin=${stateMachine}`], {
      cwd: tmpdir(),
      env: { ...launch.env },
      stdio: ["pipe", "pipe", "pipe"],
      windowsHide: true,
    })
    return new Promise((resolve, reject) => {
      child.once("error", (cause) => {
        reject(new PluginBroke(launch.name, "it cannot be run", "", cause))
      })
      child.once("spawn", () => {
        resolve(new PluginProcess(launch.name, child))
      })
    })
  }

  /** Writes to its standard input, and waits while that is full. */
  readonly output: Output = (bytes) =>
    new Promise((resolve) => {
      this.#child.stdin.write(bytes, () => {
        resolve()
      })
    })

  /** Ends it: closes its input, then SIGTERM, then SIGKILL. Resolves when the process is gone. */
  async end(): Promise<void> {
    this.#child.stdin.end()
    if (await within(this.#exited, graceMilliseconds)) return
    this.#child.kill("SIGTERM")
    if (await within(this.#exited, graceMilliseconds)) return
    await this.kill()
  }

  /** Ends it at once. Resolves when the process is gone. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL")
    await this.#exited
    for (const stream of [this.#child.stdin, this.#child.stdout, this.#child.stderr]) stream.destroy()
  }

  /** The failure of a plugin that broke off, with how it ended and what it wrote. Ends it. */
  async broke(cause: { message: string }): Promise<PluginBroke> {
    const own = await within(this.#closed, 100)
    await this.kill()
    const how = own ? `; ${await this.#exited}` : ""
    return new PluginBroke(this.#name, `${cause.message}${how}`, this.#said.trim(), cause)
  }
}

/** Whether it comes within so many milliseconds. */
function within(awaited: Promise<unknown>, milliseconds: number): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      resolve(false)
    }, milliseconds)
    void awaited.then(() => {
      clearTimeout(timer)
      resolve(true)
    })
  })
}
