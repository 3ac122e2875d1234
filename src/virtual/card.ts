/**
 * A virtual YubiKey: [7816-4] command chaining, response chunks and application selection over the applications in applet/.
 * Secrets of a virtual card are test keys: they are plain values here, and are still kept out of its log.
 */

import { concat } from "../apdu/tlv.ts"
import { answerLine, commandLine } from "./apdu-log.ts"
import { managementAid, managementGreeting, runManagement } from "./applet/management.ts"
import { otpAid, otpStatus, runOtp } from "./applet/otp.ts"
import { pivAid, pivPropertyTemplate, runPiv } from "./applet/piv.ts"
import { newPivSession, type PivSession, touchSeconds } from "./applet/piv-context.ts"
import type { CardState } from "./card-state.ts"
import { type Clock, systemClock } from "./clock.ts"
import { type Fault, FaultPlan } from "./faults.ts"
import { type FirmwareProfile, firmwareProfile } from "./firmware-profiles.ts"
import { type Answer, type Command, encodeAnswer, ok, parseCommand, refuse, SW } from "./iso7816.ts"

/** How the user touches: at once, not at all (the card gives up after 15 s), or after that many milliseconds. */
export type VirtualTouch = "auto" | "never" | number

/** Which key of which YubiKey waits for a touch; the slot of the management key is 0x9b. */
export type TouchWanted = Readonly<{ serial: number; slot: number }>

export type VirtualOptions = Readonly<{
  touch?: VirtualTouch
  /** How many milliseconds a key agreement takes. */
  ecdhDelay?: number
  faults?: readonly Fault[]
  clock?: Clock
  /** Gets the APDU log line by line, secrets taken out. */
  log?: (line: string) => void
  /** Stands for the user instead of `touch`: resolves to true when the key was touched. It has 15 s of the card's clock. */
  onTouch?: (wanted: TouchWanted) => Promise<boolean>
  /** Is called, and waited for, before the card answers a command that changed what it keeps without power. */
  onChange?: (state: CardState) => Promise<void>
}>

type Application = "piv" | "otp" | "management"

const getResponse = 0xc0
const select = 0xa4
const chained = 0x10

function startsWith(whole: Uint8Array, beginning: Uint8Array): boolean {
  return beginning.length <= whole.length && beginning.every((byte, index) => whole[index] === byte)
}

/** One virtual YubiKey. Commands are carried out one after the other, in the order of the calls. */
export class VirtualCard {
  /** Faults that the transport is to bring about; the card itself works. */
  readonly faults: FaultPlan
  readonly clock: Clock
  #state: CardState
  #saved: string
  readonly #profile: FirmwareProfile
  readonly #options: VirtualOptions
  #application: Application | null = "piv"
  #piv: PivSession = newPivSession()
  #chain: { command: Command; data: Uint8Array } | null = null
  #rest: { ins: number; answer: Answer } | null = null
  #queue: Promise<unknown> = Promise.resolve()
  #touchWanted: TouchWanted | null = null

  /**
   * @param state - is copied; `state` of the card has the changes
   * @throws FirmwareUnknown
   */
  constructor(state: CardState, options: VirtualOptions = {}) {
    this.#state = structuredClone(state)
    this.#saved = JSON.stringify(state)
    this.#profile = firmwareProfile(state.firmware)
    this.#options = options
    this.faults = new FaultPlan(options.faults ?? [])
    this.clock = options.clock ?? systemClock
  }

  /** Answer to reset. */
  get atr(): Uint8Array {
    return this.#profile.atr.slice()
  }

  get serial(): number {
    return this.#state.serial
  }

  /** A copy of what the card keeps without power. */
  get state(): CardState {
    return structuredClone(this.#state)
  }

  /** Whose touch the card waits for at this moment, or null: the light that blinks. */
  get touchWanted(): TouchWanted | null {
    return this.#touchWanted
  }

  /** Power comes on. @returns the answer to reset */
  powerOn(): Uint8Array {
    this.#forget()
    return this.atr
  }

  /** Power goes off: everything that is not in the state is forgotten. */
  powerOff(): void {
    this.#forget()
  }

  /** A warm reset: forgets as much as losing power does. */
  reset(): void {
    this.#forget()
  }

  /**
   * Carries out one APDU, short or extended, chained or not.
   * @returns data, then SW1 SW2
   */
  transmit(apdu: Uint8Array): Promise<Uint8Array> {
    const answer = this.#queue.then(() => this.#exchange(apdu.slice()))
    this.#queue = answer.catch(() => undefined)
    return answer
  }

  #forget(): void {
    // YubiKeys select PIV by themselves for none; a client must SELECT first.
    this.#application = null
    this.#piv = newPivSession()
    this.#chain = null
    this.#rest = null
  }

