/**
 * A conversation with the other side, for both ends: whoever controls a phase sends, the other one answers. [C2SP age-plugin]: C2SP/age-plugin.md,
 * "Phases" and "Grease".
 */
import { ByteSource } from "../age/byte-source.ts"
import { PeerEnded, ProtocolBroken } from "./failures.ts"
import { type Command, command, encodeCommand, readCommand } from "./framing.ts"

/** Writes bytes, and resolves when more may be written. */
export type Output = (bytes: Uint8Array) => Promise<void>

type Reader = { resolve(command: Command): void; reject(failure: ProtocolBroken): void }

/** One end of a conversation. */
export class Connection {
  /** Resolves with the reason when nothing more will come from the other side, and all that came was taken. */
  readonly lost: Promise<ProtocolBroken>
  readonly #output: Output
  readonly #arrived: Command[] = []
  #reader: Reader | null = null
  #end: ProtocolBroken | null = null
  #lose: (reason: ProtocolBroken) => void = () => undefined
  /** One request at a time: answers carry nothing that tells to which request they belong. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(input: AsyncIterable<Uint8Array>, output: Output) {
    this.#output = output
    this.lost = new Promise((resolve) => {
      this.#lose = resolve
    })
    void this.#pump(new ByteSource(input))
  }

  /** Sends a command in a uni-directional phase. */
  async send(sent: Command): Promise<void> {
    await this.#output(encodeCommand(sent))
  }

  /** Ends a phase that this side controls. */
  done(): Promise<void> {
    return this.#next(() => this.send(command("done")))
  }

  /**
   * Sends a command in a bi-directional phase, and waits for the answer.
   * @throws ProtocolBroken when the other side goes away
   */
  request(sent: Command): Promise<Command> {
    return this.#next(async () => {
      await this.send(sent)
      return this.#receive()
    })
  }

  /**
   * Takes the commands of a uni-directional phase that the other side controls.
   * @param take - ignores what it does not know
   * @throws ProtocolBroken, what `take` throws
   */
  async collect(take: (command: Command) => void): Promise<void> {
    for (let got = await this.#receive(); got.name !== "done"; got = await this.#receive()) take(got)
  }

  /**
   * Answers the commands of a bi-directional phase that the other side controls.
   * @param respond - null for a command that it does not know
   * @throws ProtocolBroken, what `respond` throws
   */
  async answer(respond: (command: Command) => Promise<Command | null>): Promise<void> {
    for (let got = await this.#receive(); got.name !== "done"; got = await this.#receive())
      await this.send((await respond(got)) ?? command("unsupported"))
  }

  #next<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work)
    this.#turn = result.catch(() => undefined)
    return result
  }

  #receive(): Promise<Command> {
    const arrived = this.#arrived.shift()
    if (this.#end !== null && this.#arrived.length === 0) this.#lose(this.#end)
    if (arrived !== undefined) return Promise.resolve(arrived)
    return new Promise((resolve, reject: (failure: ProtocolBroken) => void) => {
      if (this.#end !== null) reject(this.#end)
      else this.#reader = { resolve, reject }
    })
  }

  async #pump(source: ByteSource): Promise<void> {
    let reason: ProtocolBroken = new PeerEnded()
    try {
      for (let got = await readCommand(source); got !== null; got = await readCommand(source)) this.#deliver(got)
    } catch (failure) {
      reason = failure instanceof ProtocolBroken ? failure : new ProtocolBroken("it cannot be read from", failure)
    }
    this.#end = reason
    this.#reader?.reject(reason)
    if (this.#arrived.length === 0) this.#lose(reason)
  }

  #deliver(got: Command): void {
    const reader = this.#reader
    this.#reader = null
    if (reader === null) this.#arrived.push(got)
    else reader.resolve(got)
  }
}
