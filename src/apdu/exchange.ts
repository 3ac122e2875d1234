/**
 * Command and response APDUs, and the processors that stand between a card and an application: each wraps the next and has one
 * concern. [7816-4]: ISO/IEC 7816-4:2013.
 */
import type { CardTransport } from "../pcsc/card-transport.ts"
import { AnswerMalformed } from "./failures.ts"
import { StatusFailure, SW } from "./status.ts"
import { concat } from "./tlv.ts"

/** A command, before it is cut to what the card takes. `le` is the number of bytes expected; 0: whatever there is. */
export type Command = Readonly<{ cla?: number; ins: number; p1: number; p2: number; data?: Uint8Array; le?: number }>

/** What the card said: data of any length, and the status word. */
export type Response = Readonly<{ data: Uint8Array; sw: number }>

/** The one way in which applications speak to a card. */
export type Exchange = (command: Command) => Promise<Response>

/** Length of the data field of a short command APDU. */
const shortData = 255

/**
 * Encodes a command. Le is always there, since some cards answer 61xx without data when it is missing.
 * @param form - short: up to 255 bytes of data; extended: up to 65,535. [7816-4] 5.1, table 1
 */
export function encodeCommand(command: Command, form: "short" | "extended" = "short"): Uint8Array {
  const { cla = 0, ins, p1, p2, data = new Uint8Array(), le = 0 } = command
  const header = Uint8Array.of(cla, ins, p1, p2)
  if (form === "short") {
    if (data.length > shortData) throw new RangeError(`"data" expected at most ${shortData} bytes, got ${data.length}`)
    return data.length === 0
      ? concat(header, Uint8Array.of(le))
      : concat(header, Uint8Array.of(data.length), data, Uint8Array.of(le))
  }
  if (data.length > 0xffff) throw new RangeError(`"data" expected at most 65535 bytes, got ${data.length}`)
  const two = (value: number): Uint8Array => Uint8Array.of(value >> 8, value & 0xff)
  return data.length === 0
    ? concat(header, Uint8Array.of(0), two(le))
    : concat(header, Uint8Array.of(0), two(data.length), data, two(le))
}

/** The lowest processor: one APDU, one answer. Buffers that went to the card are zeroed, since they may hold a PIN. */
export function overTransport(transport: CardTransport, form: "short" | "extended" = "short"): Exchange {
  return async (command) => {
    const bytes = encodeCommand(command, form)
    try {
      const answer = await transport.transmit(bytes)
      if (answer.length < 2) throw new AnswerMalformed(`it has ${answer.length} bytes and no status word`)
      return { data: answer.subarray(0, -2), sw: ((answer.at(-2) ?? 0) << 8) | (answer.at(-1) ?? 0) }
    } finally {
      bytes.fill(0)
    }
  }
}

/** 6Cxx: the card names the length that it wants, and gets the command again. [7816-4] 5.1.3 */
export function correctLength(next: Exchange): Exchange {
  return async (command) => {
    const response = await next(command)
    return (response.sw & 0xff00) === 0x6c00 ? next({ ...command, le: response.sw & 0xff }) : response
  }
}

/** Cuts long data into a chain of commands. [7816-4] 5.3.3: all but the last have bit 5 of CLA set. */
export function chainCommands(next: Exchange): Exchange {
  return async (command) => {
    const { cla = 0, data = new Uint8Array() } = command
    let offset = 0
    for (; data.length - offset > shortData; offset += shortData) {
      const link = { ...command, cla: cla | 0x10, data: data.subarray(offset, offset + shortData) }
      const response = await next(link)
      if (response.sw !== SW.ok) return response
    }
    return next({ ...command, data: data.subarray(offset) })
  }
}

/** Largest answer that is put together: a data object of a YubiKey has 3,063 bytes at most. */
const answerLimit = 0x10000

/** 61xx: fetches the rest of a long answer. [7816-4] 5.1.3, 11.8.1 GET RESPONSE */
export function collectResponses(next: Exchange): Exchange {
  return async (command) => {
    let { data, sw } = await next(command)
    const parts = [data]
    let total = data.length
    while ((sw & 0xff00) === 0x6100) {
      ;({ data, sw } = await next({ ins: 0xc0, p1: 0, p2: 0, le: sw & 0xff }))
      parts.push(data)
      total += data.length
      if (total > answerLimit) throw new AnswerMalformed(`it does not end after ${answerLimit} bytes`)
      if (data.length === 0 && (sw & 0xff00) === 0x6100)
        throw new AnswerMalformed("it promises more data and gives none")
    }
    return { data: concat(...parts), sw }
  }
}

/** All processors over a card: short APDUs with chaining, which every card takes, or extended ones where the card is known to. */
export function exchangeWith(transport: CardTransport, form: "short" | "extended" = "short"): Exchange {
  const raw = correctLength(overTransport(transport, form))
  return collectResponses(form === "short" ? chainCommands(raw) : raw)
}

/**
 * Sends a command that has one good answer.
 * @param name - the command as its standard names it, for the failure
 * @throws StatusFailure when the status is not 9000
 */
export async function send(exchange: Exchange, name: string, command: Command): Promise<Uint8Array> {
  const { data, sw } = await exchange(command)
  if (sw !== SW.ok) throw new StatusFailure(name, sw)
  return data
}
