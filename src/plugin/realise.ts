/** Makes recipients of what was parsed: software and YubiKey recipients are wrapped for here, all others by their plugins. */
import type { Recipient } from "../age/identity.ts"
import { type ParsedRecipient, parseRecipient } from "../age/recipients.ts"
import { YubiKeyRecipient } from "../yubikey/recipient.ts"
import type { PluginWorld } from "./client.ts"
import { PluginRecipient } from "./identity.ts"

/**
 * The recipient that a parsed string stands for.
 * @throws RecipientInvalid
 */
export function realiseRecipient(parsed: ParsedRecipient, world: PluginWorld): Recipient {
  if (parsed.kind === "native") return parsed.recipient
  if (YubiKeyRecipient.isText(parsed.plugin.text)) return YubiKeyRecipient.parse(parsed.plugin.text)
  return new PluginRecipient(parsed.plugin, world)
}

/** The recipient that a string stands for. @throws RecipientInvalid, RecipientUnsupported */
export function recipientFromText(text: string, world: PluginWorld): Recipient {
  return realiseRecipient(parseRecipient(text), world)
}
