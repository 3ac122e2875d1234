/** A folder in memory, for its owner alone, that is gone after any exit: where plaintext has to be a file for a while. */
import { rmSync } from "node:fs"
import { access, constants, mkdtemp, readFile, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { ReadFailed, WriteFailed } from "../replace-file.ts"
import type { World } from "./world.ts"

export type PrivateFolder = Readonly<{
  /** Writes a file of mode 0600. @returns its path */
  write(name: string, bytes: Uint8Array): Promise<string>
  read(name: string): Promise<Uint8Array>
}>

/** Signals that end a program; SIGKILL leaves no time, but the folder is in memory. */
const endings = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const

/**
 * Makes the folder, works in it and removes it, whatever happens.
 * @throws WriteFailed, and what the work throws
 */
export async function inPrivateFolder<T>(world: World, work: (folder: PrivateFolder) => Promise<T>): Promise<T> {
  const path = await makeFolder(world)
  const remove = (): void => rmSync(path, { recursive: true, force: true })
  const end = (signal: NodeJS.Signals): void => {
    remove()
    process.kill(process.pid, signal)
  }
  process.on("exit", remove)
  for (const signal of endings) process.once(signal, end)
  try {
    return await work(folderAt(path))
  } finally {
    for (const signal of endings) process.off(signal, end)
    process.off("exit", remove)
    remove()
  }
}

async function makeFolder(world: World): Promise<string> {
  const bases = [world.env["XDG_RUNTIME_DIR"], "/dev/shm", tmpdir()]
  for (const base of bases) {
    if (base === undefined || base === "") continue
    const usable = await access(base, constants.W_OK).then(
      () => true,
      () => false,
    )
    // mkdtemp makes it for its owner alone.
    if (usable) return mkdtemp(join(base, "ts-age-yk-"))
  }
  throw new WriteFailed(tmpdir(), null)
}

function folderAt(path: string): PrivateFolder {
  return {
    async write(name, bytes) {
      const file = join(path, name)
      await writeFile(file, bytes, { mode: 0o600 }).catch((cause: unknown) => {
        throw new WriteFailed(file, cause)
      })
      return file
    },
    read: (name) =>
      readFile(join(path, name)).catch((cause: unknown) => {
        throw new ReadFailed(name, cause)
      }),
  }
}
