/** One run of unlocking over virtual cards, as a test sees it. */
import { parseHeader } from "../../src/age/header.ts"
import type { Identity } from "../../src/age/identity.ts"
import type { FileKey, Stanza } from "../../src/age/stanza.ts"
import { RunAttendant } from "../../src/keyring/attendant.ts"
import type { PinSource } from "../../src/keyring/pin-source.ts"
import { UnlockSession } from "../../src/keyring/unlock-session.ts"
import { YubiKeys, type YubiKeysOptions } from "../../src/keyring/yubikeys.ts"
import { isStubText, parseStub, type Stub } from "../../src/yubikey/stub.ts"
import { PIN, type TestCard, vector, vectorText } from "../cards.ts"

/** The stubs of all keys of the vectors' cards. */
export const allStubs: readonly Stub[] = vectorText("yubikey/identities.txt")
  .split("\n")
  .filter(isStubText)
  .flatMap((line) => parseStub(line) ?? [])

/** The stub of one key. */
export function stubOf(serial: number, slot: number): Stub {
  const stub = allStubs.find((candidate) => candidate.serial === serial && candidate.slot === slot)
  if (stub === undefined) throw new TypeError(`the vectors have no stub for ${serial}`)
  return stub
}

/** The stanzas of a vector. */
export function stanzasOf(file: string): readonly Stanza[] {
  return parseHeader(vector(`yubikey/age/${file}.age`)).header.stanzas
}

/** A program that gives the right PIN. */
export const rightPin: PinSource = { from: "program", keyed: false, pin: () => Promise.resolve(PIN) }

export type Run = AsyncDisposable &
  Readonly<{
    session: UnlockSession
    attendant: RunAttendant
    /** Touches that were announced. */
    announced: string[]
    open: (file: string) => Promise<FileKey>
  }>

export function run(
  cards: readonly TestCard[],
  options: Partial<YubiKeysOptions> & {
    pins?: PinSource
    identities?: readonly Identity[]
    plugIn?: (wanted: readonly string[]) => Promise<boolean>
  } = {},
): Run {
  const { pins = rightPin, identities = [], plugIn, ...rest } = options
  const announced: string[] = []
  const attendant = new RunAttendant(pins, (text) => {
    announced.push(text)
    return () => announced.push(`${text}: done`)
  })
  const yubiKeys = new YubiKeys({
    readers: () => Promise.resolve(cards.map(({ reader }) => reader)),
    attendant,
    ...rest,
  })
  const session = new UnlockSession({ identities, yubiKeys, ...(plugIn === undefined ? {} : { plugIn }) })
  return {
    session,
    attendant,
    announced,
    open: (file) => session.open(stanzasOf(file)),
    [Symbol.asyncDispose]: () => session[Symbol.asyncDispose](),
  }
}
