/**
 * Command and response APDUs as a card sees them. [7816-4]: ISO/IEC 7816-4:2013, 5.1 and 5.6; [800-73-4]: NIST SP 800-73-4 part 2.
 * src/apdu has the other end of the same wire: a misreading that both ends shared would pass every test, so nothing is shared.
 */

/** Status words that this card sends, by the names of [7816-4] 5.6. */
export const SW = {
  ok: 0x9000,
  bytesRemain: 0x6100,
  triesLeft: 0x63c0,
  wrongLength: 0x6700,
  securityNotSatisfied: 0x6982,
  blocked: 0x6983,
  conditionsNotSatisfied: 0x6985,
  wrongData: 0x6a80,
  functionNotSupported: 0x6a81,
  notFound: 0x6a82,
  noSpace: 0x6a84,
  wrongP1P2: 0x6a86,
  referenceNotFound: 0x6a88,
  instructionNotSupported: 0x6d00,
  classNotSupported: 0x6e00,
} as const

/** A whole command, chaining undone. `extended` tells that lengths were three bytes; `le` is null where none was asked for. */
export type Command = Readonly<{
  cla: number
  ins: number
  p1: number
  p2: number
  data: Uint8Array
  le: number | null
  extended: boolean
}>

/** What the application answers, before it is cut to what the reader asked for. */
export type Answer = Readonly<{ sw: number; data: Uint8Array }>

const nothing = new Uint8Array(0)

/** Success, with data or without. */
export function ok(data: Uint8Array = nothing): Answer {
  return { sw: SW.ok, data }
}

/** A refusal: a status word and no data. */
export function refuse(sw: number): Answer {
  return { sw, data: nothing }
}

/** "x tries left" ([800-73-4] 3.2.1), which cannot say more than fifteen. */
export function triesLeft(tries: number): Answer {
  return refuse(SW.triesLeft | Math.min(tries, 15))
}

/** The bytes of a response: data, then SW1 SW2. */
export function encodeAnswer(answer: Answer): Uint8Array {
  const bytes = new Uint8Array(answer.data.length + 2)
  bytes.set(answer.data)
  bytes.set([answer.sw >> 8, answer.sw & 0xff], answer.data.length)
  return bytes
}

/**
 * Reads a command APDU of any of the seven cases of [7816-4] 5.1.
 * @returns null when the lengths do not fit, which a card answers with 6700
 */
export function parseCommand(apdu: Uint8Array): Command | null {
  const [cla, ins, p1, p2] = apdu
  if (cla === undefined || ins === undefined || p1 === undefined || p2 === undefined) return null
  const head = { cla, ins, p1, p2 }
  const body = apdu.subarray(4)
  const [first] = body
  if (first === undefined) return { ...head, data: nothing, le: null, extended: false }
  if (body.length === 1) return { ...head, data: nothing, le: first || 256, extended: false }
  if (first !== 0) {
    const data = body.subarray(1, 1 + first)
    const rest = body.subarray(1 + first)
    if (data.length !== first || rest.length > 1) return null
    return { ...head, data, le: rest[0] === undefined ? null : rest[0] || 256, extended: false }
  }
  if (body.length < 3) return null
  const length = (body[1]! << 8) | body[2]!
  if (body.length === 3) return { ...head, data: nothing, le: length || 65536, extended: true }
  const data = body.subarray(3, 3 + length)
  const rest = body.subarray(3 + length)
  if (length === 0 || data.length !== length || (rest.length !== 0 && rest.length !== 2)) return null
  return { ...head, data, le: rest.length === 0 ? null : (rest[0]! << 8) | rest[1]! || 65536, extended: true }
}
