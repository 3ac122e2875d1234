/** What the commands of the PIV application work on, and the small questions that several of them ask. */
import type { CardState } from "../card-state.ts"
import type { Clock } from "../clock.ts"
import type { FirmwareProfile } from "../firmware-profiles.ts"

/** What the application forgets when it loses power, is reset, or another application is selected. */
export type PivSession = {
  pinVerified: boolean
  /** VERIFY was the command before this one: what PIN policy "always" wants. */
  pinJustVerified: boolean
  managementAuthenticated: boolean
  /** The half-done management key authentication: which side proves itself, and the block that was sent. */
  challenge: { kind: "mutual" | "external"; block: Uint8Array } | null
  /** When the sensor was last touched, in the clock's milliseconds; null for never. */
  lastTouch: number | null
}

/** A session just after SELECT. */
export function newPivSession(): PivSession {
  return {
    pinVerified: false,
    pinJustVerified: false,
    managementAuthenticated: false,
    challenge: null,
    lastTouch: null,
  }
}

/** State, session and surroundings of one command. */
export type PivContext = Readonly<{
  state: CardState
  profile: FirmwareProfile
  session: PivSession
  clock: Clock
  /** Waits for a touch, at most as long as the card does. */
  touch: (slot: number) => Promise<boolean>
  /** The private-key operation takes its time. */
  work: () => Promise<void>
}>

/** How long a touch counts for keys with the policy "cached", and how long the card waits for one. */
export const touchSeconds = 15

/**
 * Asks for a touch where the policy wants one.
 * @returns whether the operation may go on
 */
export async function touchSatisfied(
  context: PivContext,
  policy: "never" | "always" | "cached",
  slot: number,
): Promise<boolean> {
  const { session, clock } = context
  if (policy === "never") return true
  const cached = session.lastTouch !== null && clock.now() - session.lastTouch < touchSeconds * 1000
  if (policy === "cached" && cached) return true
  if (!(await context.touch(slot))) return false
  session.lastTouch = clock.now()
  return true
}
