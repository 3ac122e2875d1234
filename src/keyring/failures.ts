/** What can go wrong between a person's identities and a file that wants one of them. */
import { EXIT, Failure, type FailureDetails } from "../failure.ts"

/** The descriptor or command that should give the PIN does not, or gives one that a YubiKey did not confirm. */
export class PinSourceFailed extends Failure {
  override readonly code = "pin-source-failed"
  override readonly exit = EXIT.pin
  constructor(what: string, hint: string, details: FailureDetails = {}) {
    super(what, { hint, ...details })
  }
}

/** One try is left, and nobody has confirmed that it shall be used. */
export class LastTryGuarded extends Failure {
  override readonly code = "last-try-guarded"
  override readonly exit = EXIT.pin
  constructor(details: FailureDetails = {}) {
    super("1 try is left before the PIN is blocked, and it was not used", {
      hint: "type the PIN at a terminal and confirm, or set a new one with the PUK: ts-age-yk yubikey pin --unblock",
      ...details,
    })
  }
}

/** A command that should print identities fails. */
export class IdentitySourceFailed extends Failure {
  override readonly code = "identity-source-failed"
  override readonly exit = EXIT.failed
  constructor(name: string, why: string, details: FailureDetails = {}) {
    super(`the command in ${name} failed: ${why}`, { hint: "run it by hand; it must print identities", ...details })
  }
}
