/**
 * Using a key on a card, with all that it may ask of a person: PIN and touch.
 *
 * One status word, 6982, stands for a missing PIN, a PIN that another program's SELECT took away, and a touch that nobody gave.
 * They are told apart by what was sent before and by how long the card took.
 */
import { p256IsPoint } from "#primitives"
import { StatusFailure, SW } from "../apdu/status.ts"
import { Failure, type Where } from "../failure.ts"
import { CardReset } from "../pcsc/failures.ts"
import { PinBlocked, PinNeeded, PinRejected, PointInvalid, TouchTimedOut } from "../piv/failures.ts"
import type { Pin } from "../piv/pin.ts"
import type { PivSession } from "../piv/session.ts"
import type { Secret } from "../secret.ts"
import type { CardKey, YubiKeyCard } from "./card.ts"

/** Which key a person is asked about. `serial` is null where the card does not tell. */
export type KeyInQuestion = Readonly<{ serial: number | null; reader: string; slot: number }>

/** Who is asked when a key wants a person. */
export type Attendant = {
  /**
   * Gets the PIN. Called again, with the failure, when the card has refused the one before.
   * @param triesLeft - how many wrong PINs the card still stands; at 1 the person must confirm
   * @throws Failure when there is nobody to ask, or the source has nothing else to offer
   */
  pin(key: KeyInQuestion, triesLeft: number, refused: PinRejected | null): Promise<Pin>
  /** The card took the PIN that was given for this key. */
  pinAccepted(key: KeyInQuestion): void
  /**
   * Tells the person to touch the key: called when the card has not answered for a moment, and only then.
   * @returns what to call when the card has answered
   */
  touch(key: KeyInQuestion): () => void
  /** Counts what the key was used for, for forecasts and transcripts. */
  used?(key: KeyInQuestion): void
}

/** A card that wants no touch answers sooner than this, in milliseconds. */
const touchNotice = 300
/** A card waits 15 seconds for a touch; nothing else takes it nearly that long. Milliseconds. */
const touchWait = 10_000
/** How often the agreement is tried anew after another program disturbed it. */
const mostAttempts = 4

/** A key, where it is, and who stands by. */
export type KeyAtHand = Readonly<{ card: YubiKeyCard; key: CardKey; question: KeyInQuestion; attendant: Attendant }>

/** What the card made of an operation: a result, or the status word 6982. */
type Operation<T extends object> = (session: PivSession) => Promise<T | { refused: "pin or touch" }>

/**
 * Agrees on a secret with the key.
 * @param point - the other side, 65 bytes uncompressed; checked to be on the curve before it goes to the card
 * @returns the x-coordinate, 32 bytes
 * @throws PointInvalid; what useKey throws
 */
export async function agreeWithKey(at: KeyAtHand, point: Uint8Array): Promise<Secret<"shared secret">> {
  if (!p256IsPoint(point)) throw new PointInvalid({ where: placeOf(at) })
  return useKey(at, (session) => session.agreeOnSecret(at.key.slot, point))
}

/**
 * Signs a digest of 32 bytes with the key.
 * @returns DER of the ECDSA signature
 * @throws what useKey throws
 */
export async function signWithKey(at: KeyAtHand, digest: Uint8Array): Promise<Uint8Array> {
  const { answer } = await useKey<{ answer: Uint8Array }>(at, (session) => session.signDigest(at.key.slot, digest))
  return answer
}

function placeOf({ question, key }: KeyAtHand): Where {
  return { serial: question.serial ?? undefined, reader: question.reader, slot: key.slot }
}

/**
 * Carries out an operation of the key, with PIN and touch as its policies want them.
 * @throws PinBlocked, PinRejected, PinNeeded, TouchTimedOut, CardRemoved, CardBusy; with serial and slot
 */
async function useKey<T extends object>(at: KeyAtHand, operation: Operation<T>): Promise<T> {
  const { card } = at
  let trustStatus = true
  try {
    for (let attempt = 0; attempt < mostAttempts; attempt++) {
      const result = await card.use((session) => attemptOnce({ ...at, session, trustStatus }, operation))
      if (!("again" in result)) return result.done
      // What the card said of its PIN was not true, or no longer is: from here on the PIN is shown each time.
      trustStatus = false
      if (result.again === "reselect") await card.reselect()
      card.pinVerified = false
    }
    throw new PinNeeded()
  } catch (failure) {
    if (failure instanceof Failure) failure.within(placeOf(at))
    throw failure
  }
}

type Attempt = KeyAtHand & Readonly<{ session: PivSession; trustStatus: boolean }>

