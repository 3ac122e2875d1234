/** Wraps data keys for recipients as sops does: each gets an armored age file of its own. */
import { encryptBytes } from "../age/file.ts"
import type { Recipient } from "../age/identity.ts"
import { Failure } from "../failure.ts"
import type { PluginWorld } from "../plugin/client.ts"
import { recipientFromText } from "../plugin/realise.ts"
import type { KeyWrapper } from "./data-key.ts"

/**
 * @returns a wrapper that reads each recipient once, however many files it wraps for
 */
export function recipientWrapper(world: PluginWorld): KeyWrapper {
  const known = new Map<string, Recipient>()
  return async (text, plain) => {
    try {
      const recipient = known.get(text) ?? recipientFromText(text, world)
      known.set(text, recipient)
      const copy = plain.use((bytes) => bytes.slice())
      try {
        return Buffer.from(await encryptBytes(copy, [recipient], "armored")).toString("latin1")
      } finally {
        copy.fill(0)
      }
    } catch (failure) {
      throw failure instanceof Failure ? failure.within({ option: text }) : failure
    }
  }
}
