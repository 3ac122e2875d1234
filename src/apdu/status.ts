/**
 * Status words. [7816-4]: ISO/IEC 7816-4:2013, 5.1.3; [800-73-4]: NIST SP 800-73-4 part 2, section 2.4 and the commands' tables;
 * [yubico]: Yubico's PIV extensions.
 */
import { EXIT, Failure } from "../failure.ts"

/** The status words that this code tells apart, by their meaning. */
export const SW = {
  ok: 0x9000,
  securityStatusNotSatisfied: 0x6982,
  blocked: 0x6983,
  conditionsNotSatisfied: 0x6985,
  wrongData: 0x6a80,
  notSupported: 0x6a81,
  notFound: 0x6a82,
  noSpace: 0x6a84,
  wrongParameters: 0x6a86,
  referenceNotFound: 0x6a88,
  instructionUnknown: 0x6d00,
} as const

const names: Readonly<Record<number, string>> = {
  0x6581: "memory failure",
  0x6700: "wrong length",
  0x6881: "logical channel not supported",
  0x6882: "secure messaging not supported",
  0x6883: "last command of the chain expected",
  0x6884: "command chaining not supported",
  0x6982: "security status not satisfied",
  0x6983: "authentication method blocked",
  0x6984: "reference data not usable",
  0x6985: "conditions of use not satisfied",
  0x6986: "command not allowed",
  0x6987: "secure messaging data objects missing",
  0x6988: "secure messaging data objects incorrect",
  0x6999: "applet cannot be selected",
  0x6a80: "incorrect data",
  0x6a81: "function not supported",
  0x6a82: "not found",
  0x6a84: "not enough memory space",
  0x6a86: "incorrect parameters",
  0x6a88: "referenced data not found",
  0x6b00: "wrong parameters",
  0x6d00: "instruction not supported",
  0x6e00: "class not supported",
  0x6f00: "no precise diagnosis",
  0x9000: "success",
}

/** A status word in words, with its four digits. */
export function statusText(sw: number): string {
  const digits = sw.toString(16).padStart(4, "0")
  const name =
    names[sw] ??
    ((sw & 0xfff0) === 0x63c0
      ? `verification failed, ${sw & 0x0f} tries left`
      : (sw & 0xff00) === 0x6100
        ? "more data"
        : (sw & 0xff00) === 0x6c00
          ? "wrong expected length"
          : "unknown status")
  return `${name} (${digits})`
}

/** The card refused a command, for a reason that nothing above knew better. */
export class StatusFailure extends Failure {
  override readonly code = "card-refused"
  override readonly exit = EXIT.failed
  readonly sw: number
  constructor(command: string, sw: number) {
    super(`the card refuses ${command}: ${statusText(sw)}`)
    this.sw = sw
  }
}
