/** Where data comes from: a file, or standard input. */
import { statSync } from "node:fs"
import { type FileHandle, open } from "node:fs/promises"
import type { Pieces } from "../age/payload.ts"
import { Failure } from "../failure.ts"
import { readBytes } from "../read-file.ts"
import { ReadFailed } from "../replace-file.ts"
import { once } from "./output.ts"
import type { World } from "./world.ts"

/** Read in pieces of this size, in bytes: each is a trip to another thread and back, which costs as much as 64 KiB of cipher. */
const pieceLength = 1 << 21

/**
 * Opens an input.
 * @param file - undefined for standard input
 * @throws ReadFailed, at once or while it is read
 */
export function openInput(
  file: string | undefined,
  world: World,
  pieces: Pieces = "to keep",
): AsyncIterable<Uint8Array> {
  if (file === undefined) return world.input()
  const length = lengthOf(file)
  return length !== null && length <= pieceLength ? once(readBytes(file)) : readPieces(file, pieces)
}

/** The length of a file in bytes; null for what has none, like a named pipe. @throws ReadFailed, for a directory too */
function lengthOf(file: string): number | null {
  try {
    const found = statSync(file)
    if (found.isDirectory()) throw Object.assign(new TypeError("a directory"), { code: "EISDIR" })
    return found.isFile() ? found.size : null
  } catch (cause) {
    throw new ReadFailed(file, cause)
  }
}

/** Reads an input whole, and leaves no copy of it: it may be a key. @throws ReadFailed */
export async function readInput(file: string | undefined, world: World): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for await (const part of openInput(file, world)) parts.push(part)
  const whole = Buffer.concat(parts)
  for (const part of parts) part.fill(0)
  return whole
}

/** The next piece is on its way while one is worked on: else the cipher would wait for the disk, and the disk for it. */
async function* readPieces(file: string, pieces: Pieces): AsyncGenerator<Uint8Array> {
  let handle: FileHandle | undefined
  try {
    handle = await open(file)
    const opened = handle
    // One is worked on, one is in reserve, and one is on its way.
    const reused = pieces === "to keep" ? [] : Array.from({ length: 3 }, () => Buffer.allocUnsafeSlow(pieceLength))
    let turn = 0
    const read = () => opened.read(reused[turn++ % 3] ?? Buffer.allocUnsafeSlow(pieceLength), 0, pieceLength, null)
    let coming = read()
    for (let came = await coming; came.bytesRead > 0; came = await coming) {
      coming = read()
      // When nobody wants the rest, nobody waits for it either.
      coming.catch(() => undefined)
      yield came.buffer.subarray(0, came.bytesRead)
    }
  } catch (cause) {
    throw cause instanceof Failure ? cause : new ReadFailed(file, cause)
  } finally {
    await handle?.close()
  }
}
