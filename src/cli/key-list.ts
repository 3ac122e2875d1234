/** `host list` and `key list`. */
import { join } from "node:path"
import { type ListedKey, listKeys } from "../ceremony/key-list.ts"
import { shortRecipient } from "../ceremony/key-names.ts"
import { readRepository } from "../ceremony/repository.ts"
import { readTranscript } from "../ceremony/transcript.ts"
import { printable } from "../quote.ts"
import { readText } from "../read-file.ts"
import { configName } from "../sops/find-config.ts"
import { table } from "./table.ts"
import type { World } from "./world.ts"

/** Prints the keys of the repository. @param first - who stands first */
export async function printKeys(first: "hosts" | "as in .sops.yaml", json: boolean, world: World): Promise<void> {
  const repository = await readRepository(".")
  const config = await readText(join(repository.root, configName))
  const keys = listKeys(repository, config, await readTranscript(repository.root))
  const isHost = ({ role }: ListedKey): boolean => role === "host"
  const sorted = first === "hosts" ? [...keys.filter(isHost), ...keys.filter((key) => !isHost(key))] : keys
  if (json) {
    await world.out(`${JSON.stringify({ keys: sorted }, null, 2)}\n`)
    return
  }
  const rows = sorted.map(({ names, role, files, proven, recipient }) => [
    names.length === 0 ? "(no name)" : names.map(printable).join(" = "),
    role,
    String(files),
    proven === null ? "never" : proven.slice(0, 10),
    shortRecipient(recipient),
  ])
  await world.out(table(["name", "role", "files", "proven", "recipient"], rows))
}
