/** What can go wrong between the transport and the PIV application. */
import { EXIT, Failure } from "../failure.ts"

/** The card's answer is not what its format demands: a fault of the card, the reader or the cable. */
export class AnswerMalformed extends Failure {
  override readonly code = "answer-malformed"
  override readonly exit = EXIT.card
  constructor(what: string) {
    super(`the card's answer makes no sense: ${what}`, { hint: "unplug the key, plug it in again, and retry" })
  }
}
