/** Nobody's work is written over: what is put in the place of a file is put over what was read, or not at all. */
import { type BigIntStats, statSync } from "node:fs"
import { EXIT, Failure } from "../failure.ts"
import { readBytes } from "../read-file.ts"
import { ReadFailed } from "../replace-file.ts"

/** Somebody else wrote the file while it was open here. */
export class FileChanged extends Failure {
  override readonly code = "file-changed"
  override readonly exit = EXIT.failed
  constructor(file: string) {
    super("was changed by somebody else meanwhile", { where: { file }, hint: "nothing was written; run it again" })
  }
}

/** A check for `replaceFile`, of a file that was read whole: that it has these bytes. It throws FileChanged, ReadFailed. */
export function holds(path: string, bytes: Uint8Array): () => void {
  return () => {
    if (!Buffer.from(readBytes(path)).equals(bytes)) throw new FileChanged(path)
  }
}

/**
 * The same for a file that is about to be read, piece by piece, or that is not there: that it is as it is now. It throws FileChanged.
 * @throws ReadFailed
 */
export function staysAsItIs(path: string): () => void {
  const before = markOf(path)
  return () => {
    if (markOf(path) !== before) throw new FileChanged(path)
  }
}

/** What tells a file that was written, or replaced, from what it was. */
function markOf(path: string): string {
  let found: BigIntStats | undefined
  try {
    found = statSync(path, { bigint: true, throwIfNoEntry: false })
  } catch (cause) {
    throw new ReadFailed(path, cause)
  }
  return found === undefined ? "" : [found.dev, found.ino, found.size, found.mtimeNs].join(" ")
}
