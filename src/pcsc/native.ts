/**
 * The part of the npm module pcsclite that is used here, as types, and the one place that turns its errors into ours.
 * [pcsc]: the PC/SC Workgroup's SCard API; the codes are those of pcsclite.h.
 */
import type { Failure } from "../failure.ts"
import {
  CardRemoved,
  CardReset,
  CardServiceRefused,
  CardSupportMissing,
  CardUnresponsive,
  NoCardService,
} from "./failures.ts"

/** pcsclite's CardReader. Its callbacks give an Error whose text ends in `(0x8010000b)`. */
export type NativeReader = {
  readonly name: string
  readonly SCARD_SHARE_SHARED: number
  readonly SCARD_SHARE_EXCLUSIVE: number
  readonly SCARD_PROTOCOL_T0: number
  readonly SCARD_PROTOCOL_T1: number
  readonly SCARD_STATE_PRESENT: number
  readonly SCARD_STATE_MUTE: number
  readonly SCARD_LEAVE_CARD: number
  readonly SCARD_RESET_CARD: number
  on(event: "error", listener: (error: unknown) => void): unknown
  once(event: "status", listener: (status: { state: number }) => void): unknown
  once(event: "end", listener: () => void): unknown
  connect(options: { share_mode: number; protocol: number }, done: (error: unknown, protocol: number) => void): void
  disconnect(disposition: number, done: (error: unknown) => void): void
  transmit(command: Buffer, limit: number, protocol: number, done: (error: unknown, response: Buffer) => void): void
  close(): void
}

/** pcsclite's context, which finds readers. */
export type NativeContext = {
  on(event: "error", listener: (error: unknown) => void): unknown
  on(event: "reader", listener: (reader: NativeReader) => void): unknown
  close(): void
}

/**
 * Loads the native module and connects to the smart card service.
 * @throws CardSupportMissing, NoCardService, CardServiceRefused
 */
export async function openNativeContext(): Promise<NativeContext> {
  let establish: () => NativeContext
  try {
    establish = (await import("pcsclite")).default
  } catch (cause) {
    throw new CardSupportMissing({ cause })
  }
  try {
    return establish()
  } catch (cause) {
    throw serviceFailure(cause)
  }
}

/** [pcsc] error codes that this code tells apart. */
export const PCSC = {
  sharingViolation: 0x8010000b,
  communicationError: 0x80100013,
  resetCard: 0x80100068,
} as const

const failures: Readonly<Record<number, new (details: { cause: unknown }) => Failure>> = {
  0x8010000c: CardRemoved, // no smart card
  0x80100009: CardRemoved, // unknown reader
  0x80100010: CardRemoved, // not ready
  0x80100017: CardRemoved, // reader unavailable
  0x80100069: CardRemoved, // removed card
  0x8010002e: CardRemoved, // no readers available
  0x80100068: CardReset,
  0x80100067: CardReset, // unpowered
  0x8010001d: NoCardService,
  0x8010001e: NoCardService, // service stopped
  0x8010006a: CardServiceRefused, // security violation, which is what polkit's refusal gives
}

/** The PC/SC code at the end of a pcsclite error; it is nowhere else. */
export function pcscCode(error: unknown): number | undefined {
  const code = error instanceof Error ? /\(0x([0-9a-f]{8,16})\)\s*$/i.exec(error.message)?.[1] : undefined
  return code === undefined ? undefined : Number.parseInt(code.slice(-8), 16)
}

/** Turns an error of pcsclite into a failure of ours. */
export function pcscFailure(error: unknown): Failure {
  const code = pcscCode(error)
  const Known = code === undefined ? undefined : failures[code]
  return Known === undefined ? new CardUnresponsive(code, { cause: error }) : new Known({ cause: error })
}

/**
 * The same for an error of the service before there is a card: where polkit refuses a client, pcscd hangs up on it without a word
 * (winscard_svc.c, `ContextThread`), and older libraries call that an error of communication.
 */
export function serviceFailure(error: unknown): Failure {
  return pcscCode(error) === PCSC.communicationError ? new CardServiceRefused({ cause: error }) : pcscFailure(error)
}
