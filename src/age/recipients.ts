/** Recipients as people write them: one string each, or a file of them. */
import { decodeBech32 } from "./bech32.ts"
import { RecipientInvalid, RecipientUnsupported } from "./failures.ts"
import { HybridRecipient } from "./hybrid.ts"
import type { Recipient } from "./identity.ts"
import { isIdentityText } from "./identity-text.ts"
import { type PluginText, parsePluginRecipient } from "./plugin-name.ts"
import { SshEd25519Recipient } from "./ssh-ed25519.ts"
import { parseSshPublicLine } from "./ssh-public-key.ts"
import { SshRsaRecipient } from "./ssh-rsa.ts"
import { X25519Recipient } from "./x25519.ts"

/** What a string says. A plugin's recipient is data here: who is asked for it is decided above. */
export type ParsedRecipient = Readonly<
  { kind: "native"; recipient: Recipient } | { kind: "plugin"; plugin: PluginText }
>

/**
 * Reads `age1…`, `age1pq1…`, `age1name1…`, `ssh-ed25519 …` and `ssh-rsa …`.
 * @throws RecipientInvalid, RecipientUnsupported
 */
export function parseRecipient(text: string): ParsedRecipient {
  if (text.startsWith("ssh-") || text.startsWith("ecdsa-") || text.startsWith("sk-")) {
    const key = parseSshPublicLine(text)
    return native(key.type === "ssh-rsa" ? new SshRsaRecipient(key) : new SshEd25519Recipient(key))
  }
  if (isIdentityText(text))
    throw new RecipientInvalid("an identity stands where a recipient is expected", {
      hint: "identities are secret: keep it, and name the recipient that belongs to it",
    })
  const hrp = decodeBech32(text)?.hrp
  if (hrp === "age") return native(X25519Recipient.parse(text))
  if (hrp === "age1pq") return native(HybridRecipient.parse(text))
  const plugin = parsePluginRecipient(text)
  if (plugin !== null) return { kind: "plugin", plugin }
  if (hrp === undefined && text.startsWith("age1"))
    throw new RecipientInvalid("recipient is not valid Bech32: mistyped, or cut short")
  throw new RecipientInvalid("not a recipient", { hint: "recipients begin with age1, ssh-ed25519 or ssh-rsa" })
}

function native(recipient: Recipient): ParsedRecipient {
  return { kind: "native", recipient }
}

/** Largest file of recipients, in bytes: as in `age`. */
const largestFile = 16 << 20

/**
 * Reads a file of recipients: one a line, comments after `#`.
 * @returns the recipients, and the SSH keys that were passed over since age does not know their types
 * @throws RecipientInvalid with the line, and without its text: it may be a secret that was put there by mistake
 */
export function parseRecipientsFile(text: string): { recipients: ParsedRecipient[]; skipped: RecipientUnsupported[] } {
  if (text.length > largestFile) throw new RecipientInvalid(`file of recipients is longer than ${largestFile} bytes`)
  const recipients: ParsedRecipient[] = []
  const skipped: RecipientUnsupported[] = []
  for (const [index, raw] of text.split("\n").entries()) {
    const content = raw.trim()
    if (content === "" || content.startsWith("#")) continue
    try {
      recipients.push(parseRecipient(content))
    } catch (failure) {
      if (failure instanceof RecipientUnsupported) skipped.push(failure.within({ line: index + 1 }))
      else throw failure instanceof RecipientInvalid ? failure.within({ line: index + 1 }) : failure
    }
  }
  return { recipients, skipped }
}
