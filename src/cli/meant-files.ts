/** The files that paths on the command line mean: those that are named, and of folders all that are encrypted. */
import { lstatSync, realpathSync, statSync } from "node:fs"
import { join } from "node:path"
import { EXIT, Failure } from "../failure.ts"
import { readBytes } from "../read-file.ts"
import { formatOfEncrypted } from "../sops/format.ts"

/** `named`: whether somebody named the file itself, and so must be told when nothing can be done with it. */
export type MeantFile = Readonly<{ path: string; named: boolean }>

/** A folder in which there is nothing to do. */
export class NothingEncrypted extends Failure {
  override readonly code = "nothing-encrypted"
  override readonly exit = EXIT.failed
  constructor(folder: string) {
    super("has no encrypted files", {
      where: { file: folder },
      hint: "files that git ignores, links, and hidden folders outside of git are not looked at: name such a file itself",
    })
  }
}

/**
 * @returns each file once, in the order of the paths; those of a folder by name
 * @throws NothingEncrypted, ReadFailed, GitFailed
 */
export async function meantFiles(paths: readonly string[]): Promise<MeantFile[]> {
  const files = new Map<string, MeantFile>()
  for (const path of paths) {
    const named = !isFolder(path)
    for (const file of named ? [path] : await encryptedBelow(path)) {
      // A file may be named by itself, by a link and by its folder, and is meant once; where it was named, that counts.
      const place = placeOf(file)
      if (named ? files.get(place)?.named !== true : !files.has(place)) files.set(place, { path: file, named })
    }
  }
  return [...files.values()]
}

function placeOf(path: string): string {
  try {
    return realpathSync.native(path)
  } catch {
    // Whoever reads it says why it cannot be read.
    return path
  }
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory()
  } catch {
    // The same.
    return false
  }
}

/** Loads what lists folders, which a file that is named does not need. */
async function encryptedBelow(folder: string): Promise<string[]> {
  const [{ filesBelow, sniffLimit }, { isOwnFile }] = await Promise.all([
    import("../ceremony/repository.ts"),
    import("../ceremony/own-files.ts"),
  ])
  const encrypted = (await filesBelow(folder)).filter((name) => {
    if (isOwnFile(name)) return false
    const path = join(folder, name)
    // What a link leads to is another file, or none of this folder.
    const found = lstatSync(path, { throwIfNoEntry: false })
    return found?.isFile() === true && found.size <= sniffLimit && formatOfEncrypted(path, readBytes(path)) !== null
  })
  if (encrypted.length === 0) throw new NothingEncrypted(folder)
  return encrypted.map((name) => join(folder, name))
}
