/** What can go wrong between this program and a card in a reader. All of them exit with 5. */
import { EXIT, Failure, type FailureDetails } from "../failure.ts"
import { printable } from "../quote.ts"

abstract class CardFailure extends Failure {
  override readonly exit = EXIT.card
}

/** The native module that speaks PC/SC is not installed, or does not load. */
export class CardSupportMissing extends CardFailure {
  override readonly code = "card-support-missing"
  constructor(details: FailureDetails = {}) {
    super("smart card support is not installed: the native module pcsclite does not load", {
      hint: "Debian, Ubuntu: apt install pcscd libpcsclite-dev, then npm rebuild pcsclite; or go on with software keys: --no-yubikey",
      ...details,
    })
  }
}

/** pcscd (or its like) is not running. */
export class NoCardService extends CardFailure {
  override readonly code = "no-card-service"
  constructor(details: FailureDetails = {}) {
    super("no smart card service is running", {
      hint: "start it: systemctl start pcscd.socket; or go on with software keys: --no-yubikey",
      ...details,
    })
  }
}

/** The service is there and will not let this user in: polkit, as a rule. */
export class CardServiceRefused extends CardFailure {
  override readonly code = "card-service-refused"
  constructor(details: FailureDetails = {}) {
    super("the smart card service refuses this user", {
      hint: "polkit allows local sessions only: log in at the machine, or allow org.debian.pcsc-lite.access_pcsc and access_card",
      ...details,
    })
  }
}

/** No reader holds a card. */
export class NoCard extends CardFailure {
  override readonly code = "no-card"
  constructor(details: FailureDetails = {}) {
    super("no YubiKey is connected", { hint: "plug one in; ts-age-yk doctor tells what stands in the way", ...details })
  }
}

/** Who keeps a card busy, as far as the operating system tells. */
export type CardHolder = Readonly<{ name: string; pid: number }>

const remedies: Readonly<Record<string, string>> = {
  scdaemon: "let go of it: gpgconf --kill scdaemon",
  "yubikey-agent": "let go of it: systemctl --user stop yubikey-agent",
  "pivy-agent": "let go of it: pkill -HUP pivy-agent",
}

/** Another program has the card for itself. */
export class CardBusy extends CardFailure {
  override readonly code = "card-busy"
  readonly holder: CardHolder | undefined
  constructor(holder?: CardHolder, details: FailureDetails = {}) {
    super(
      holder === undefined
        ? "another program holds the card"
        : `held by ${printable(holder.name)} (process ${holder.pid})`,
      {
        hint: (holder && remedies[holder.name]) ?? "end that program, or wait until it is done, and retry",
        ...details,
      },
    )
    this.holder = holder
  }
}

/** The card left its reader, or the reader was unplugged. */
export class CardRemoved extends CardFailure {
  override readonly code = "card-removed"
  constructor(details: FailureDetails = {}) {
    super("the key was unplugged", { hint: "plug it in again and retry; nothing was written", ...details })
  }
}

/** Another program reset the card: what was selected and verified on it is gone. */
export class CardReset extends CardFailure {
  override readonly code = "card-reset"
  constructor(details: FailureDetails = {}) {
    super("another program reset the card", { hint: "retry; if it happens again, end the other program", ...details })
  }
}

/** The card or its reader does not answer as PC/SC demands. `pcscCode` is the service's own, such as 0x80100066. */
export class CardUnresponsive extends CardFailure {
  override readonly code = "card-unresponsive"
  readonly pcscCode: number | undefined
  constructor(pcscCode?: number, details: FailureDetails = {}) {
    super(
      pcscCode === undefined
        ? "the card does not answer"
        : `the card does not answer (PC/SC error 0x${pcscCode.toString(16)})`,
      { hint: "unplug the key, plug it in again, and retry", ...details },
    )
    this.pcscCode = pcscCode
  }
}
