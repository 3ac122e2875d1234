/** Recipients as options name them: YubiKeys' and software keys' are wrapped for here, others by their plugins. */
import type { Recipient } from "../age/identity.ts"
import { parseRecipient, parseRecipientsFile } from "../age/recipients.ts"
import { explain, Failure } from "../failure.ts"
import { realiseRecipient } from "../plugin/realise.ts"
import { readText } from "../read-file.ts"
import type { World } from "./world.ts"

export type RecipientOptions = Readonly<{ recipient?: string[]; recipientsFile?: string[] }>

/**
 * Gathers the recipients of `-r` and `-R`.
 * @throws RecipientInvalid, with file and line; ReadFailed
 */
export async function gatherRecipients(options: RecipientOptions, world: World): Promise<Recipient[]> {
  const plugins = { env: world.env, dialogue: world.terminal() }
  const recipients = (options.recipient ?? []).map((text) =>
    realiseRecipient(
      located(() => parseRecipient(text), { option: text }),
      plugins,
    ),
  )
  for (const file of options.recipientsFile ?? []) {
    const text = await readText(file)
    const found = located(() => parseRecipientsFile(text), { file })
    for (const skipped of found.skipped) world.err(`ts-age-yk: warning: ${explain(skipped.within({ file })).text}\n`)
    recipients.push(...found.recipients.map((parsed) => realiseRecipient(parsed, plugins)))
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
