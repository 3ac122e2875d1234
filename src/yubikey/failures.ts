/** What can go wrong with age identities on a YubiKey. */
import { EXIT, Failure, type FailureDetails } from "../failure.ts"

/** An `AGE-PLUGIN-YUBIKEY-…` line cannot be read. */
export class StubMalformed extends Failure {
  override readonly code = "stub-malformed"
  override readonly exit = EXIT.usage
  constructor(what: string, details: FailureDetails = {}) {
    super(`malformed YubiKey identity: ${what}`, {
      hint: "print it again: ts-age-yk identities",
      ...details,
    })
  }
}

/** The slot has no certificate, or it cannot be read as one. */
export class CertificateMalformed extends Failure {
  override readonly code = "certificate-malformed"
  override readonly exit = EXIT.card
  constructor(what: string, details: FailureDetails = {}) {
    super(`the slot's certificate is malformed: ${what}`, details)
  }
}

/** A key that an identity names is on no connected YubiKey. */
export class YubiKeyAbsent extends Failure {
  override readonly code = "yubikey-absent"
  override readonly exit = EXIT.noIdentity
  constructor(details: FailureDetails = {}) {
    super("not connected", { hint: "plug it in and retry", ...details })
  }
}

/** The slot is taken, or there is none left. */
export class SlotTaken extends Failure {
  override readonly code = "slot-taken"
  override readonly exit = EXIT.failed
  constructor(what: string, hint: string, details: FailureDetails = {}) {
    super(what, { hint, ...details })
  }
}

/** Making an identity cannot go on; nothing was changed on the key. */
export class EnrolmentRefused extends Failure {
  override readonly code = "enrolment-refused"
  override readonly exit = EXIT.failed
  constructor(what: string, hint: string, details: FailureDetails = {}) {
    super(what, { hint, ...details })
  }
}

/** A private key from elsewhere cannot become an age identity. */
export class PrivateKeyUnusable extends Failure {
  override readonly code = "private-key-unusable"
  override readonly exit = EXIT.usage
  constructor(what: string, details: FailureDetails = {}) {
    super(`the private key cannot be imported: ${what}`, {
      hint: "openssl pkey -in FILE writes a key as plain PEM; openssl ecparam -name prime256v1 -genkey makes one",
      ...details,
    })
  }
}

/** An attestation does not show that a key is in a YubiKey, or not that it is this key in this YubiKey. */
export class AttestationRefused extends Failure {
  override readonly code = "attestation-refused"
  override readonly exit = EXIT.failed
  constructor(what: string, details: FailureDetails = {}) {
    super(what, {
      hint: "make it anew on the YubiKey: ts-age-yk yubikey attest; trust no recipient on its word",
      ...details,
    })
  }
}
