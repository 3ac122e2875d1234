/** Commands on the wire: stanzas as in an age header. [C2SP age-plugin]: C2SP/age-plugin.md, "IPC protocol". */
import type { ByteSource } from "../age/byte-source.ts"
import { HeaderMalformed } from "../age/failures.ts"
import { longestLine } from "../age/header.ts"
import { encodeStanza, StanzaReader } from "../age/stanza.ts"
import { ProtocolBroken } from "./failures.ts"

/** A command or a response: its name, its metadata, its data. */
export type Command = Readonly<{ name: string; args: readonly string[]; body: Uint8Array }>

const ascii = new TextEncoder()
/** Largest body that is read, in bytes: an age stanza is of 1,600 at most. */
const largestBody = 1 << 20

/** A command; `body` may be text. */
export function command(name: string, args: readonly string[] = [], body: Uint8Array | string = ""): Command {
  return { name, args, body: typeof body === "string" ? ascii.encode(body) : body }
}

/** The text of a body. */
export function bodyText({ body }: Command): string {
  return new TextDecoder().decode(body)
}

/** @throws RangeError when the name or an argument cannot be written */
export function encodeCommand({ name, args, body }: Command): Uint8Array {
  return ascii.encode(encodeStanza({ args: [name, ...args], body }))
}

/**
 * Reads one command.
 * @returns null when the other side has ended between commands
 * @throws ProtocolBroken when it ended within one, or sent something else
 */
export async function readCommand(source: ByteSource): Promise<Command | null> {
  const reader = new StanzaReader()
  for (let length = 0; ; ) {
    const line = await source.line(longestLine)
    if (line === null && reader.idle) return null
    if (line === "too long") throw new ProtocolBroken("it sent a line without an end")
    if (line?.terminated !== true) throw new ProtocolBroken("it ended within a command")
    length += line.text.length
    if (length > largestBody) throw new ProtocolBroken("it sent a command without an end")
    try {
      const stanza = reader.line(line.text)
      if (stanza === null) continue
      const [name = "", ...args] = stanza.args
      return { name, args, body: stanza.body }
    } catch (cause) {
      if (!(cause instanceof HeaderMalformed)) throw cause
      throw new ProtocolBroken("it sent what is no command", cause)
    }
  }
}
