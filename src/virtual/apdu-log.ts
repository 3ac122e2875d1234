/** A log of the APDUs of a card, for people who look for an error: no PIN, key, shared secret or signature is ever in it. */
import type { Command } from "./iso7816.ts"

/**
 * Instructions whose data, both ways, anyone may read. What is not listed is logged by its length only, so a command that is added
 * to the card stays silent until somebody decides.
 */
const harmless: Readonly<Record<number, string>> = {
  0xa4: "SELECT",
  0xf6: "MOVE KEY",
  0xf7: "GET METADATA",
  0xf8: "GET SERIAL",
  0xf9: "ATTEST",
  0xfb: "RESET",
  0xfd: "GET VERSION",
  0x47: "GENERATE",
  0x1d: "READ CONFIG",
}
const silent: Readonly<Record<number, string>> = {
  0x01: "OTP REQUEST",
  0x20: "VERIFY",
  0x24: "CHANGE REFERENCE DATA",
  0x2c: "RESET RETRY COUNTER",
  0x87: "GENERAL AUTHENTICATE",
  0xc0: "GET RESPONSE",
  0xcb: "GET DATA",
  0xdb: "PUT DATA",
  0xfa: "SET PIN RETRIES",
  0xfe: "IMPORT KEY",
  0xff: "SET MANAGEMENT KEY",
  0x1c: "WRITE CONFIG",
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex")
}

function shown(data: Uint8Array, readable: boolean): string {
  if (data.length === 0) return ""
  return readable ? ` ${hex(data)}` : ` [${data.length} bytes]`
}

/** The line of a command: instruction, parameters, data. GET DATA shows which object it asks for. */
export function commandLine(command: Command): string {
  const { cla, ins, p1, p2, data } = command
  const name = harmless[ins] ?? silent[ins] ?? "UNKNOWN"
  return `> ${hex(Uint8Array.of(cla, ins, p1, p2))} ${name}${shown(data, ins in harmless || ins === 0xcb)}`
}

/** The line of an answer to a command with this instruction. Objects are not shown: one of them holds the management key. */
export function answerLine(ins: number, answer: Uint8Array): string {
  const status = hex(answer.subarray(-2))
  return `< ${status}${shown(answer.subarray(0, -2), ins in harmless)}`
}
