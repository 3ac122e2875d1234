/**
 * The readers of this machine, through the npm module pcsclite, which must be handled like this:
 * - It runs on the main thread only (it crashes in a worker), and is loaded when a card is wanted.
 * - While a reader's status thread lives, a status event that arrives during a transmit stops the event loop until the card
 *   answers: just when a touch prompt is due. So all status threads end before the first card is connected, and a change of
 *   readers is seen by listing them again.
 * - `close()` emits "Command cancelled" as an error, and must not run while an APDU is in flight. Where it comes just after a status, the
 *   thread may end without the word that lets its handle go, and the process then never ends: it is given a moment to wait again.
 * - Its default share mode and disposition lose other programs' PIN caches; both are always given (connect.ts).
 */
import type { Reader } from "./card-transport.ts"
import { connectCard } from "./connect.ts"
import { type NativeContext, type NativeReader, openNativeContext, serviceFailure } from "./native.ts"

/** The list of readers is complete when none has come for this long, in milliseconds. */
const quiet = 250
/** A status thread waits again when it had this long, in milliseconds: on a busy machine 27 handles of 160 were lost without, none with it. */
const settled = 1

/**
 * The readers that hold a card now, in the order in which the service names them.
 * @throws CardSupportMissing, NoCardService, CardServiceRefused
 */
export async function listReaders(): Promise<Reader[]> {
  const context = await openNativeContext()
  const natives = await nativeReaders(context)
  return natives.map((native) => ({ name: native.name, connect: () => connectCard(native) }))
}

async function nativeReaders(context: NativeContext): Promise<NativeReader[]> {
  const seen: { native: NativeReader; present: Promise<boolean> }[] = []
  try {
    await new Promise<void>((resolve, reject) => {
      const none = setTimeout(resolve, quiet)
      context.on("error", (error) => {
        clearTimeout(none)
        reject(serviceFailure(error))
      })
      context.on("reader", (native) => {
        clearTimeout(none)
        seen.push({ native, present: cardPresent(native) })
        // All readers of one listing are announced in the same turn of the event loop.
        setImmediate(resolve)
      })
    })
    const present = await Promise.all(seen.map((reader) => reader.present))
    await new Promise((resolve) => setTimeout(resolve, settled))
    return seen.filter((_, index) => present[index] === true).map((reader) => reader.native)
  } finally {
    for (const { native } of seen) native.close()
    context.close()
  }
}

function cardPresent(native: NativeReader): Promise<boolean> {
  return new Promise((resolve) => {
    native.on("error", () => resolve(false))
    native.once("end", () => resolve(false))
    native.once("status", ({ state }) => {
      resolve((state & native.SCARD_STATE_PRESENT) !== 0 && (state & native.SCARD_STATE_MUTE) === 0)
    })
  })
}
