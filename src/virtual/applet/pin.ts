/** PIN and PUK. [800-73-4] part 2, 3.2.1 to 3.2.3; retries and RESET are Yubico's own. */
import { factory, type Reference, resetPiv } from "../card-state.ts"
import { type Answer, type Command, ok, refuse, SW, triesLeft } from "../iso7816.ts"
import type { PivContext } from "./piv-context.ts"

const pinReference = 0x80
const pukReference = 0x81
const paddedLength = 8

/** The bytes before the FF padding, as the state keeps them. */
function unpadded(padded: Uint8Array): string {
  return Buffer.from(padded)
    .toString("latin1")
    .replace(/\xff+$/, "")
}

/**
 * Compares, and counts: the try is spent before the comparison.
 * @returns null when it fits, the refusal otherwise
 */
function check(reference: Reference, padded: Uint8Array): Answer | null {
  if (reference.triesLeft === 0) return refuse(SW.blocked)
  if (unpadded(padded) === reference.value) {
    reference.triesLeft = reference.tries
    return null
  }
  reference.triesLeft--
  return triesLeft(reference.triesLeft)
}

/** The beginning of Yubico's list of PINs that everybody tries first. */
const commonest =
  "123456 123123 654321 123321 112233 121212 520520 123654 159753 1234567 12345678 password qwerty abc123 iloveyou"

/** Whether a new PIN or PUK may be set: null, or the refusal. */
function objection(padded: Uint8Array, complexity: boolean): Answer | null {
  const value = unpadded(padded)
  if (value.length < 6 || value.includes("\xff")) return refuse(SW.wrongData)
  const easy = commonest.split(" ").includes(value.toLowerCase()) || new Set(value).size === 1
  return complexity && easy ? refuse(SW.conditionsNotSatisfied) : null
}

/** VERIFY (20): without data it tells the status, with P1 = FF it logs out, else it spends or restores tries. */
export function verify({ state, session, profile }: PivContext, command: Command): Answer {
  if (command.p2 !== pinReference) return refuse(SW.referenceNotFound)
  if (command.p1 === 0xff && profile.logout) {
    if (command.data.length !== 0) return refuse(SW.wrongData)
    session.pinVerified = false
    return ok()
  }
  if (command.p1 !== 0) return refuse(SW.wrongP1P2)
  if (command.data.length === 0) {
    if (session.pinVerified) return ok()
    return state.pin.triesLeft === 0 ? refuse(SW.blocked) : triesLeft(state.pin.triesLeft)
  }
  if (command.data.length !== paddedLength) return refuse(SW.wrongData)
  session.pinVerified = false
  const refusal = check(state.pin, command.data)
  if (refusal !== null) return refusal
  session.pinVerified = true
  session.pinJustVerified = true
  return ok()
}

/** CHANGE REFERENCE DATA (24): the old value is checked first, so a refused new one has cost nothing only if the old one fits. */
export function changeReference({ state, session }: PivContext, command: Command): Answer {
  if (command.p1 !== 0) return refuse(SW.wrongP1P2)
  const reference = command.p2 === pinReference ? state.pin : command.p2 === pukReference ? state.puk : null
  if (reference === null) return refuse(SW.referenceNotFound)
  if (command.data.length !== 2 * paddedLength) return refuse(SW.wrongData)
  const next = command.data.subarray(paddedLength)
  const refusal = check(reference, command.data.subarray(0, paddedLength))
  if (refusal !== null) {
    if (reference === state.pin) session.pinVerified = false
    return refusal
  }
  const objected = objection(next, state.pinComplexity)
  if (objected !== null) return objected
  reference.value = unpadded(next)
  return ok()
}

/** RESET RETRY COUNTER (2C): the PUK sets a new PIN. */
export function resetRetry({ state, session }: PivContext, command: Command): Answer {
  if (command.p1 !== 0) return refuse(SW.wrongP1P2)
  if (command.p2 !== pinReference) return refuse(SW.referenceNotFound)
  if (command.data.length !== 2 * paddedLength) return refuse(SW.wrongData)
  const next = command.data.subarray(paddedLength)
  const refusal = check(state.puk, command.data.subarray(0, paddedLength))
  if (refusal !== null) return refusal
  const objected = objection(next, state.pinComplexity)
  if (objected !== null) return objected
  session.pinVerified = false
  state.pin.value = unpadded(next)
  state.pin.triesLeft = state.pin.tries
  return ok()
}

/** SET PIN RETRIES (FA): wants PIN and management key, and sets both PIN and PUK back to the factory's. */
export function setRetries({ state, session }: PivContext, command: Command): Answer {
  if (!session.managementAuthenticated || !session.pinVerified) return refuse(SW.securityNotSatisfied)
  if (command.p1 === 0 || command.p2 === 0) return refuse(SW.wrongP1P2)
  state.pin = { value: factory.pin, tries: command.p1, triesLeft: command.p1 }
  state.puk = { value: factory.puk, tries: command.p2, triesLeft: command.p2 }
  session.pinVerified = false
  return ok()
}

/** RESET (FB): only when neither PIN nor PUK can be entered any more. */
export function reset({ state, session }: PivContext, command: Command): Answer {
  if (command.p1 !== 0 || command.p2 !== 0) return refuse(SW.wrongP1P2)
  if (state.pin.triesLeft > 0 || state.puk.triesLeft > 0) return refuse(SW.conditionsNotSatisfied)
  resetPiv(state)
  session.pinVerified = false
  session.managementAuthenticated = false
  return ok()
}
