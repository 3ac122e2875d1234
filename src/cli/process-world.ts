/** The real world: this process, its streams and its terminal. */
import { createReadStream } from "node:fs"
import { homedir } from "node:os"
import { OutputFailed } from "./failures.ts"
import { openTerminal } from "./terminal.ts"
import type { World } from "./world.ts"

/** What a shell says of a program that wrote to a pipe which nobody reads any more: 128 and SIGPIPE. */
const brokenPipe = 141

export function processWorld(): World {
  for (const stream of [process.stdout, process.stderr])
    stream.on("error", (error: NodeJS.ErrnoException) => {
      // `| head` has what it wanted; that is no failure, and nothing is half done.
      if (error.code === "EPIPE") process.exit(brokenPipe)
    })
  return {
    env: process.env,
    home: homedir(),
    platform: process.platform,
    hostKey: "/etc/ssh/ssh_host_ed25519_key",
    out: (content) =>
      new Promise((resolve, reject) => {
        process.stdout.write(content, (error) => {
          if (error) reject(new OutputFailed(error))
          else resolve()
        })
      }),
    err: (text) => {
      process.stderr.write(text)
    },
    outIsTerminal: process.stdout.isTTY,
    errIsTerminal: process.stderr.isTTY,
    input: () => process.stdin,
    // What opens standard input is left to those who ask: few read it.
    get inputIsTerminal() {
      return process.stdin.isTTY
    },
    terminal: () => openTerminal(),
    readDescriptor: async (descriptor) => {
      const parts: Buffer[] = []
      for await (const part of createReadStream("", { fd: descriptor, autoClose: true }))
        parts.push(Buffer.from(part as Uint8Array))
      return Buffer.concat(parts).toString("utf8")
    },
    now: () => new Date(),
  }
}
