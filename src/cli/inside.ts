/** Files that are changed in place: a link to one is followed within its repository, and not out of it. */
import { realpathSync } from "node:fs"
import { dirname, resolve, sep } from "node:path"
import { EXIT, Failure } from "../failure.ts"
import { folderWith } from "../folder-above.ts"
import { quote } from "../quote.ts"
import { finalTarget, ReadFailed } from "../replace-file.ts"
import { configName } from "../sops/find-config.ts"

/** A link leads out of the repository: what it leads to may be somebody else's, under other rules. */
export class LinkLeadsOut extends Failure {
  override readonly code = "link-leads-out"
  override readonly exit = EXIT.failed
  constructor(file: string, target: string, root: string) {
    super(`is a link out of the repository ${quote(root)}, to ${quote(target)}`, {
      where: { file },
      hint: "nothing was changed; if that file is meant, name it",
    })
  }
}

/**
 * Checks that what a path leads to is in the repository that the path is in: the folder above it that git keeps, or else that has a
 * `.sops.yaml`. In no repository, links lead where they will.
 * @throws LinkLeadsOut, ReadFailed
 */
export function requireInside(path: string): void {
  const absolute = resolve(path)
  const folder = dirname(absolute)
  const root = folderWith(".git", folder) ?? folderWith(configName, folder)
  if (root === null) return
  const [target, top] = real(path, absolute, root)
  if (!target.startsWith(top.endsWith(sep) ? top : top + sep)) throw new LinkLeadsOut(path, target, top)
}

function real(path: string, absolute: string, root: string): readonly [target: string, top: string] {
  try {
    return [finalTarget(absolute), realpathSync.native(root)]
  } catch (cause) {
    throw new ReadFailed(path, cause)
  }
}
