/** The one way in which a small file is read whole: what the operating system says becomes a failure that names the file. */
import { readFileSync } from "node:fs"
import { readdir, readFile } from "node:fs/promises"
import { ReadFailed } from "./replace-file.ts"

/** Whether the operating system said that a file, or a folder on the way to it, is not there. */
export function isMissing(cause: unknown): boolean {
  return cause instanceof Error && "code" in cause && (cause.code === "ENOENT" || cause.code === "ENOTDIR")
}

/** Reads a file at once: a turn through the thread pool costs several times what reading costs. @throws ReadFailed */
export function readBytes(path: string): Uint8Array {
  try {
    return readFileSync(path)
  } catch (cause) {
    throw new ReadFailed(path, cause)
  }
}

/** Reads a file as UTF-8. @throws ReadFailed */
export async function readText(path: string): Promise<string> {
  return readFile(path, "utf8").catch((cause: unknown) => {
    throw new ReadFailed(path, cause)
  })
}

/**
 * The same for a file that need not be there.
 * @returns null when it is not. One that is there and cannot be read is no reason to go on as if it were not: it might be written over
 * @throws ReadFailed
 */
export async function readTextIfThere(path: string): Promise<string | null> {
  return readFile(path, "utf8").catch((cause: unknown) => {
    if (isMissing(cause)) return null
    throw new ReadFailed(path, cause)
  })
}

/** The names in a folder; none where it is not there. @throws ReadFailed */
export async function listIfThere(path: string): Promise<string[]> {
  return readdir(path).catch((cause: unknown) => {
    if (isMissing(cause)) return []
    throw new ReadFailed(path, cause)
  })
}
