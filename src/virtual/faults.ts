/**
 * Faults on order: what a cable, a reader, another program or a dying key does to an exchange. Spelled `KIND[:MS]@APDU[*]`:
 *
 *   removed@7    the key is unplugged instead of answering the 7th APDU of a connection
 *   reset@3      another program resets the card before the 3rd
 *   busy@2       another program holds the card at the 2nd; busy@0: already when it is connected to
 *   unresponsive@1  the reader gives up on the card
 *   short@5      the 5th answer is cut to its first byte
 *   garbage@5    the 5th answer is noise that claims success
 *   slow:3000@4  the 4th answer takes 3000 ms longer
 *
 * The n-th APDU is counted from 1 within a connection (through vpcd: since power-up). A fault happens once, then the key is well
 * again; with `*` it happens in every connection.
 */
import { FaultInvalid } from "./failures.ts"

const kinds = ["removed", "reset", "busy", "unresponsive", "short", "garbage", "slow"] as const

/** What happens. */
export type FaultKind = (typeof kinds)[number]

/** One fault: at which APDU of a connection, counted from 1 (0: while connecting), and for "slow" how many milliseconds. */
export type Fault = Readonly<{ kind: FaultKind; at: number; ms?: number; always?: boolean }>

/**
 * Reads the spelling above.
 * @throws FaultInvalid for anything else
 */
export function parseFault(text: string): Fault {
  const match = /^([a-z]+)(?::(\d{1,7}))?@(\d{1,6})(\*?)$/.exec(text)
  const kind = kinds.find((known) => known === match?.[1])
  if (match === null || kind === undefined) throw new FaultInvalid(text)
  const at = Number(match[3])
  if ((kind === "slow") !== (match[2] !== undefined) || (at === 0 && kind !== "busy")) throw new FaultInvalid(text)
  return {
    kind,
    at,
    ...(match[2] === undefined ? {} : { ms: Number(match[2]) }),
    ...(match[4] === "*" ? { always: true } : {}),
  }
}

/** The spelling of a fault; `parseFault` gives it back. */
export function faultText(fault: Fault): string {
  return `${fault.kind}${fault.ms === undefined ? "" : `:${fault.ms}`}@${fault.at}${fault.always === true ? "*" : ""}`
}

/** Faults that are still to come. */
export class FaultPlan {
  #due: readonly Fault[]

  constructor(faults: readonly Fault[]) {
    this.#due = faults
  }

  /** The fault of this APDU, if there is one; unless it is for every connection, it is then over. */
  take(apdu: number): Fault | null {
    const fault = this.#due.find((candidate) => candidate.at === apdu) ?? null
    if (fault !== null && fault.always !== true) this.#due = this.#due.filter((candidate) => candidate !== fault)
    return fault
  }
}

/**
 * What a faulty link makes of an answer.
 * @param answer - data, then the status word
 */
export function spoil(kind: "short" | "garbage", answer: Uint8Array): Uint8Array {
  if (kind === "short") return answer.slice(0, 1)
  const noise = Uint8Array.from({ length: Math.max(answer.length - 2, 16) }, (_, index) => (index * 167 + 0x5b) & 0xff)
  return Uint8Array.from([...noise, 0x90, 0x00])
}
