/** PIN and PUK of the PIV application. [800-73-4]: NIST SP 800-73-4 part 2. [yubico]: Yubico's PIV extensions. */
import { type Exchange, send } from "../apdu/exchange.ts"
import { StatusFailure, SW } from "../apdu/status.ts"
import { concat } from "../apdu/tlv.ts"
import { Secret } from "../secret.ts"
import { PinBlocked, PinRejected, PinUnusable } from "./failures.ts"

/** A PIN or PUK, 8 bytes, padded with FF where it was typed. [800-73-4] part 1, 3.1.1 */
export type Pin = Secret<"PIN">

/** Whether the card wants the PIN. A card that was just unblocked may have more than 3 tries. */
export type PinStatus =
  | Readonly<{ state: "verified" }>
  | Readonly<{ state: "needed"; triesLeft: number }>
  | Readonly<{ state: "blocked" }>

/** References of the PIN and the PUK. [800-73-4] part 1, table 4b */
const PIN = 0x80
const PUK = 0x81

/** A one-time password, as a YubiKey types it when it is touched: 44 characters, the first twelve its identity. */
const touchedPassword = /^[cbdefghijklnrtuv]{32,48}$/

/**
 * Takes what a person or a program gave as PIN or PUK, and refuses what cannot be one before a try is spent.
 * @throws PinUnusable
 */
export function pinFrom(text: string, what: "PIN" | "PUK" = "PIN"): Pin {
  const bytes = new TextEncoder().encode(text)
  if (touchedPassword.test(text))
    throw new PinUnusable(
      "that is a one-time password: the key was touched while the PIN was typed",
      `no try was spent; type the ${what}, and touch the key only when asked`,
    )
  if (bytes.length < 6)
    throw new PinUnusable(`a ${what} has 6 to 8 characters, this one is shorter`, "no try was spent; type it again")
  if (bytes.length > 8)
    throw new PinUnusable(
      `a ${what} has 6 to 8 characters, this one is longer`,
      "no try was spent; it is the PIV PIN that is wanted, not the FIDO2 PIN or a passphrase",
    )
  const padded = new Uint8Array(8).fill(0xff)
  padded.set(bytes)
  bytes.fill(0)
  return Secret.owning("PIN", padded)
}

/** Tries left in a status word, or null: 63Cx, and 630x as some old YubiKeys count. */
function triesLeft(sw: number): number | null {
  if ((sw & 0xfff0) === 0x63c0) return sw & 0x0f
  return (sw & 0xfff0) === 0x6300 ? sw & 0x0f : null
}

function pinFailure(command: string, what: "PIN" | "PUK", sw: number): PinRejected | PinBlocked | StatusFailure {
  const left = triesLeft(sw)
  if (sw === SW.blocked || left === 0) return new PinBlocked(what)
  return left === null ? new StatusFailure(command, sw) : new PinRejected(what, left)
}

/**
 * Asks whether the PIN is verified, without spending a try.
 * @see [800-73-4] part 2, 3.2.1 VERIFY with an absent command data field
 */
export async function pinStatus(exchange: Exchange): Promise<PinStatus> {
  const { sw } = await exchange({ ins: 0x20, p1: 0, p2: PIN })
  if (sw === SW.ok) return { state: "verified" }
  const left = triesLeft(sw)
  if (sw === SW.blocked || left === 0) return { state: "blocked" }
  if (left === null) throw new StatusFailure("VERIFY", sw)
  return { state: "needed", triesLeft: left }
}

/**
 * Shows the PIN to the card; a wrong one costs a try.
 * @throws PinRejected with the tries left, PinBlocked when none is left
 * @see [800-73-4] part 2, 3.2.1 VERIFY
 */
export async function verifyPin(exchange: Exchange, pin: Pin): Promise<void> {
  const { sw } = await withPins([pin], (data) => exchange({ ins: 0x20, p1: 0, p2: PIN, data }))
  if (sw !== SW.ok) throw pinFailure("VERIFY", "PIN", sw)
}

/**
 * Changes the PIN or the PUK; a wrong old one costs a try.
 * @throws PinRejected, PinBlocked; StatusFailure 6985 when the card finds the new one too simple
 * @see [800-73-4] part 2, 3.2.2 CHANGE REFERENCE DATA
 */
export async function changePin(exchange: Exchange, what: "PIN" | "PUK", old: Pin, next: Pin): Promise<void> {
  const p2 = what === "PIN" ? PIN : PUK
  const { sw } = await withPins([old, next], (data) => exchange({ ins: 0x24, p1: 0, p2, data }))
  if (sw !== SW.ok) throw pinFailure("CHANGE REFERENCE DATA", what, sw)
}

/**
 * Sets a new PIN with the PUK; a wrong PUK costs one of its tries.
 * @throws PinRejected, PinBlocked (of the PUK)
 * @see [800-73-4] part 2, 3.2.3 RESET RETRY COUNTER
 */
export async function unblockPin(exchange: Exchange, puk: Pin, next: Pin): Promise<void> {
  const { sw } = await withPins([puk, next], (data) => exchange({ ins: 0x2c, p1: 0, p2: PIN, data }))
  if (sw !== SW.ok) throw pinFailure("RESET RETRY COUNTER", "PUK", sw)
}

/**
 * Sets how many wrong tries PIN and PUK stand, and puts both back to their defaults. Wants the management key and a verified PIN.
 * @see [yubico] SET PIN RETRIES
 */
export async function setPinRetries(exchange: Exchange, pin: number, puk: number): Promise<void> {
  await send(exchange, "SET PIN RETRIES", { ins: 0xfa, p1: pin, p2: puk })
}

/** Lends the joined bytes of several PINs to `work`, and zeroes them. */
async function withPins<T>(pins: readonly Pin[], work: (data: Uint8Array) => Promise<T>): Promise<T> {
  const data = concat(...pins.map((pin) => pin.use((bytes) => bytes.slice())))
  try {
    return await work(data)
  } finally {
    data.fill(0)
  }
}
