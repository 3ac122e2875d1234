/** `sops groups add` and `sops groups delete`: key groups come and go, and the data key stays. [sops] cmd/sops/subcommand/groups */
import { openDataKey, wrapDataKey } from "../sops/data-key.ts"
import { decryptFile } from "../sops/file.ts"
import type { KeyGroup } from "../sops/metadata.ts"
import { sessionOpener } from "../sops/session-opener.ts"
import { writeKeys } from "../sops/update-keys.ts"
import { openSession } from "./access.ts"
import { WrongUsage } from "./failures.ts"
import { keyWrapper, locate, readSopsFile, readToChange, writeSopsFile } from "./sops-change.ts"
import type { World } from "./world.ts"

export type GroupChange = Readonly<{
  path: string
  /** Recipients of a new group, or the place of one that goes. */
  change: Readonly<{ add: readonly string[] } | { remove: number }>
  /** How many groups are to be needed; 0 for as many as now. */
  threshold: number
  inPlace: boolean
}>

/**
 * Changes the groups of a file. All groups get new shares, so that whoever had one of the old has no use of it.
 * @throws WrongUsage for a group that is not there, or a threshold that cannot be met
 */
export async function changeGroups({ path, change, threshold, inPlace }: GroupChange, world: World): Promise<void> {
  const read = await (inPlace ? readToChange(path, undefined) : readSopsFile(path, undefined))
  await locate(path, async () => {
    const { bytes, file } = read
    const { metadata } = file
    const groups = changed(metadata.groups, change)
    const needed = threshold === 0 ? metadata.shamirThreshold : threshold
    if (needed > groups.length)
      throw new WrongUsage(`${needed} key groups are needed, and there would be only ${groups.length}`)
    await using session = openSession({}, world)
    using key = await openDataKey(metadata, await sessionOpener(metadata, session))
    await decryptFile(file, key)
    const wrapped = await wrapDataKey(key, groups, needed, keyWrapper(world))
    const made = writeKeys(bytes, file, wrapped, needed === 0 && groups.length > 1 ? groups.length : needed)
    await (inPlace ? writeSopsFile(read, made, world) : world.out(made))
  })
}

function changed(groups: readonly KeyGroup[], change: GroupChange["change"]): KeyGroup[] {
  if ("add" in change) return [...groups, change.add.map((recipient) => ({ type: "age", recipient, enc: "" }) as const)]
  if (change.remove >= groups.length)
    throw new WrongUsage(`there is no group ${change.remove}: the first is 0, the last ${groups.length - 1}`)
  return groups.toSpliced(change.remove, 1)
}
