/** The real world: this process, its streams and its terminal. */
import { createReadStream } from "node:fs"
import { homedir } from "node:os"
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
        process.stdout.write(content, (error) => {
          if (error) reject(error)
          else resolve()
        })
      }),
    err: (text) => {
      process.stderr.write(text)
    },
    outIsTerminal: process.stdout.isTTY,
    errIsTerminal: process.stderr.isTTY,
    input: () => process.stdin,
    inputIsTerminal: process.stdin.isTTY,
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
