/** What can go wrong on the command line itself. */
import { EXIT, Failure, type FailureDetails } from "../failure.ts"
import { quote } from "../quote.ts"
import { systemReason, wayOut } from "../replace-file.ts"

/** Options or arguments do not fit together, or cannot be understood. */
export class WrongUsage extends Failure {
  override readonly code = "wrong-usage"
  override readonly exit = EXIT.usage
  constructor(what: string, details: FailureDetails = {}) {
    super(what, details)
  }
}

/** A command of sops' wants a file, or what else stands behind it. */
export class NoFileNamed extends Failure {
  override readonly code = "no-file-named"
  override readonly exit = EXIT.usage
  constructor(
    what = "no file was named",
    hint: string | undefined = "it stands behind the command: sops decrypt FILE",
  ) {
    super(what, { hint })
  }
}

/** Standard output takes no more; some of the result may have gone there. */
export class OutputFailed extends Failure {
  override readonly code = "output-failed"
  override readonly exit = EXIT.failed
  constructor(cause: unknown) {
    super(`standard output cannot be written: ${systemReason(cause)}`, { cause })
  }
}

/** The operating system refused what no failure of its own is for. */
export class SystemRefused extends Failure {
  override readonly code = "system-refused"
  override readonly exit = EXIT.failed
  constructor(cause: Error & Readonly<{ syscall: unknown }>) {
    const file = "path" in cause && typeof cause.path === "string" ? cause.path : undefined
    super(`${quote(String(cause.syscall))} failed: ${systemReason(cause)}`, {
      where: { file },
      hint: wayOut(cause),
      cause,
    })
  }
}

/** The person pressed Control-C at a prompt. */
export class Interrupted extends Failure {
  override readonly code = "interrupted"
  override readonly exit = EXIT.interrupted
  constructor() {
    super("interrupted, nothing is half done")
  }
}

/** A rehearsal did not go as it has to: what it shows would be wrong. */
export class DrillFailed extends Failure {
  override readonly code = "drill-failed"
  override readonly exit = EXIT.failed
  constructor(what: string, details: FailureDetails = {}) {
    super(what, { hint: "look at it with --keep, which leaves the copy where it is", ...details })
  }
}
