/** Everything that SOPS code can fail with for a reason outside of it. */
import { EXIT, Failure, type FailureDetails, type KeyPath } from "../failure.ts"
import { quote } from "../quote.ts"

/** A document does not follow the syntax of its format. */
export class SyntaxInvalid extends Failure {
  override readonly code = "sops-syntax-invalid"
  override readonly exit = EXIT.damaged
  constructor(format: string, what: string, line?: number) {
    super(`not valid ${format}: ${what}`, { where: { line } })
  }
}

/** A merge stopped in the middle of the file. */
export class ConflictMarkers extends Failure {
  override readonly code = "sops-conflict-markers"
  override readonly exit = EXIT.damaged
  constructor(line: number, cause: unknown) {
    super("has git's conflict markers in it", {
      where: { line },
      hint: "ts-age-yk git install, then git checkout --merge on the file, merges it by its values (docs/git.md)",
      cause,
    })
  }
}

/** What two sides of a merge want cannot be decided without a person. */
export class MergeConflict extends Failure {
  override readonly code = "sops-merge-conflict"
  override readonly exit = EXIT.failed
  /** @param lines - what they disagree on */
  constructor(lines: readonly string[]) {
    super(["both sides changed, each in its own way:", ...lines.map((line) => `  ${line}`)].join("\n"), {
      hint: "the file has our side of these and all else of both: ts-age-yk edit it, then git add; git show :3:FILE | ts-age-yk decrypt shows theirs",
    })
  }
}

/** Two sides of a merge cannot be brought together. */
export class NotMergeable extends Failure {
  override readonly code = "sops-not-mergeable"
  override readonly exit = EXIT.failed
  constructor(what: string) {
    super(what, { hint: "the file is ours, unchanged: ts-age-yk edit it, or git checkout --theirs, then git add it" })
  }
}

/** A document is well formed, but holds something that SOPS has no place for. */
export class ValueUnsupported extends Failure {
  override readonly code = "sops-value-unsupported"
  override readonly exit = EXIT.failed
  constructor(what: string, details: FailureDetails = {}) {
    super(what, details)
  }
}

/** The file has no SOPS metadata: it is plain. */
export class NotEncrypted extends Failure {
  override readonly code = "sops-not-encrypted"
  override readonly exit = EXIT.failed
  constructor(what = "not a SOPS file: it has no sops metadata", details: FailureDetails = {}) {
    super(what, { hint: "ts-age-yk encrypt makes one of it; or name its format with --input-type", ...details })
  }
}

/** The file already has SOPS metadata, or a plain key where the metadata would go. */
export class AlreadyEncrypted extends Failure {
  override readonly code = "sops-already-encrypted"
  override readonly exit = EXIT.failed
  constructor(key: string) {
    super(`already encrypted, or it has the top-level key ${quote(key)}, which SOPS keeps for itself`, {
      hint: "ts-age-yk edit changes an encrypted file; a plain file has to rename that key",
    })
  }
}

/** The metadata is there, but cannot be used. */
export class MetadataInvalid extends Failure {
  override readonly code = "sops-metadata-invalid"
  override readonly exit = EXIT.damaged
  constructor(what: string, details: FailureDetails = {}) {
    super(`sops metadata: ${what}`, details)
  }
}

/** An encrypted value cannot be decrypted: damaged, moved, or from another file. */
export class ValueDamaged extends Failure {
  override readonly code = "sops-value-damaged"
  override readonly exit = EXIT.damaged
  constructor(what: string, keyPath: KeyPath, cause?: unknown) {
    super(what, {
      where: { keyPath },
      hint: "the value was changed, moved to another key, or taken from a file with another data key",
      cause,
    })
  }
}

/** The values are not those that were encrypted. */
export class MacMismatch extends Failure {
  override readonly code = "sops-mac-mismatch"
  override readonly exit = EXIT.damaged
  constructor(what: string) {
    super(what, { hint: "git log -p shows the change; --ignore-mac decrypts unproven values" })
  }
}

/** Whether a key that fits was asked, and failed: of the card, or of its PIN. */
function isOfAKey(cause: unknown): cause is Failure {
  return cause instanceof Failure && (cause.exit === EXIT.card || cause.exit === EXIT.pin)
}

/** One key of a group, and why it did not open the data key. */
export type KeyAttempt = Readonly<{ group: number; key: string; outcome: string; cause?: unknown }>

/** Not enough key groups could be opened. Where a key was there and failed, its exit code and its way out are this failure's. */
export class DataKeyUnavailable extends Failure {
  override readonly code = "sops-data-key-unavailable"
  override readonly exit: Failure["exit"] = EXIT.noIdentity
  readonly attempts: readonly KeyAttempt[]
  readonly #counts: readonly [groups: number, needed: number, opened: readonly number[]]
  constructor(groups: number, needed: number, opened: readonly number[], attempts: readonly KeyAttempt[]) {
    const head =
      groups === 1
        ? "none of the identities at hand opens the data key"
        : `${opened.length} of ${groups} key groups opened, ${needed} are needed`
    const lines = attempts.map(
      ({ group, key, outcome }) =>
        `  ${groups === 1 ? "" : `group ${group + 1}, `}${quote(key, 200)}: ${outcome.replaceAll("\n", "\n  ")}`,
    )
    const causes = attempts.map(({ cause }) => cause)
    const there = causes.find(isOfAKey)
    super([head, ...lines].join("\n"), {
      hint: there?.hint ?? "connect a YubiKey that the file is encrypted for, or name a key with -i",
      cause: there ?? causes.find((cause) => cause !== undefined),
    })
    if (there !== undefined) this.exit = there.exit
    this.attempts = attempts
    this.#counts = [groups, needed, opened]
  }

