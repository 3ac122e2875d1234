/** What can stop a ceremony. Nothing is half done by any of them, but by CeremonyHalfDone, which says so. */
import { EXIT, Failure, type FailureDetails } from "../failure.ts"
import { printable, quote } from "../quote.ts"

/** There is no `.sops.yaml` here or above, so that nothing says who shall read what. */
export class NoRepository extends Failure {
  override readonly code = "no-repository"
  override readonly exit = EXIT.usage
  constructor(folder: string) {
    super("there is no .sops.yaml here or above", {
      where: { file: folder },
      hint: "go to the repository of the secrets",
    })
  }
}

/** `.ts-age-yk.yaml` cannot be used as it stands. */
export class PolicyInvalid extends Failure {
  override readonly code = "policy-invalid"
  override readonly exit = EXIT.usage
  constructor(what: string, details: FailureDetails = {}) {
    super(what, { hint: "docs/ceremony.md has its keys", ...details })
  }
}

/** git does not answer as it should. */
export class GitFailed extends Failure {
  override readonly code = "git-failed"
  override readonly exit = EXIT.failed
  constructor(folder: string, command: string, said: string, cause?: unknown) {
    super(`git ${command} failed: ${printable(said.trim().split("\n")[0] ?? "")}`, {
      where: { file: folder },
      hint: "git status, in that folder and as the same user, says more",
      cause,
    })
  }
}

/** A guard of the plan stands in the way, and was not overridden with a reason. */
export class GuardStops extends Failure {
  override readonly code = "guard-stops"
  override readonly exit = EXIT.failed
  readonly guards: readonly string[]
  constructor(texts: readonly string[], guards: readonly string[]) {
    super(texts.join("\n"), {
      hint: `mend it, or override it with a reason, which is recorded: ${guards.map((guard) => `--override ${guard}='REASON'`).join(" ")}`,
    })
    this.guards = guards
  }
}

/** A file is not what was planned for: somebody changed it, or the configuration, meanwhile. What they wrote stays. */
export class PlanChanged extends Failure {
  override readonly code = "plan-changed"
  override readonly exit = EXIT.failed
  constructor(details: FailureDetails = {}) {
    super("was changed by somebody else during the ceremony", {
      hint: "what they wrote stays, and the ceremony is not carried out; ts-age-yk rekey --dry-run shows what is due now",
      ...details,
    })
  }
}

/** What was staged is not what the plan says: nothing was replaced. */
export class VerificationFailed extends Failure {
  override readonly code = "verification-failed"
  override readonly exit = EXIT.failed
  constructor(what: string, details: FailureDetails = {}) {
    super(what, { hint: "nothing was replaced; please report it with the plan", ...details })
  }
}

/** No identity at hand opens the new files: going on could lock everybody out. */
export class LockoutRefused extends Failure {
  override readonly code = "lockout-refused"
  override readonly exit = EXIT.failed
  constructor(details: FailureDetails = {}) {
    super("no identity at hand opens what would be written, so nothing proves that anybody could", {
      hint: "connect a YubiKey that stays a recipient, or name such a key with -i; nothing was replaced",
      ...details,
    })
  }
}

/** An earlier ceremony was cut short, and its files stand beside the old ones. */
export class CeremonyHalfDone extends Failure {
  override readonly code = "ceremony-half-done"
  override readonly exit = EXIT.halfDone
  constructor(files: number, replaced: number, where: string) {
    super(`a rekey of ${files} files stands half done (${replaced} replaced)`, {
      where: { file: where },
      hint: "ts-age-yk rekey resume finishes it; ts-age-yk rekey abort puts the old files back",
    })
  }
}

/** Another ceremony is under way in this repository. */
export class CeremonyLocked extends Failure {
  override readonly code = "ceremony-locked"
  override readonly exit = EXIT.failed
  constructor(where: string) {
    super("another ceremony is under way here", { where: { file: where }, hint: "wait until it is done" })
  }
}

/** There is no half-done ceremony to finish or to undo. */
export class NothingHalfDone extends Failure {
  override readonly code = "nothing-half-done"
  override readonly exit = EXIT.failed
  constructor() {
    super("no ceremony stands half done here")
  }
}

/** A journal or transcript was changed or cut short. */
export class RecordDamaged extends Failure {
  override readonly code = "record-damaged"
  override readonly exit = EXIT.damaged
  constructor(what: string, details: FailureDetails = {}) {
    super(what, {
      hint: "git log -p shows when it was changed, and git restore brings back what is committed",
      ...details,
    })
  }
}

/** The record could not be signed, or a signature not be looked at. */
export class SigningFailed extends Failure {
  override readonly code = "signing-failed"
  override readonly exit = EXIT.failed
  constructor(what: string, hint: string, cause?: unknown) {
    super(what, { hint, cause })
  }
}

/** git knows no commit by this name. */
export class RevisionUnknown extends Failure {
  override readonly code = "revision-unknown"
  override readonly exit = EXIT.usage
  constructor(revision: string, cause?: unknown) {
    super(`git knows no commit ${quote(revision)}`, { hint: "git log shows those that it knows", cause })
  }
}

/** A list of the exposure ledger's marks cannot be used as it stands. */
export class ExposureMarksInvalid extends Failure {
  override readonly code = "exposure-marks-invalid"
  override readonly exit = EXIT.usage
  constructor(what: string, details: FailureDetails = {}) {
    super(what, { hint: "docs/audit.md has its keys", ...details })
  }
}

/** A value cannot be marked as done with: it is not in the ledger, or the key still reads it. */
export class MarkRefused extends Failure {
  override readonly code = "mark-refused"
  override readonly exit = EXIT.failed
  constructor(what: string, details: FailureDetails = {}) {
    super(what, details)
  }
}

/** A manifest of a host's secrets cannot be understood. */
export class ManifestInvalid extends Failure {
  override readonly code = "manifest-invalid"
  override readonly exit = EXIT.usage
  constructor(what: string, details: FailureDetails = {}) {
    super(what, { hint: "it is the JSON that sops-install-secrets is given", ...details })
  }
}

/** A recipient that is to join did not open its challenge. */
export class ProofFailed extends Failure {
  override readonly code = "proof-failed"
  override readonly exit = EXIT.noIdentity
  constructor(recipient: string, details: FailureDetails = {}) {
    super(`nothing at hand opens what is encrypted to ${printable(recipient)}, so nothing shows that anybody can`, {
      hint: "have its key at hand (the YubiKey connected, or -i FILE), or say why it is not: --no-proof 'REASON'",
      ...details,
    })
  }
}

/** A key that is to join cannot be used, or is not the one that was meant. */
export class NewKeyRefused extends Failure {
  override readonly code = "new-key-refused"
  override readonly exit = EXIT.usage
  constructor(what: string, hint: string, details: FailureDetails = {}) {
    super(what, { hint, ...details })
  }
}

/** The policy names a key that would have no name any more. */
export class PolicyNamesKey extends Failure {
  override readonly code = "policy-names-key"
  override readonly exit = EXIT.failed
  constructor(name: string, details: FailureDetails = {}) {
    super(`the policy names ${quote(name)}, which would be the name of no key any more`, {
      hint: "take it out of .ts-age-yk.yaml, or give it its recipient there, then do this again",
      ...details,
    })
  }
}
