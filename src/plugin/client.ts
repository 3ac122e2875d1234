/**
 * We run other people's plugins. [C2SP age-plugin]: C2SP/age-plugin.md. One process does all that is wanted of one plugin: all recipients and
 * file keys, or all identities and files.
 */
import type { Dialogue } from "../age/dialogue.ts"
import { fileKeyLength } from "../age/file-key.ts"
import type { FileKey, Stanza } from "../age/stanza.ts"
import { Secret } from "../secret.ts"
import { Connection } from "./connection.ts"
import { PeerEnded, PluginRefused, PluginTimedOut, ProtocolBroken } from "./failures.ts"
import { bodyText, type Command, command } from "./framing.ts"
import { parseIndex } from "./indices.ts"
import { findPlugin } from "./names.ts"
import { PluginProcess } from "./process.ts"
import { answerForPerson } from "./remote-dialogue.ts"

/** The world as a plugin sees it. */
export type PluginWorld = Readonly<{
  /** Environment of the plugin; `PATH` is where it is looked for. */
  env: Readonly<Record<string, string | undefined>>
  /** Null when nobody can be reached: every question is declined. */
  dialogue: Dialogue | null
  /** How long a plugin may be silent before the person is told that it is waited for, in milliseconds. */
  noticeAfter?: number
  /** How long a plugin may be silent before it is ended, in milliseconds. While it waits for a person's answer to us it is not silent. */
  timeout?: number
}>

const defaultNotice = 5_000
const defaultTimeout = 300_000

/** What a plugin opened, by file, and what it said of failures. The caller disposes of the file keys. */
export type Unwrapped = Readonly<{ fileKeys: ReadonlyMap<number, FileKey>; errors: readonly string[] }>

/** One plugin, by name. */
export class PluginClient {
  readonly name: string
  readonly #world: PluginWorld

  constructor(name: string, world: PluginWorld) {
    this.name = name
    this.#world = world
  }

