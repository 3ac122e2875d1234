/** A record of what went over to a card, for people who look for a fault; it shows no PIN, key or shared secret. */
import type { CardTransport } from "../pcsc/card-transport.ts"

/**
 * Instructions whose data, both ways, may be shown. A new command is silent until somebody decides: VERIFY, CHANGE REFERENCE
 * DATA, GENERAL AUTHENTICATE (its answer may be a shared secret), SET MANAGEMENT KEY and IMPORT are not here, nor is GET RESPONSE
 * on its own: it is shown when the command before it is.
 */
const harmless = new Set([0xa4, 0x47, 0xf7, 0xf8, 0xf9, 0xfd])
/** GET DATA is shown but for the object that may hold the management key (PRINTED). [800-73-4] part 1, table 2 */
const getData = 0xcb
const printed = "5fc109"

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("hex")
}

/**
 * Wraps a card so that each APDU writes two lines: `> 00a40400 …` and `< 9000 …`.
 * @param log - gets one line, without its end
 */
export function traced(transport: CardTransport, log: (line: string) => void): CardTransport {
  let shown = false
  return {
    async transmit(command) {
      const ins = command[1] ?? 0
      const body = hex(command.subarray(4))
      if (ins !== 0xc0) shown = harmless.has(ins) || (ins === getData && !body.includes(printed))
      log(`> ${hex(command.subarray(0, 4))} ${shown ? body : `[${command.length - 4} bytes]`}`)
      const answer = await transport.transmit(command)
      const data = answer.subarray(0, -2)
      log(`< ${hex(answer.subarray(-2))} ${shown ? hex(data) : `[${data.length} bytes]`}`)
      return answer
    },
    close: (disposition) => transport.close(disposition),
  }
}
