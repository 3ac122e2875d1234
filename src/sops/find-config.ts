/** Where `.sops.yaml` is looked for. [sops] config/config.go, `LookupConfigFile`. */
import { dirname, join } from "node:path"

export const configName = ".sops.yaml"
/** A name that sops warns about: it is not read. */
export const wrongName = ".sops.yml"

/** sops climbs no further than this. */
const mostFolders = 100

export type FoundConfig = Readonly<{
  /** Null when there is none in the folder or above it. */
  path: string | null
  /** A `.sops.yml` that was passed on the way, which has no effect. */
  ignored: string | null
}>

/**
 * Looks for the configuration in a folder and those above it.
 * @param folder - absolute
 * @param exists - whether there is a file of that path
 */
export async function findConfig(folder: string, exists: (path: string) => Promise<boolean>): Promise<FoundConfig> {
  let ignored: string | null = null
  let at = folder
  for (let climbed = 0; climbed < mostFolders; climbed++) {
    const path = join(at, configName)
    if (await exists(path)) return { path, ignored }
    const wrong = join(at, wrongName)
    if (ignored === null && (await exists(wrong))) ignored = wrong
    const above = dirname(at)
    if (above === at) break
    at = above
  }
  return { path: null, ignored }
}
