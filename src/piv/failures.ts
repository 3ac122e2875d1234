/** What the PIV application can refuse. */
import { EXIT, Failure, type FailureDetails } from "../failure.ts"

/** The card has no PIV application, or it is switched off for this connection. */
export class AppletMissing extends Failure {
  override readonly code = "piv-missing"
  override readonly exit = EXIT.card
  constructor(details: FailureDetails = {}) {
    super("no PIV application on this card", { hint: "switch it on: ykman config usb --enable PIV", ...details })
  }
}

/** PIN, PUK and management key have one thing in common: a person must do something about them. */
abstract class PinFailure extends Failure {
  override readonly exit = EXIT.pin
}

function tries(left: number): string {
  return left === 1 ? "1 try left" : `${left} tries left`
}

/** A wrong PIN or PUK was shown to the card, and cost a try. */
export class PinRejected extends PinFailure {
  override readonly code = "pin-rejected"
  readonly triesLeft: number
  constructor(what: "PIN" | "PUK", triesLeft: number, details: FailureDetails = {}) {
    super(`wrong ${what}, ${tries(triesLeft)}`, {
      hint: what === "PIN" ? "ts-age-yk yubikey pin changes it; the PUK unblocks it" : undefined,
      ...details,
    })
    this.triesLeft = triesLeft
  }
}

/** No tries are left. */
export class PinBlocked extends PinFailure {
  override readonly code = "pin-blocked"
  constructor(what: "PIN" | "PUK", details: FailureDetails = {}) {
    super(`${what} is blocked`, {
      hint:
        what === "PIN"
          ? "unblock it with the PUK: ts-age-yk yubikey pin --unblock"
          : "only a reset of the PIV application helps, which destroys its keys: ts-age-yk yubikey reset",
      ...details,
    })
  }
}

/** The operation wants a verified PIN, and none was shown. */
export class PinNeeded extends PinFailure {
  override readonly code = "pin-needed"
  constructor(details: FailureDetails = {}) {
    super("the PIN is needed", {
      hint: "run it where a terminal can ask for it, or give --pin-fd or --pin-command",
      ...details,
    })
  }
}

/** Nobody touched the key in time; no PIN try was lost. */
export class TouchTimedOut extends PinFailure {
  override readonly code = "touch-timed-out"
  constructor(details: FailureDetails = {}) {
    super("no touch within 15 seconds", {
      hint: "nothing was written; run it again and touch the key when it blinks",
      ...details,
    })
  }
}

/** What was typed cannot be a PIN; the card was not asked, and no try was spent. */
export class PinUnusable extends PinFailure {
  override readonly code = "pin-unusable"
  constructor(why: string, hint: string) {
    super(why, { hint })
  }
}

/** The management key does not fit. Cards do not count these tries. */
export class ManagementKeyRejected extends PinFailure {
  override readonly code = "management-key-rejected"
  constructor(details: FailureDetails = {}) {
    super("wrong management key", {
      hint: "give the right one with --management-key-fd; ts-age-yk yubikey info tells its algorithm",
      ...details,
    })
  }
}

/** A point that is no point of P-256 is never shown to a card: some cards calculate with it, which gives the key away. */
export class PointInvalid extends Failure {
  override readonly code = "point-invalid"
  override readonly exit = EXIT.damaged
  constructor(details: FailureDetails = {}) {
    super("the ephemeral key is not a point of P-256", {
      hint: "the file was made or changed by a broken program",
      ...details,
    })
  }
}

/** An object or certificate on the card cannot be read as what it should be. */
export class ObjectMalformed extends Failure {
  override readonly code = "object-malformed"
  override readonly exit = EXIT.card
  constructor(what: string, details: FailureDetails = {}) {
    super(`${what} on the card is malformed`, details)
  }
}
