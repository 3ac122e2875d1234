/** `ts-age-yk git textconv`: what `git diff`, `git log -p` and `git show` print of an encrypted file. */
import { Command } from "commander"
import { decryptBytes, isAgeFile } from "../../../age/file.ts"
import { explain, Failure } from "../../../failure.ts"
import type { UnlockSession } from "../../../keyring/unlock-session.ts"
import { readBytes } from "../../../read-file.ts"
import { decryptSops } from "../../../sops/decrypt.ts"
import { NotEncrypted } from "../../../sops/failures.ts"
import { openSession } from "../../access.ts"
import { declareIdentities, type IdentityOptions } from "../../options.ts"
import type { World } from "../../world.ts"

type Options = IdentityOptions & Readonly<{ ask?: true }>

export function textconvCommand(world: World, done: (status: number) => void): Command {
  return declareIdentities(new Command("textconv"))
    .description("print FILE decrypted, or as it is where that cannot be, for git to compare")
    .argument("<FILE>", "age or SOPS file, or any other")
    .option("--ask", "use YubiKeys and passphrases too; git asks for every version of every file")
    .action(async (file: string, options: Options) => {
      await world.out(await shown(readBytes(file), file, options, world))
      done(0)
    })
}

/** A file that cannot be opened must not end a `git log` of a thousand others. */
async function shown(bytes: Uint8Array, file: string, options: Options, world: World): Promise<Uint8Array> {
  try {
    await using session = quietSession(options, world)
    return await decrypt(bytes, file, session)
  } catch (failure) {
    if (!(failure instanceof Failure)) throw failure
    if (!(failure instanceof NotEncrypted))
      world.err(`ts-age-yk: shown as it is: ${explain(failure.within({ file })).text}\n`)
    return bytes
  }
}

/** Git calls once for each version of each file, so nobody is asked for anything unless that is wished. */
function quietSession(options: Options, world: World): UnlockSession {
  if (options.ask === true) return openSession(options, world)
  return openSession({ ...options, yubikey: false }, { ...world, terminal: () => null })
}

function decrypt(bytes: Uint8Array, path: string, session: UnlockSession): Promise<Uint8Array> {
  return isAgeFile(bytes)
    ? decryptBytes(bytes, (stanzas) => session.open(stanzas))
    : decryptSops(bytes, session, { path })
}
