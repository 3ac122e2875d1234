/** What can go wrong on the command line itself. */
import { EXIT, Failure, type FailureDetails } from "../failure.ts"

/** Options or arguments do not fit together, or cannot be understood. */
export class WrongUsage extends Failure {
  override readonly code = "wrong-usage"
  override readonly exit = EXIT.usage
  constructor(what: string, details: FailureDetails = {}) {
    super(what, details)
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
