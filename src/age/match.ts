/** How an identity finds out, by looking alone, whether a file may be for it. */
import { Failure } from "../failure.ts"
import type { Asks, Match } from "./identity.ts"
import type { Stanza } from "./stanza.ts"

const nothing: ReadonlySet<Asks> = new Set()

/**
 * Matches the stanzas of one type.
 * @param fits - whether a stanza of the type may be for the identity; throws a Failure when it is malformed
 * @param asks - what opening it would ask of a person
 */
export function matchStanzas(
  stanzas: readonly Stanza[],
  type: string,
  fits: (stanza: Stanza) => boolean,
  asks: ReadonlySet<Asks> = nothing,
): Match {
  try {
    // Every one is looked at: a malformed one behind a good one is refused as well.
    const fitting = stanzas.filter((stanza) => stanza.args[0] === type).filter(fits)
    return fitting.length > 0 ? { fits: "maybe", asks } : { fits: "no" }
  } catch (failure) {
    if (failure instanceof Failure) return { fits: "broken", failure }
    throw failure
  }
}