  /** The same, with keys called as somebody calls them. */
  renamed(nameOf: (key: string) => string): DataKeyUnavailable {
    const attempts = this.attempts.map((attempt) => ({ ...attempt, key: nameOf(attempt.key) }))
    return new DataKeyUnavailable(...this.#counts, attempts).within(this.where)
  }
}

/** Shares were opened, but do not make a data key. */
export class SharesInvalid extends Failure {
  override readonly code = "sops-shares-invalid"
  override readonly exit = EXIT.damaged
  constructor(what: string, details: FailureDetails = {}) {
    super(`shares of the data key: ${what}`, details)
  }
}

/** What was opened for a key entry is no data key. */
export class DataKeyInvalid extends Failure {
  override readonly code = "sops-data-key-invalid"
  override readonly exit = EXIT.damaged
  constructor(expected: number, actual: number) {
    super(`the data key is ${actual} bytes long, ${expected} are expected`, {
      hint: "the entry was wrapped by something else than SOPS, or belongs to a file with another number of key groups",
    })
  }
}

/** A rule, in a file or in `.sops.yaml`, for what is encrypted cannot be followed. */
export class SelectionInvalid extends Failure {
  override readonly code = "sops-selection-invalid"
  override readonly exit = EXIT.usage
  constructor(what: string, details: FailureDetails = {}) {
    super(what, details)
  }
}

/** A path like `["a"][0]` is not written as SOPS reads it. */
export class KeyPathInvalid extends Failure {
  override readonly code = "sops-key-path-invalid"
  override readonly exit = EXIT.usage
  constructor(text: string, what: string) {
    super(`key path ${quote(text)}: ${what}`, { hint: `a key path looks like '["a"]["b"][0]'` })
  }
}

/** What `set` is given for a value is no JSON. */
export class SetValueInvalid extends Failure {
  override readonly code = "sops-set-value-invalid"
  override readonly exit = EXIT.usage
  constructor(cause: SyntaxInvalid) {
    super(`the value is ${cause.message}`, {
      // Most values are one line.
      where: cause.where.line === 1 ? {} : cause.where,
      hint: `a value is JSON, in which text stands in quotes: '"text"', 5, true, null, '{"a": 1}'`,
    })
  }
}

/** A path leads nowhere in this document. */
export class KeyPathMissing extends Failure {
  override readonly code = "sops-key-path-missing"
  override readonly exit = EXIT.failed
  constructor(what: string, keyPath: KeyPath) {
    super(what, { where: { keyPath } })
  }
}

/** `.sops.yaml` cannot be used as it stands. */
export class ConfigInvalid extends Failure {
  override readonly code = "sops-config-invalid"
  override readonly exit = EXIT.usage
  constructor(what: string, details: FailureDetails = {}) {
    super(what, details)
  }
}

/** No creation rule is for this file. */
export class NoRuleFits extends Failure {
  override readonly code = "sops-no-rule-fits"
  override readonly exit = EXIT.usage
  /** @param config - its path; null when there is none that has rules */
  constructor(file: string, config: string | null) {
    super(
      config === null ? "there is no .sops.yaml with creation rules" : `no creation rule in ${quote(config)} fits it`,
      {
        where: { file },
        hint:
          config === null
            ? "write one in the file's folder or above it, name one with --config, or give the recipients on the command line"
            : "add a rule whose path_regex matches the path, or give the recipients on the command line",
      },
    )
  }
}

/** A file would be for nobody, or for too few. */
export class KeyGroupEmpty extends Failure {
  override readonly code = "sops-key-group-empty"
  override readonly exit = EXIT.usage
  constructor(what = "a key group has no keys", details: FailureDetails = {}) {
    super(what, { hint: "name recipients in the rule of .sops.yaml, or with -r", ...details })
  }
}

/** The change would have to write for a kind of key that only sops can write for. */
export class KeyTypeUnsupported extends Failure {
  override readonly code = "sops-key-type-unsupported"
  override readonly exit = EXIT.failed
  constructor(types: readonly string[]) {
    super(`a new data key would have to be wrapped for ${types.join(", ")}, which ts-age-yk cannot do`, {
      hint: "nothing was changed; sops itself can do it",
    })
  }
}

/** `.sops.yaml` was not changed: it is written in a way in which the change would not be the one that is wished, or it makes no sense. */
export class ConfigNotEdited extends Failure {
  override readonly code = "sops-config-not-edited"
  override readonly exit = EXIT.failed
  constructor(what: string, hint: string, details: FailureDetails = {}) {
    super(what, { hint, ...details })
  }
}
