/** What holds a folder: found by what stands in it. */
import { existsSync } from "node:fs"
import { dirname, join, resolve } from "node:path"

/** The nearest folder, from this one upward, in which a name is; null when there is none. */
export function folderWith(name: string, folder: string): string | null {
  for (let at = resolve(folder); ; at = dirname(at)) {
    if (existsSync(join(at, name))) return at
    if (at === dirname(at)) return null
  }
}
