/** What a thing must be to count as a card, and as a reader that holds one. */

/**
 * What becomes of the card when we let go of it. "leave": its PIN and touch caches stay for the next program. "reset": they go,
 * for instance after the management key was shown.
 */
export type Disposition = "leave" | "reset"

/** A connected card. One APDU at a time; the caller waits for the answer before it sends the next. */
export type CardTransport = {
  /**
   * Sends a command and returns the response: data, then SW1 SW2.
   * @throws CardRemoved, CardReset, CardBusy, CardUnresponsive (src/pcsc/failures.ts)
   */
  transmit(command: Uint8Array): Promise<Uint8Array>
  close(disposition: Disposition): Promise<void>
}

/** A reader in which a card was seen. Its name is for messages and for `--reader`. */
export type Reader = {
  readonly name: string
  /** @throws CardBusy with its holder, CardRemoved, NoCardService (src/pcsc/failures.ts) */
  connect(): Promise<CardTransport>
}
