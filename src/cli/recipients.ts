/** Recipients as options name them: YubiKeys' and software keys' are wrapped for here, others by their plugins. */
import { readFile } from "node:fs/promises"
import type { Recipient } from "../age/identity.ts"
import { type ParsedRecipient, parseRecipient, parseRecipientsFile } from "../age/recipients.ts"
import { explain, Failure } from "../failure.ts"
import { PluginRecipient } from "../plugin/identity.ts"
import { ReadFailed } from "../replace-file.ts"
import { YubiKeyRecipient } from "../yubikey/recipient.ts"
import type { World } from "./world.ts"

export type RecipientOptions = Readonly<{ recipient?: string[]; recipientsFile?: string[] }>

/**
 * Gathers the recipients of `-r` and `-R`.
 * @throws RecipientInvalid, with file and line; ReadFailed
 */
export async function gatherRecipients(options: RecipientOptions, world: World): Promise<Recipient[]> {
  const recipients = (options.recipient ?? []).map((text) =>
    realise(
      located(() => parseRecipient(text), { option: text }),
      world,
    ),
  )
  for (const file of options.recipientsFile ?? []) {
    const text = await readFile(file, "utf8").catch((cause: unknown) => {
      throw new ReadFailed(file, cause)
    })
    const found = located(() => parseRecipientsFile(text), { file })
    for (const skipped of found.skipped) world.err(`ts-age-yk: warning: ${explain(skipped.within({ file })).text}\n`)
    recipients.push(...found.recipients.map((parsed) => realise(parsed, world)))
  }
  return recipients
}

function located<T>(parse: () => T, where: { file?: string; option?: string }): T {
  try {
    return parse()
  } catch (failure) {
    throw failure instanceof Failure ? failure.within(where) : failure
  }
}

/** Makes a recipient of what was parsed: YubiKeys' and tagged ones need no plugin. @throws RecipientInvalid */
export function realise(parsed: ParsedRecipient, world: World): Recipient {
  if (parsed.kind === "native") return parsed.recipient
  if (YubiKeyRecipient.isText(parsed.plugin.text)) return YubiKeyRecipient.parse(parsed.plugin.text)
  return new PluginRecipient(parsed.plugin, { env: world.env, dialogue: world.terminal() })
}
