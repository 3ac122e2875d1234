/** Reaching a person through the other side: what a plugin asks its client, and how a client answers. [C2SP age-plugin] "Phase 2". */
import { decodeBase64, encodeBase64 } from "../age/base64.ts"
import type { Dialogue } from "../age/dialogue.ts"
import { printable } from "../quote.ts"
import type { Connection } from "./connection.ts"
import { ProtocolBroken } from "./failures.ts"
import { bodyText, type Command, command } from "./framing.ts"

const ascii = new TextEncoder()

/** For a plugin: a dialogue that its client carries out. A client without a screen declines everything. */
export function clientDialogue(connection: Connection): Dialogue {
  const answered = async (sent: Command): Promise<Command | null> => {
    const response = await connection.request(sent)
    return response.name === "ok" ? response : null
  }
  const text = async (sent: Command): Promise<string | null> => {
    const response = await answered(sent)
    return response === null ? null : bodyText(response)
  }
  return {
    tell: async (message) => {
      await answered(command("msg", [], message))
    },
    askSecret: (question) => text(command("request-secret", [], question)),
    ask: (question) => text(command("request-public", [], question)),
    confirm: async (question, yes, no) => {
      const choices = no === undefined ? [yes] : [yes, no]
      const args = choices.map((choice) => encodeBase64(ascii.encode(choice)))
      const choice = (await answered(command("confirm", args, question)))?.args[0]
      return choice === "yes" ? true : choice === "no" ? false : null
    },
  }
}

const ok = command("ok")
const fail = command("fail")

/**
 * For a client: answers a plugin's commands that are for a person.
 * @param name - of the plugin, so that the person sees who asks
 * @returns null when it is another command
 * @throws ProtocolBroken when it is malformed
 */
export async function answerForPerson(got: Command, name: string, dialogue: Dialogue | null): Promise<Command | null> {
  const question = `${name} plugin: ${bodyText(got).split("\n").map(printable).join("\n")}`
  switch (got.name) {
    case "msg":
      if (dialogue === null) return fail
      await dialogue.tell(question)
      return ok
    case "confirm":
      return confirm(got, question, dialogue)
    case "request-secret":
      return textAnswer((await dialogue?.askSecret(question)) ?? null)
    case "request-public":
      return textAnswer((await dialogue?.ask(question)) ?? null)
    default:
      return null
  }
}

/** An empty answer is no answer: plugins written with age's own framework end at an `ok` without data. */
function textAnswer(text: string | null): Command {
  return text === null || text === "" ? fail : command("ok", [], text)
}

async function confirm(got: Command, question: string, dialogue: Dialogue | null): Promise<Command> {
  const [yes, no] = got.args.map((argument) => {
    const bytes = decodeBase64(argument)
    if (bytes === null) throw new ProtocolBroken("it sent a confirmation whose choices are not base64")
    return printable(new TextDecoder().decode(bytes))
  })
  if (yes === undefined || got.args.length > 2)
    throw new ProtocolBroken("it sent a confirmation without one or two choices")
  const chosen = (await dialogue?.confirm(question, yes, no)) ?? null
  return chosen === null ? fail : command("ok", [chosen ? "yes" : "no"])
}
