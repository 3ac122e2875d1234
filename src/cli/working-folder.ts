/** The working folder by the name that people and programs know it by. */
import { statSync } from "node:fs"
import { isAbsolute, resolve } from "node:path"
import type { World } from "./world.ts"

/**
 * `$PWD` where it leads to the working folder, through symbolic links or not: what is named by it then lies below it, as it does for
 * sops. Node has the folder's real path alone.
 * @see Go's os.Getwd
 */
export function workingFolder({ env, platform }: Pick<World, "env" | "platform">): string {
  const name = env["PWD"]
  const real = resolve(".")
  if (name === undefined || !isAbsolute(name) || platform === "win32") return real
  try {
    const [named, here] = [statSync(name), statSync(real)]
    return named.dev === here.dev && named.ino === here.ino ? resolve(name) : real
  } catch {
    // Whatever keeps it from being looked at, it is no name for this folder.
    return real
  }
}