  /**
   * Wraps file keys for recipients, and for the recipients that belong to identities.
   * @returns the stanzas of each file key, and the labels that go for all of them
   * @throws PluginMissing, PluginBroke, PluginRefused, PluginTimedOut
   */
  wrap(
    recipients: readonly string[],
    identities: readonly string[],
    fileKeys: readonly FileKey[],
  ): Promise<{ stanzas: Stanza[][]; labels: string[] }> {
    return this.#run("recipient-v1", async (connection, respond) => {
      for (const recipient of recipients) await connection.send(command("add-recipient", [recipient]))
      for (const identity of identities) await connection.send(command("add-identity", [identity]))
      for (const fileKey of fileKeys) {
        const body = fileKey.use((bytes) => bytes.slice())
        await connection.send(command("wrap-file-key", [], body))
        body.fill(0)
      }
      await connection.send(command("extension-labels"))
      await connection.done()
      const wrapped = new Wrapped(fileKeys.length, recipients.length + identities.length)
      await answerUntilError(connection, (got) => respond(got, (own) => wrapped.take(own)), wrapped)
      return wrapped.result(this.name)
    })
  }

  /**
   * Opens what the plugin can, of many files.
   * @param files - the stanzas of each, of every type
   * @throws PluginMissing, PluginBroke, PluginTimedOut
   */
  unwrap(identities: readonly string[], files: readonly (readonly Stanza[])[]): Promise<Unwrapped> {
    return this.#run("identity-v1", async (connection, respond) => {
      for (const identity of identities) await connection.send(command("add-identity", [identity]))
      for (const [file, stanzas] of files.entries())
        for (const { args, body } of stanzas)
          await connection.send(command("recipient-stanza", [String(file), ...args], body))
      await connection.done()
      const opened = new Opened(files.length)
      try {
        await answerUntilError(connection, (got) => respond(got, (own) => opened.take(own)), opened)
      } catch (failure) {
        opened.forget()
        throw failure
      }
      return opened
    })
  }

  async #run<T>(
    stateMachine: string,
    converse: (
      connection: Connection,
      respond: (got: Command, take: (got: Command) => Command | null) => Promise<Command | null>,
    ) => Promise<T>,
  ): Promise<T> {
    const program = await findPlugin(this.name, this.#world.env["PATH"] ?? "")
    const plugin = await PluginProcess.start({ name: this.name, program, env: this.#world.env }, stateMachine)
    const silence = new Silence(this.name, this.#world)
    try {
      const connection = new Connection(plugin.input, plugin.output)
      const conversation = converse(connection, async (got, take) => {
        silence.stop()
        try {
          return (await answerForPerson(got, this.name, this.#world.dialogue)) ?? take(got)
        } finally {
          silence.start()
        }
      })
      // When it loses the race, how it ends is of no interest any more.
      conversation.catch(() => undefined)
      silence.start()
      const result = await Promise.race([conversation, silence.tooLong])
      silence.stop()
      await plugin.end()
      return result
    } catch (failure) {
      silence.stop()
      if (failure instanceof ProtocolBroken) throw await plugin.broke(failure)
      await plugin.kill()
      throw failure
    }
  }
}

/** Plugins that are written with age's own framework end after an error, and say no `done`: then the error is what counts. */
async function answerUntilError(
  connection: Connection,
  respond: (got: Command) => Promise<Command | null>,
  { errors }: { readonly errors: readonly string[] },
): Promise<void> {
  try {
    await connection.answer(respond)
  } catch (failure) {
    if (!(failure instanceof PeerEnded) || errors.length === 0) throw failure
  }
}

/** Watches how long a plugin says nothing. */
class Silence {
  /** Rejects with PluginTimedOut. */
  readonly tooLong: Promise<never>
  readonly #notice: () => void
  readonly #noticeAfter: number
  readonly #timeout: number
  #end: () => void = () => undefined
  #timers: NodeJS.Timeout[] = []

  constructor(name: string, { dialogue, noticeAfter = defaultNotice, timeout = defaultTimeout }: PluginWorld) {
    this.#noticeAfter = noticeAfter
    this.#timeout = timeout
    this.#notice = () => {
      void dialogue?.tell(`waiting on ${name} plugin…`).catch(() => undefined)
    }
    this.tooLong = new Promise((_, reject) => {
      this.#end = () => {
        reject(new PluginTimedOut(name, timeout))
      }
    })
    this.tooLong.catch(() => undefined)
  }

  start(): void {
    this.stop()
    this.#timers = [setTimeout(this.#notice, this.#noticeAfter), setTimeout(this.#end, this.#timeout)]
  }

  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers = []
  }
}

const ok = command("ok")

/** What a plugin sends while it wraps. */
class Wrapped {
  readonly #stanzas: Stanza[][]
  readonly #most: number
  readonly errors: string[] = []
  #labels: string[] | null = null

  constructor(files: number, most: number) {
    this.#stanzas = Array.from({ length: files }, () => [])
    this.#most = most
  }

  take(got: Command): Command | null {
    switch (got.name) {
      case "recipient-stanza":
        this.#stanza(got)
        return ok
      case "labels":
        if (this.#labels !== null || new Set(got.args).size !== got.args.length)
          throw new ProtocolBroken("it sent labels twice")
        this.#labels = [...got.args].sort()
        return ok
      case "error":
        this.errors.push(bodyText(got))
        return ok
      default:
        return null
    }
  }

  #stanza({ args: [number, ...args], body }: Command): void {
    const stanzas = this.#stanzas[parseIndex(number)]
    if (stanzas === undefined || args.length === 0)
      throw new ProtocolBroken("it sent a stanza for no file, or of no type")
    stanzas.push({ args, body })
    if (stanzas.length > this.#most) throw new ProtocolBroken("it sent more stanzas than there are recipients")
  }

  /** @throws PluginRefused, ProtocolBroken */
  result(plugin: string): { stanzas: Stanza[][]; labels: string[] } {
    if (this.errors.length > 0) throw new PluginRefused(plugin, this.errors)
    if (this.#stanzas.some((stanzas) => stanzas.length === 0))
      throw new ProtocolBroken("it sent neither a stanza nor an error")
    return { stanzas: this.#stanzas, labels: this.#labels ?? [] }
  }
}

/** What a plugin sends while it unwraps. */
class Opened {
  readonly fileKeys = new Map<number, FileKey>()
  readonly errors: string[] = []
  readonly #files: number

  constructor(files: number) {
    this.#files = files
  }

  take(got: Command): Command | null {
    if (got.name === "error") {
      this.errors.push(bodyText(got))
      return ok
    }
    if (got.name !== "file-key") return null
    const file = parseIndex(got.args[0])
    if (file >= this.#files || got.body.length !== fileKeyLength)
      throw new ProtocolBroken("it sent a file key for no file, or of a wrong length")
    if (this.fileKeys.has(file)) return command("fail")
    this.fileKeys.set(file, Secret.owning("file key", got.body))
    return ok
  }

  forget(): void {
    for (const fileKey of this.fileKeys.values()) fileKey[Symbol.dispose]()
  }
}
