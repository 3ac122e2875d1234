/** What can go wrong with age files, stanzas, recipients and identities. */
import { EXIT, Failure, type FailureDetails } from "../failure.ts"
import { quote } from "../quote.ts"

const changed = "the file was changed or cut short after encryption; fetch it again"

/** The text header is not what [C2SP age] demands, or is no age header at all. */
export class HeaderMalformed extends Failure {
  override readonly code = "header-malformed"
  override readonly exit = EXIT.damaged
  constructor(what: string, details: FailureDetails = {}) {
    super(what, { hint: changed, ...details })
  }
}

/** A stanza of a type that we know is not what that type's specification demands. */
export class StanzaMalformed extends Failure {
  override readonly code = "stanza-malformed"
  override readonly exit = EXIT.damaged
  readonly type: string
  constructor(type: string, what: string, cause?: unknown) {
    super(`malformed ${type} stanza: ${what}`, { hint: changed, cause })
    this.type = type
  }
}

/** A stanza names this identity, and yet does not open with it. */
export class StanzaUndecryptable extends Failure {
  override readonly code = "stanza-undecryptable"
  override readonly exit = EXIT.damaged
  constructor(type: string, identity: string, cause?: unknown) {
    super(`the ${type} stanza is meant for ${identity}, but does not open with it`, { hint: changed, cause })
  }
}

/** The file key does not fit the header: somebody changed the header, or a stanza. */
export class HeaderMacMismatch extends Failure {
  override readonly code = "header-mac-mismatch"
  override readonly exit = EXIT.damaged
  constructor() {
    super("header MAC does not match: the list of recipients was changed after encryption", { hint: changed })
  }
}

/** The ASCII armor is not strict PEM. */
export class ArmorMalformed extends Failure {
  override readonly code = "armor-malformed"
  override readonly exit = EXIT.damaged
  constructor(what: string, line?: number) {
    super(what, { where: { line }, hint: "copy the whole file again, from the BEGIN line to the END line" })
  }
}

/** The payload was changed or cut short. What came before `chunk` was whole. */
export class PayloadDamaged extends Failure {
  override readonly code = "payload-damaged"
  override readonly exit = EXIT.damaged
  readonly chunk: number
  constructor(what: string, chunk: number) {
    super(`${what} (chunk ${chunk} of 64 KiB)`, { hint: changed })
    this.chunk = chunk
  }
}

/** Opening the passphrase stanza would take too much time and memory. */
export class WorkFactorTooHigh extends Failure {
  override readonly code = "work-factor-too-high"
  override readonly exit = EXIT.failed
  constructor(logN: string, limit: number) {
    super(`the scrypt work factor is ${quote(logN)}, at most ${limit} is accepted`, {
      hint: "each step above 18 doubles the second or so that it takes; such a file is rarely honest",
    })
  }
}

/** A recipient string, line or file cannot be understood or used. */
export class RecipientInvalid extends Failure {
  override readonly code = "recipient-invalid"
  override readonly exit = EXIT.usage
  constructor(what: string, details: FailureDetails = {}) {
    super(what, details)
  }
}

/** A key of a type that SSH has and age does not: in a file of recipients it is passed over with a warning. */
export class RecipientUnsupported extends Failure {
  override readonly code = "recipient-unsupported"
  override readonly exit = EXIT.usage
  constructor(type: string) {
    super(`SSH key is of type ${quote(type, 40)}, and only ssh-ed25519 and ssh-rsa can be encrypted to`)
  }
}

/** An identity string, line or file cannot be understood or used. Its text is never shown. */
export class IdentityInvalid extends Failure {
  override readonly code = "identity-invalid"
  override readonly exit = EXIT.usage
  constructor(what: string, details: FailureDetails = {}) {
    super(what, details)
  }
}

/** Some recipients must not share a file with others: passphrases with anybody, post-quantum ones with classical ones. */
export class RecipientsDoNotMix extends Failure {
  override readonly code = "recipients-do-not-mix"
  override readonly exit = EXIT.usage
  constructor(what: string) {
    super(what, { hint: "encrypt to them in separate files, or leave one of them out" })
  }
}

/** A passphrase was refused, or nobody was there to give it. */
export class PassphraseRefused extends Failure {
  override readonly code = "passphrase-refused"
  override readonly exit = EXIT.failed
  constructor(what: string, details: FailureDetails = {}) {
    super(what, details)
  }
}

/** What became of one identity. */
export type Attempt = Readonly<{ identity: string }> &
  (Readonly<{ outcome: "not for it" }> | Readonly<{ outcome: "failed"; failure: Failure }>)

/** No identity opens the file. */
export class NoIdentityMatches extends Failure {
  override readonly code = "no-identity-matches"
  override readonly exit = EXIT.noIdentity
  readonly attempts: readonly Attempt[]
  constructor(attempts: readonly Attempt[], stanzaTypes: readonly string[]) {
    const types = [...new Set(stanzaTypes)].map((type) => quote(type, 40)).join(", ")
    const lines = attempts.map((attempt) =>
      attempt.outcome === "failed"
        ? `\n  ${attempt.identity}: ${attempt.failure.message}`
        : `\n  ${attempt.identity}: not for it`,
    )
    const count =
      attempts.length === 0
        ? "no identity is at hand that opens"
        : attempts.length === 1
          ? "the identity at hand does not open"
          : `none of the ${attempts.length} identities at hand opens`
    super(`${count} it; it is encrypted to: ${types}${lines.join("")}`)
    this.attempts = attempts
  }
}
