/** Options that several commands share, declared in one way and parsed in one way. */
import { type Command, InvalidArgumentError } from "commander"
import { parseSlot, type Slot } from "../piv/slots.ts"

/** Which YubiKeys count. */
export type ReaderOptions = Readonly<{ yubikey?: boolean; serial?: number[]; reader?: string[]; trace?: string }>

/** With what is unlocked. */
export type IdentityOptions = ReaderOptions & Readonly<{ identity?: string[]; pinFd?: number; pinCommand?: string }>

/** Gathers the values of an option that may be given several times. */
export function collect<T>(parse: (text: string) => T): (text: string, before: T[] | undefined) => T[] {
  return (text, before = []) => [...before, parse(text)]
}

/** A whole number of at most 32 bits. */
export function parseNumber(text: string): number {
  const number = Number(text)
  if (!/^\d{1,10}$/.test(text) || number > 0xffffffff) throw new InvalidArgumentError("expected a whole number")
  return number
}

export function parseSlotOption(text: string): Slot {
  const slot = parseSlot(text)
  if (slot === null) throw new InvalidArgumentError("expected a slot: 82 to 95 (or 1 to 20), 9a, 9c, 9d, 9e")
  return slot
}

/** `--indent`: a whole number, and -1 for the tab of JSON. */
export function parseIndent(text: string): number {
  if (!/^-?\d{1,2}$/.test(text)) throw new InvalidArgumentError("expected a number of spaces, or -1 for a tab in JSON")
  return Number(text)
}

/** Parses one of several words. */
export function oneOf<const T extends string>(...words: readonly T[]): (text: string) => T {
  return (text) => {
    const word = words.find((candidate) => candidate === text)
    if (word === undefined) throw new InvalidArgumentError(`expected ${words.join(", ")}`)
    return word
  }
}

/** `--serial`, `--reader`, `--trace`: for commands that look at cards. */
export function declareReaders(command: Command): Command {
  return command
    .option("--serial <N>", "only the YubiKey with this serial number (repeatable)", collect(parseNumber))
    .option("--reader <TEXT>", "only readers with this in their name, or virtual:FILE (repeatable)", collect(String))
    .option("--trace <FILE>", "write what is said to the card, without PINs and keys, to FILE")
}

/** `-i`, `--no-yubikey`, the PIN's sources, and the readers: for commands that unlock. */
export function declareIdentities(command: Command): Command {
  command
    .option("-i, --identity <FILE>", "age identity file or SSH private key (repeatable)", collect(String))
    .option("--no-yubikey", "leave YubiKeys alone")
    .option("--pin-fd <N>", "read the PIN from this descriptor: one line, or lines of SERIAL and PIN", parseNumber)
    .option("--pin-command <CMD>", "run CMD for the PIN of each YubiKey, with TS_AGE_YK_SERIAL set")
  return declareReaders(command)
}