  async #exchange(apdu: Uint8Array): Promise<Uint8Array> {
    const command = parseCommand(apdu)
    if (command === null) return encodeAnswer(refuse(apdu.length < 4 ? SW.wrongData : SW.wrongLength))
    this.#options.log?.(commandLine(command))
    const ins = command.ins === getResponse && this.#rest !== null ? this.#rest.ins : command.ins
    const answer = await this.#answer(command)
    await this.#keep()
    this.#options.log?.(answerLine(ins, answer))
    return answer
  }

  async #answer(command: Command): Promise<Uint8Array> {
    if (command.ins === getResponse && command.cla === 0) return this.#chunk(command)
    this.#rest = null
    if ((command.cla & ~chained) !== 0) return encodeAnswer(refuse(SW.classNotSupported))
    const whole = this.#collect(command)
    if (whole === null) return encodeAnswer(ok())
    if (whole.data.length > this.#profile.maximumCommand) return encodeAnswer(refuse(SW.wrongLength))
    const answer = whole.ins === select ? this.#select(whole) : await this.#run(whole)
    this.#rest = { ins: command.ins, answer }
    return this.#chunk(command)
  }

  /** Puts a chain of commands together ([7816-4] 5.1.1); null while more is to come. */
  #collect(command: Command): Command | null {
    const { ins, p1, p2 } = command
    const begun = this.#chain
    const belongs = begun?.command.ins === ins && begun.command.p1 === p1 && begun.command.p2 === p2
    const data = belongs ? concat(begun.data, command.data) : command.data
    this.#chain = null
    if ((command.cla & chained) === 0) return { ...command, data }
    // One byte too many is enough to have the end of the chain refused; no more is kept.
    this.#chain = { command, data: data.subarray(0, this.#profile.maximumCommand + 1) }
    return null
  }

  /** Hands out the answer as far as it fits, and says how much is left ([7816-4] 5.1.3). */
  #chunk(command: Command): Uint8Array {
    if (this.#rest === null) return encodeAnswer(refuse(SW.conditionsNotSatisfied))
    const { ins, answer } = this.#rest
    const room = command.le ?? 256
    if (answer.data.length <= room) {
      this.#rest = null
      return encodeAnswer(answer)
    }
    const left = answer.data.subarray(room)
    this.#rest = { ins, answer: { ...answer, data: left } }
    return encodeAnswer({
      sw: SW.bytesRemain | (left.length > 255 ? 0 : left.length),
      data: answer.data.subarray(0, room),
    })
  }

  #select(command: Command): Answer {
    if (command.p1 !== 0x04) return refuse(SW.wrongP1P2)
    const aid = command.data
    if (aid.length >= 5 && startsWith(pivAid, aid) && this.#state.pivEnabled) {
      // Selecting PIV again keeps the PIN: that is how it outlives the program that asked for it.
      if (this.#application !== "piv") this.#piv = newPivSession()
      this.#piv.pinJustVerified = false
      this.#application = "piv"
      return ok(pivPropertyTemplate)
    }
    if (aid.length >= otpAid.length && startsWith(aid, otpAid)) {
      this.#application = "otp"
      this.#piv = newPivSession()
      return ok(otpStatus(this.#profile))
    }
    if (startsWith(managementAid, aid) && aid.length === managementAid.length) {
      this.#application = "management"
      this.#piv = newPivSession()
      return ok(managementGreeting(this.#profile))
    }
    return refuse(SW.notFound)
  }

  #run(command: Command): Answer | Promise<Answer> {
    const [state, profile] = [this.#state, this.#profile]
    switch (this.#application) {
      case null:
        return refuse(SW.instructionNotSupported)
      case "otp":
        return runOtp(state, profile, command)
      case "management":
        return runManagement(state, profile, command)
      case "piv":
        return runPiv(
          {
            state,
            profile,
            session: this.#piv,
            clock: this.clock,
            touch: (slot) => this.#waitForTouch(slot),
            work: () => this.#work(),
          },
          command,
        )
    }
  }

  async #work(): Promise<void> {
    const delay = this.#options.ecdhDelay ?? 0
    if (delay > 0) await this.clock.sleep(delay)
  }

  async #waitForTouch(slot: number): Promise<boolean> {
    const limit = touchSeconds * 1000
    const wanted = { serial: this.#state.serial, slot }
    const { touch = "auto", onTouch } = this.#options
    const answered = new AbortController()
    this.#touchWanted = wanted
    try {
      if (onTouch !== undefined) {
        return await Promise.race([onTouch(wanted), this.clock.sleep(limit, answered.signal).then(() => false)])
      }
      if (touch === "auto") return true
      const after = touch === "never" ? limit : Math.min(touch, limit)
      await this.clock.sleep(after)
      return after < limit
    } finally {
      answered.abort()
      this.#touchWanted = null
    }
  }

  /** What a real card writes to its flash is saved before the answer leaves, so that no try comes back by pulling the plug. */
  async #keep(): Promise<void> {
    const now = JSON.stringify(this.#state)
    if (now === this.#saved) return
    await this.#options.onChange?.(this.state)
    this.#saved = now
  }
}
