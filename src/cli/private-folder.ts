/** A folder in memory, for its owner alone, that is gone after any exit: where plaintext has to be a file for a while. */
import { spawn } from "node:child_process"
import { rmSync } from "node:fs"
import { access, constants, mkdtemp, readFile, statfs, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { printable } from "../quote.ts"
import { ReadFailed, WriteFailed } from "../replace-file.ts"
import type { World } from "./world.ts"

export type PrivateFolder = Readonly<{
  /** Writes a file of mode 0600. @returns its path */
  write(name: string, bytes: Uint8Array): Promise<string>
  read(name: string): Promise<Uint8Array>
}>

/**
 * Makes the folder, works in it and removes it, whatever happens. A warning says where there is no memory to make it in.
 * @throws WriteFailed, and what the work throws
 */
export async function inPrivateFolder<T>(world: World, work: (folder: PrivateFolder) => Promise<T>): Promise<T> {
  const path = await makeFolder(world)
  const remove = (): void => rmSync(path, { recursive: true, force: true })
  process.on("exit", remove)
  const outlived = removeWhenOutlived(path)
  try {
    return await work(folderAt(path))
  } finally {
    process.off("exit", remove)
    remove()
    outlived()
  }
}

/**
 * Has another process wait for the end of this one, which leaves no time to tidy when a signal brings it, and then remove the folder.
 * @returns what lets the other process go
 */
function removeWhenOutlived(path: string): () => void {
  if (process.platform === "win32") return () => undefined
  // In a session of its own: what ends this process, a closed terminal or a key, is not meant for it.
  const reaper = spawn("/bin/sh", ["-c", 'trap "" HUP INT QUIT TERM; read -r _; rm -rf -- "$0"', path], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  })
  // Where there is no shell, what a signal leaves is in memory still.
  reaper.on("error", () => undefined)
  reaper.stdin.on("error", () => undefined)
  reaper.unref()
  return () => reaper.stdin.destroy()
}

/** [statfs(2)], of Linux: tmpfs and ramfs. */
const inMemory: ReadonlySet<number> = new Set([0x01021994, 0x858458f6])

async function makeFolder(world: World): Promise<string> {
  const bases = [world.env["XDG_RUNTIME_DIR"] ?? "", "/dev/shm", tmpdir()].filter((base) => base !== "")
  const usable = (await Promise.all(bases.map(usableBase))).filter((base) => base !== null)
  const base = usable.find(({ memory }) => memory) ?? usable[0]
  if (base === undefined) throw new WriteFailed(tmpdir(), null)
  if (!base.memory)
    world.err(
      `ts-age-yk: warning: no folder in memory can be written to: while it is open, the plaintext is in ${printable(base.path)}\n`,
    )
  // mkdtemp makes it for its owner alone.
  return mkdtemp(join(base.path, "ts-age-yk-"))
}

/** @returns null for a folder that is not there, or that others alone may write to */
async function usableBase(path: string): Promise<{ path: string; memory: boolean } | null> {
  try {
    await access(path, constants.W_OK)
    return { path, memory: inMemory.has((await statfs(path)).type) }
  } catch {
    return null
  }
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
