/** Where data comes from: a file, or standard input. */
import { createReadStream } from "node:fs"
import { stat } from "node:fs/promises"
import { Failure } from "../failure.ts"
import { ReadFailed } from "../replace-file.ts"
import type { World } from "./world.ts"

/** Read in pieces of this size, in bytes: the payload's cipher works on several chunks at once. */
const pieceLength = 1 << 20

/**
 * Opens an input.
 * @param file - undefined for standard input
 * @throws ReadFailed, at once or while it is read
 */
export async function openInput(file: string | undefined, world: World): Promise<AsyncIterable<Uint8Array>> {
  if (file === undefined) return world.input()
  const found = await stat(file).catch((cause: unknown) => {
    throw new ReadFailed(file, cause)
  })
  if (found.isDirectory()) throw new ReadFailed(file, Object.assign(new TypeError("a directory"), { code: "EISDIR" }))
  return readPieces(file)
}

async function* readPieces(file: string): AsyncGenerator<Uint8Array> {
  try {
    for await (const piece of createReadStream(file, { highWaterMark: pieceLength })) yield piece as Uint8Array
  } catch (cause) {
    throw cause instanceof Failure ? cause : new ReadFailed(file, cause)
  }
}
