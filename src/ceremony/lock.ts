/**
 * One ceremony at a time in a repository, by a lock that a crash does not leave behind: a socket that lives as long as its process.
 * Linux has names for that which are no files; Windows' pipes are such; elsewhere a socket's file may be left, and is known to be dead
 * when nobody answers.
 */
import { createHash } from "node:crypto"
import { rm, rmdir } from "node:fs/promises"
import { connect, createServer, type Server } from "node:net"
import { join } from "node:path"
import { CeremonyLocked } from "./failures.ts"
import { makeRecordFolder } from "./journal.ts"

function lockName(folder: string): string {
  const name = `ts-age-yk-${createHash("sha256").update(folder).digest("hex").slice(0, 32)}`
  if (process.platform === "linux") return `\0${name}`
  return process.platform === "win32" ? `\\\\.\\pipe\\${name}` : join(folder, "lock.sock")
}

function listen(name: string): Promise<Server | null> {
  const server = createServer((socket) => socket.destroy())
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") resolve(null)
      else reject(error)
    })
    server.listen(name, () => resolve(server))
  })
}

/** Whether somebody answers. */
function alive(name: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(name, () => {
      socket.destroy()
      resolve(true)
    })
    socket.once("error", () => resolve(false))
  })
}

/**
 * Does some work while no other ceremony is under way in a repository.
 * @param folder - of its records
 * @throws CeremonyLocked, and what the work throws
 */
export async function whileLocked<T>(folder: string, work: () => Promise<T>): Promise<T> {
  await makeRecordFolder(folder)
  const name = lockName(folder)
  let server = await listen(name)
  if (server === null && name.endsWith(".sock") && !(await alive(name))) {
    await rm(name, { force: true })
    server = await listen(name)
  }
  if (server === null) throw new CeremonyLocked(folder)
  const held = server
  try {
    return await work()
  } finally {
    await new Promise((resolve) => held.close(resolve))
    // An empty folder is left to nobody.
    await rmdir(folder).catch(() => undefined)
  }
}