async function attemptOnce<T extends object>(
  attempt: Attempt,
  operation: Operation<T>,
): Promise<{ done: T } | { again: "show the PIN" | "reselect" }> {
  const { session, card, key, question, attendant } = attempt
  const pin = await provePin(attempt)
  const started = performance.now()
  const answered = noticeTouch(attempt)
  let result: Awaited<ReturnType<Operation<T>>>
  try {
    result = await operation(session)
  } catch (failure) {
    // Another program has selected its own application in between.
    if (failure instanceof StatusFailure && failure.sw === SW.instructionUnknown) return { again: "reselect" }
    throw failure
  } finally {
    answered()
  }
  if (!("refused" in result)) {
    if (key.pinPolicy === "once") card.pinVerified = true
    attendant.used?.(question)
    return { done: result }
  }
  const mayWantTouch = key.touchPolicy !== "never"
  if (mayWantTouch && (pin === "just shown" || performance.now() - started >= touchWait)) throw new TouchTimedOut()
  return { again: pin === "just shown" ? "reselect" : "show the PIN" }
}

/** Starts the clock of the touch notice. @returns what to call when the card has answered */
function noticeTouch({ key, question, attendant }: Attempt): () => void {
  if (key.touchPolicy === "never") return () => undefined
  let answered: () => void = () => undefined
  const timer = setTimeout(() => {
    answered = attendant.touch(question)
  }, touchNotice)
  return () => {
    clearTimeout(timer)
    answered()
  }
}

/** Sees to it that the card has the PIN that the key's policy wants, and says how it is known. */
async function provePin(attempt: Attempt): Promise<"not wanted" | "trusted" | "just shown"> {
  const { session, card, key, trustStatus } = attempt
  const { pinPolicy } = key
  if (trustStatus && pinPolicy === "never") return "not wanted"
  if (trustStatus && pinPolicy === "once" && card.pinVerified) return "trusted"
  // ALWAYS: VERIFY must be the very command before GENERAL AUTHENTICATE, so a kept PIN goes without a question.
  if (card.pin !== null && card.unprovenAt === null && (pinPolicy === "always" || !trustStatus)) {
    await showKeptPin(session, card, card.pin)
    return "just shown"
  }
  const status = await session.pinStatus()
  if (status.state === "blocked") throw new PinBlocked("PIN")
  if (status.state === "verified" && trustStatus && pinPolicy === "once") return "trusted"
  await askAndShowPin(attempt, status.state === "needed" ? status.triesLeft : null)
  return "just shown"
}

/** A kept PIN that is refused was changed by somebody meanwhile; it is never shown again. */
async function showKeptPin(session: PivSession, card: YubiKeyCard, pin: Pin): Promise<void> {
  try {
    await session.verifyPin(pin)
  } catch (failure) {
    if (failure instanceof PinRejected || failure instanceof PinBlocked) card.forgetPin(pin)
    throw failure
  }
}

/** The tries of a card that says nothing of them since its PIN is verified just now: enough to ask without a warning. */
const usualTries = 3

/**
 * Asks for the PIN until the card takes it, and keeps it for the run.
 * @param left - tries left, null where the card does not say
 * @throws PinRejected, PinBlocked, PinNeeded, and what the attendant throws
 */
export async function askAndShowPin(
  { session, card, question, attendant }: Omit<Attempt, "key" | "trustStatus">,
  left: number | null,
): Promise<void> {
  const place: Where = { serial: question.serial ?? undefined, reader: question.reader }
  let triesLeft = left ?? usualTries
  let refused = refusedBeforeReset(card, triesLeft)
  for (;;) {
    const pin = card.pin ?? (await attendant.pin(question, triesLeft, refused?.within(place) ?? null))
    try {
      await session.verifyPin(pin)
      card.keepPin(pin, null)
      attendant.pinAccepted(question)
      return
    } catch (failure) {
      // Whether the card has counted this PIN is not known: the tries left will tell, once it is there again.
      if (failure instanceof CardReset) card.keepPin(pin, triesLeft)
      else card.forgetPin(pin)
      if (!(failure instanceof PinRejected)) throw failure
      refused = failure
      triesLeft = failure.triesLeft
    }
  }
}

/** A PIN that was on its way when the card was reset was a wrong one if a try is gone; it is not shown again then. */
function refusedBeforeReset(card: YubiKeyCard, triesLeft: number): PinRejected | null {
  const { pin, unprovenAt } = card
  if (pin === null || unprovenAt === null || triesLeft >= unprovenAt) return null
  card.forgetPin(pin)
  return new PinRejected("PIN", triesLeft)
}
