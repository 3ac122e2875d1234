/**
 * We are a plugin: the two state machines, over any pair of streams. [C2SP age-plugin]: C2SP/age-plugin.md, "Wrapping with recipient-v1" and
 * "Unwrapping with identity-v1". Everything that the client sends is collected, and handed to the handler at once.
 */
import { fileKeyLength } from "../age/file-key.ts"
import type { Recipient } from "../age/identity.ts"
import { checkLabels } from "../age/open.ts"
import type { FileKey, Stanza } from "../age/stanza.ts"
import { explain, Failure } from "../failure.ts"
import { Secret } from "../secret.ts"
import { Connection, type Output } from "./connection.ts"
import { ProtocolBroken, StateMachineUnknown } from "./failures.ts"
import { type Command, command } from "./framing.ts"
import type { Fault, PluginHandler } from "./handler.ts"
import { parseIndex } from "./indices.ts"
import { clientDialogue } from "./remote-dialogue.ts"

/**
 * Speaks with a client until all is done.
 * @param stateMachine - the value of `--age-plugin=`
 * @throws StateMachineUnknown before anything is read or written; ProtocolBroken when the client goes away or breaks the protocol, also
 * while the handler is at work: then the process should end, whatever the handler is waiting for
 */
export async function servePlugin(
  stateMachine: string,
  input: AsyncIterable<Uint8Array>,
  output: Output,
  handler: PluginHandler,
): Promise<void> {
  const serve =
    stateMachine === "recipient-v1" ? serveRecipients : stateMachine === "identity-v1" ? serveIdentities : null
  if (serve === null) throw new StateMachineUnknown(stateMachine)
  const connection = new Connection(input, output)
  const served = serve(connection, handler)
  const first = await Promise.race([served, connection.lost.then((reason) => ({ reason }))])
  if (first !== undefined) await finished(served, first.reason)
}

/** How long a handler may tidy up after its client has gone, in milliseconds. */
const patience = 1000

async function finished(served: Promise<void>, reason: ProtocolBroken): Promise<void> {
  const waited = new Promise<"waited">((resolve) => {
    setTimeout(() => {
      resolve("waited")
    }, patience).unref()
  })
  if ((await Promise.race([served, waited])) !== "waited") return
  served.catch(() => undefined)
  throw reason
}

/** What a client may send in the first phase of either state machine. */
class Collected {
  readonly recipients: string[] = []
  readonly identities: string[] = []
  readonly fileKeys: FileKey[] = []
  readonly files: { index: number; stanzas: Stanza[] }[] = []
  wantsLabels = false

  recipient(got: Command): void {
    if (got.name === "add-recipient") this.recipients.push(only(got))
    else if (got.name === "add-identity") this.identities.push(only(got))
    else if (got.name === "extension-labels") this.wantsLabels = true
    else if (got.name === "wrap-file-key") {
      if (got.body.length !== fileKeyLength) throw new ProtocolBroken(`it sent a file key of ${got.body.length} bytes`)
      this.fileKeys.push(Secret.owning("file key", got.body))
    }
  }

  identity(got: Command): void {
    if (got.name === "add-identity") this.identities.push(only(got))
    else if (got.name === "recipient-stanza") this.#stanza(got)
  }

  #stanza({ args: [number, ...args], body }: Command): void {
    const index = parseIndex(number)
    const last = this.files.at(-1)
    if (args.length === 0) throw new ProtocolBroken("it sent a stanza without a type")
    if (last !== undefined && index < last.index) throw new ProtocolBroken("it sent the stanzas of files out of order")
    if (last?.index === index) last.stanzas.push({ args, body })
    else this.files.push({ index, stanzas: [{ args, body }] })
  }
}

function only({ name, args }: Command): string {
  const [first] = args
  if (first === undefined || args.length !== 1)
    throw new ProtocolBroken(`it sent ${name} with ${args.length} arguments`)
  return first
}

async function serveRecipients(connection: Connection, handler: PluginHandler): Promise<void> {
  const collected = new Collected()
  try {
    await connection.collect((got) => {
      collected.recipient(got)
    })
    // Nothing is sent before all of it was made: [C2SP age-plugin] "If any errors occur, the plugin MUST NOT send any stanzas".
    const made = await wrapAll(collected, handler, connection)
    if ("faults" in made) for (const fault of made.faults) await report(connection, fault)
    else {
      if (collected.wantsLabels && made.labels.length > 0) await connection.request(command("labels", made.labels))
      for (const { file, stanza } of made.stanzas)
        await connection.request(command("recipient-stanza", [String(file), ...stanza.args], stanza.body))
    }
    await connection.done()
  } finally {
    for (const fileKey of collected.fileKeys) fileKey[Symbol.dispose]()
  }
}

type Made = { labels: readonly string[]; stanzas: { file: number; stanza: Stanza }[] } | { faults: readonly Fault[] }

async function wrapAll(collected: Collected, handler: PluginHandler, connection: Connection): Promise<Made> {
  try {
    const dialogue = clientDialogue(connection)
    const understood = await handler.recipients(collected.recipients, collected.identities, dialogue)
    if ("faults" in understood) return understood
    const stanzas: { file: number; stanza: Stanza }[] = []
    for (const [file, fileKey] of collected.fileKeys.entries())
      for (const recipient of understood.recipients)
        for (const stanza of await recipient.wrapFileKey(fileKey)) stanzas.push({ file, stanza })
    return { labels: commonLabels(understood.recipients), stanzas }
  } catch (failure) {
    return { faults: [internal(failure)] }
  }
}

/** @throws RecipientsDoNotMix */
function commonLabels(recipients: readonly Recipient[]): readonly string[] {
  checkLabels(recipients)
  return [...new Set(recipients[0]?.labels ?? [])].sort()
}

async function serveIdentities(connection: Connection, handler: PluginHandler): Promise<void> {
  const collected = new Collected()
  await connection.collect((got) => {
    collected.identity(got)
  })
  const indices = collected.files.map(({ index }) => index)
  const stanzas = collected.files.map((file) => file.stanzas)
  try {
    const opened = new Set<number>()
    for await (const result of handler.unwrap(stanzas, collected.identities, clientDialogue(connection))) {
      if ("at" in result) await report(connection, result, indices)
      else if (!opened.has(result.file)) {
        opened.add(result.file)
        using fileKey = result.fileKey
        const body = fileKey.use((bytes) => bytes.slice())
        await connection.request(command("file-key", [String(indices[result.file])], body))
        body.fill(0)
      }
    }
  } catch (failure) {
    await report(connection, internal(failure))
  }
  await connection.done()
}

/** A failure that has no place among what the client sent. Mistakes of ours, and a client that went away, are not for the client. */
function internal(failure: unknown): Fault {
  if (!(failure instanceof Failure) || failure instanceof ProtocolBroken) throw failure
  return { at: "internal", failure }
}

async function report(connection: Connection, fault: Fault, indices: readonly number[] = []): Promise<void> {
  const { text, hint } = explain(fault.failure)
  await connection.request(command("error", place(fault, indices), hint === undefined ? text : `${text}\n${hint}`))
}

function place(fault: Fault, indices: readonly number[]): string[] {
  switch (fault.at) {
    case "recipient":
    case "identity":
      return [fault.at, String(fault.index)]
    case "stanza":
      return [fault.at, String(indices[fault.file] ?? fault.file), String(fault.stanza)]
    case "internal":
      return [fault.at]
  }
}
