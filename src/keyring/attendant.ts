/** Who stands by while keys are asked: gets PINs, refuses to waste tries, announces touches, and counts both. */
import { createHash } from "node:crypto"
import type { Dialogue } from "../age/dialogue.ts"
import { slotText } from "../failure.ts"
import { PinNeeded, type PinRejected, PinUnusable } from "../piv/failures.ts"
import { type Pin, pinFrom } from "../piv/pin.ts"
import type { Attendant, KeyInQuestion } from "../yubikey/key-use.ts"
import { LastTryGuarded, PinSourceFailed } from "./failures.ts"
import type { PinSource } from "./pin-source.ts"

/** A YubiKey as prompts call it. */
export function yubiKeyName(key: Pick<KeyInQuestion, "serial" | "reader">): string {
  return key.serial === null ? `the YubiKey in reader ${key.reader}` : `YubiKey ${key.serial}`
}

/** What keys were asked for in a run, by YubiKey. */
export type Tally = Readonly<{ pins: number; touches: number; uses: number }>

/**
 * Makes the attendant of one run.
 * @param source - where PINs come from
 * @param announce - tells a person about a touch; returns what to call when it was given
 */
export class RunAttendant implements Attendant {
  readonly #source: PinSource
  readonly #announce: (text: string) => () => void
  /** PINs by their digest, with the card that they were shown to: one that the card did not confirm, refused or not, is shown to none again. */
  readonly #offers = new Map<string, { to: string; accepted: boolean }>()
  /** The last PIN that was offered to each card. */
  readonly #pending = new Map<string, { accepted: boolean }>()
  readonly #tallies = new Map<string, { pins: number; touches: number; uses: number }>()

  constructor(source: PinSource, announce: (text: string) => () => void) {
    this.#source = source
    this.#announce = announce
  }

  /** Whether the source must know which YubiKey it is asked about. */
  get keyed(): boolean {
    return this.#source.from === "program" && this.#source.keyed
  }

  /** What each YubiKey was asked for so far; keys are `yubiKeyName`s. */
  get tallies(): ReadonlyMap<string, Tally> {
    return this.#tallies
  }

  async pin(key: KeyInQuestion, triesLeft: number, refused: PinRejected | null): Promise<Pin> {
    const name = yubiKeyName(key)
    switch (this.#source.from) {
      case "nobody":
        throw refused ?? new PinNeeded()
      case "person":
        return this.#askPerson(this.#source.dialogue, key, triesLeft, refused)
      case "program": {
        if (refused !== null) throw refused
        if (triesLeft <= 1) throw new LastTryGuarded()
        const text = await this.#source.pin(key.serial)
        if (text === null)
          throw new PinSourceFailed(`no PIN was given for ${name}`, "add a line with its serial number and its PIN")
        return this.#offer(name, text)
      }
    }
  }

  #offer(name: string, text: string): Pin {
    const pin = pinFrom(text)
    const digest = createHash("sha256").update(text).digest("base64")
    const earlier = this.#offers.get(digest)
    if (earlier?.accepted === false) {
      pin[Symbol.dispose]()
      throw new PinSourceFailed(
        `that PIN was shown to ${earlier.to}, which did not confirm it; it is not shown ${earlier.to === name ? "again" : `to ${name}`}`,
        "no further try was spent; give each YubiKey its own PIN, in lines of SERIAL and PIN; run it again if one was unplugged meanwhile",
      )
    }
    const offer = { to: name, accepted: false }
    this.#offers.set(digest, offer)
    this.#pending.set(name, offer)
    this.#tally(name).pins++
    return pin
  }

  async #askPerson(
    dialogue: Dialogue,
    key: KeyInQuestion,
    triesLeft: number,
    refused: PinRejected | null,
  ): Promise<Pin> {
    const name = yubiKeyName(key)
    if (triesLeft <= 1) {
      const sure = await dialogue.confirm(
        `${name}: ${refused === null ? "" : "wrong PIN; "}1 try is left, then the PIN is blocked. Use it?`,
        "use it",
        "stop here",
      )
      if (sure !== true) throw new LastTryGuarded()
    }
    for (let complaint = refused === null ? "" : `wrong PIN, ${refused.triesLeft} tries left. `; ; ) {
      const text = await dialogue.askSecret(`${complaint}PIN for ${name} (slot ${slotText(key.slot)})`)
      if (text === null || text === "") throw refused ?? new PinNeeded()
      try {
        return this.#offer(name, text)
      } catch (failure) {
        if (!(failure instanceof PinUnusable || failure instanceof PinSourceFailed)) throw failure
        complaint = `${failure.message}. `
      }
    }
  }

  pinAccepted(key: KeyInQuestion): void {
    const offer = this.#pending.get(yubiKeyName(key))
    if (offer !== undefined) offer.accepted = true
  }

  touch(key: KeyInQuestion): () => void {
    this.#tally(yubiKeyName(key)).touches++
    return this.#announce(`touch ${yubiKeyName(key)} (slot ${slotText(key.slot)})`)
  }

  used(key: KeyInQuestion): void {
    this.#tally(yubiKeyName(key)).uses++
  }

  #tally(name: string): { pins: number; touches: number; uses: number } {
    const known = this.#tallies.get(name)
    if (known !== undefined) return known
    const fresh = { pins: 0, touches: 0, uses: 0 }
    this.#tallies.set(name, fresh)
    return fresh
  }
}
