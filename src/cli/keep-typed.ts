/** What was typed in an editor and could not be written is kept, encrypted for those who could read it where it was to be. */
import { basename, dirname, join } from "node:path"
import { encryptBytes } from "../age/file.ts"
import type { Recipient } from "../age/identity.ts"
import { explain, Failure } from "../failure.ts"
import type { PluginWorld } from "../plugin/client.ts"
import { recipientFromText } from "../plugin/realise.ts"
import { printable } from "../quote.ts"
import { replaceFile } from "../replace-file.ts"
import { encryptNew } from "../sops/encrypt.ts"
import { storeOf } from "../sops/format.ts"
import type { KeyGroup } from "../sops/metadata.ts"
import { keyWrapper } from "./sops-change.ts"
import { exists } from "./sops-config.ts"
import { staysAsItIs } from "./unchanged.ts"
import type { World } from "./world.ts"

/**
 * Keeps what was typed beside the file that it was for, and says where. What stands in the way of that is told, and no failure: there is one
 * already.
 */
export async function keepTyped(path: string, typed: Uint8Array, keys: Keys, world: World): Promise<void> {
  try {
    const [suffix, encrypted] =
      keys.groups.length === 1 ? await keptForOne(typed, keys, world) : await keptForQuorum(typed, keys, world)
    const kept = await freeName(join(dirname(path), `${basename(path)}.edited`), suffix)
    await replaceFile(kept, encrypted, undefined, staysAsItIs(kept))
    world.err(`ts-age-yk: what was typed is kept in ${printable(kept)}: ts-age-yk decrypt prints it\n`)
  } catch (failure) {
    if (!(failure instanceof Failure)) throw failure
    const { text, hint } = explain(failure)
    world.err(`ts-age-yk: warning: what was typed could not be kept: ${text}\n`)
    if (hint !== undefined) world.err(`ts-age-yk: hint: ${hint}\n`)
  }
}

/** What was kept before stays: it may be all that is left of another hour's work. */
async function freeName(start: string, suffix: string): Promise<string> {
  let name = `${start}.${suffix}`
  for (let number = 2; await exists(name); number++) name = `${start}-${number}.${suffix}`
  return name
}

type Keys = Readonly<{ groups: readonly KeyGroup[]; shamirThreshold: number }>
type Kept = readonly [suffix: string, bytes: Uint8Array]

async function keptForOne(typed: Uint8Array, { groups }: Keys, world: World): Promise<Kept> {
  const plugins = { env: world.env, dialogue: world.terminal() }
  const recipients = groups.flat().flatMap((key) => (key.type === "age" ? recipientsIn(key.recipient, plugins) : []))
  return ["age", await encryptBytes(typed, recipients, "armored")]
}

/** One key alone must not read what a quorum guards. */
async function keptForQuorum(typed: Uint8Array, { groups, shamirThreshold }: Keys, world: World): Promise<Kept> {
  const store = await storeOf("binary")
  const wish = { groups, shamirThreshold, selection: null, macOnlyEncrypted: false }
  const documents = store.parse(typed)
  return ["sops", await encryptNew(documents, { store, input: store }, wish, keyWrapper(world), world.now())]
}

/** The recipient; none where it cannot be read, which may be the very failure that what was typed is kept from. */
function recipientsIn(text: string, plugins: PluginWorld): Recipient[] {
  try {
    return [recipientFromText(text, plugins)]
  } catch (failure) {
    if (failure instanceof Failure) return []
    throw failure
  }
}
