/** What a run unlocks with, made of the options and the places that identities come from. */
import type { RunAttendant } from "../keyring/attendant.ts"
import { findIdentities } from "../keyring/sources.ts"
import { UnlockSession } from "../keyring/unlock-session.ts"
import { YubiKeys } from "../keyring/yubikeys.ts"
import { PluginIdentity } from "../plugin/identity.ts"
import { attend, choosePinSource } from "./attendance.ts"
import type { IdentityOptions } from "./options.ts"
import { chooseReaders, chooseTrace } from "./readers.ts"
import type { World } from "./world.ts"

/**
 * Opens the unlock session of a run. Nothing is asked, and no card is touched, before a file wants it.
 * @throws ReadFailed, IdentityInvalid, StubMalformed, WrongUsage
 */
export function openSession(options: IdentityOptions, world: World): UnlockSession {
  return openAttendedSession(options, world).session
}

/** The same, with the attendant that counts what the YubiKeys were asked for. */
export function openAttendedSession(
  options: IdentityOptions,
  world: World,
): { session: UnlockSession; attendant: RunAttendant } {
  const warn = (text: string): void => world.err(`ts-age-yk: warning: ${text}\n`)
  const run: { session?: UnlockSession } = {}
  const found = findIdentities({
    files: options.identity ?? [],
    env: world.env,
    home: world.home,
    platform: world.platform,
    hostKey: world.hostKey,
    dialogue: world.terminal,
    plugin: (plugins) => new PluginIdentity(plugins, { env: world.env, dialogue: world.terminal() }),
    recipient: () => run.session?.recipient,
  })
  for (const warning of found.warnings) warn(warning)
  const source = choosePinSource(options, world)
  const attendant = attend(source, world)
  const yubiKeys =
    options.yubikey === false
      ? null
      : new YubiKeys({
          readers: chooseReaders(options, world.env),
          stubs: found.stubs,
          ...(options.serial === undefined ? {} : { serials: options.serial }),
          attendant,
          ...chooseTrace(options),
        })
  run.session = new UnlockSession({
    identities: found.identities,
    yubiKeys,
    ...(source.from === "person"
      ? {
          plugIn: async (wanted: readonly string[]) =>
            (await source.dialogue.confirm(
              `none at hand opens it; plug in ${wanted.join(" or ")}`,
              "it is plugged in",
              "stop",
            )) === true,
        }
      : {}),
  })
  return { session: run.session, attendant }
}
