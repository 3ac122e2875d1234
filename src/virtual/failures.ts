/** What can go wrong with a virtual YubiKey, as far as it is not a card's answer. PC/SC-level faults are src/pcsc/failures.ts. */
import { EXIT, Failure } from "../failure.ts"
import { quote } from "../quote.ts"

/** The text of a state file, or a value in it, is not what docs/virtual.md says. */
export class CardFileInvalid extends Failure {
  override readonly code = "card-file-invalid"
  override readonly exit = EXIT.damaged
  constructor(what: string, details: { file?: string; keyPath?: readonly (string | number)[]; cause?: unknown } = {}) {
    super(`not a virtual YubiKey's state: ${what}`, {
      where: { file: details.file, keyPath: details.keyPath },
      hint: "make a new one: ts-age-yk virtual new FILE",
      cause: details.cause,
    })
  }
}

/** No virtual YubiKey has this firmware. */
export class FirmwareUnknown extends Failure {
  override readonly code = "firmware-unknown"
  override readonly exit = EXIT.usage
  constructor(firmware: string, known: readonly string[]) {
    super(`no virtual YubiKey has firmware ${quote(firmware)}`, { hint: `choose one of ${known.join(", ")}` })
  }
}

/** A key cannot be put into a virtual YubiKey as it was asked for. */
export class KeyRefused extends Failure {
  override readonly code = "key-refused"
  override readonly exit = EXIT.usage
  constructor(what: string, slot: number) {
    super(what, { where: { slot } })
  }
}

/** A PIN or PUK that no YubiKey takes. The value itself is in no message. */
export class PinUnusable extends Failure {
  override readonly code = "virtual-pin-invalid"
  override readonly exit = EXIT.usage
  constructor(name: "PIN" | "PUK") {
    super(`a ${name} has six to eight characters of ASCII`)
  }
}

/** A fault is not spelled as src/virtual/faults.ts says. */
export class FaultInvalid extends Failure {
  override readonly code = "fault-invalid"
  override readonly exit = EXIT.usage
  constructor(text: string) {
    super(`${quote(text)} is no fault`, {
      hint: "write KIND[:MS]@APDU, for instance removed@7, slow:3000@4, reset@3*; kinds: removed, reset, busy, unresponsive, short, garbage, slow",
    })
  }
}

/** The reader side of vpcd does not accept a card at this address. */
export class VpcdUnreachable extends Failure {
  override readonly code = "vpcd-unreachable"
  override readonly exit = EXIT.card
  constructor(address: string, cause: unknown) {
    super(`no vpcd reader at ${address}`, {
      hint: "start pcscd with the vpcd driver (Debian: apt install vsmartcard-vpcd)",
      cause,
    })
  }
}
