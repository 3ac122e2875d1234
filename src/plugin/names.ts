/** Where a plugin's program is. [C2SP age-plugin]: C2SP/age-plugin.md, "Mapping recipients and identities to plugin binaries". */
import { constants } from "node:fs"
import { access, stat } from "node:fs/promises"
import { delimiter, isAbsolute, join } from "node:path"
import { isPluginName } from "../age/plugin-name.ts"
import { PluginMissing } from "./failures.ts"

/**
 * Finds `age-plugin-NAME` on PATH; never in the working directory, whatever PATH says.
 * @param name - lower case, without separators
 * @param path - the variable's value
 * @throws PluginMissing
 */
export async function findPlugin(name: string, path: string): Promise<string> {
  if (!isPluginName(name)) throw new RangeError(`"name" expected a plugin's name, got ${JSON.stringify(name)}`)
  const folders = path.split(delimiter).filter((folder) => isAbsolute(folder))
  // In the Windows Subsystem for Linux the plugins of Windows, which see the USB keys, end in .exe as well.
  const programs =
    process.platform === "win32" ? [`age-plugin-${name}.exe`] : [`age-plugin-${name}`, `age-plugin-${name}.exe`]
  for (const program of programs)
    for (const folder of folders) {
      const candidate = join(folder, program)
      if (await isProgram(candidate)) return candidate
    }
  throw new PluginMissing(name)
}

async function isProgram(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK)
    return (await stat(path)).isFile()
  } catch {
    return false
  }
}
