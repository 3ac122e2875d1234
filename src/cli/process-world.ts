/** The real world: this process, its streams and its terminal. */
import { createReadStream } from "node:fs"
import { homedir } from "node:os"
import { OutputFailed } from "./failures.ts"
import { standardError, standardOutput } from "./standard-streams.ts"
import { openTerminal } from "./terminal.ts"
import type { World } from "./world.ts"

export function processWorld(): World {
  return {
    env: process.env,
    home: homedir(),
    platform: process.platform,
    hostKey: "/etc/ssh/ssh_host_ed25519_key",
    out: (content) =>
      new Promise((resolve, reject) => {
        standardOutput.write(content, (failure) => {
          if (failure) reject(new OutputFailed(failure))
          else resolve()
        })
      }),
    err: (text) => standardError.write(text),
    // What opens a stream of Node's is left to those who ask: few do.
    get outIsTerminal() {
      return standardOutput.isTerminal
    },
    get errIsTerminal() {
      return standardError.isTerminal
    },
    input: () => process.stdin,
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
