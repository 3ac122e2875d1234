/**
 * A recipient joins by proving itself: it opens a challenge that only its key opens. Without that, a recipient that was mistyped, or whose
 * key is lost already, would be found out on the day on which it is needed.
 */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto"
import { NoIdentityMatches } from "../age/failures.ts"
import { decryptBytes, encryptBytes } from "../age/file.ts"
import type { Recipient } from "../age/identity.ts"
import type { Opener } from "../age/open.ts"
import { NoCard } from "../pcsc/failures.ts"
import { YubiKeyAbsent } from "../yubikey/failures.ts"
import { ProofFailed } from "./failures.ts"

/** A proof for the record: SHA-256 of the challenge, an age file, in hex. */
export type Proof = Readonly<{ challenge: string }>

/** Bytes that are drawn for a challenge: none is like another. */
const challengeLength = 32

/**
 * Has a recipient prove itself.
 * @param recipient - the only one that the challenge is encrypted to
 * @param open - the identities at hand; whoever opens the challenge has the key
 * @throws ProofFailed when none does; PinRejected and the like when the key is there and does not get to it
 */
export async function proveRecipient(recipient: Recipient, open: Opener): Promise<Proof> {
  const drawn = randomBytes(challengeLength)
  const challenge = await encryptBytes(drawn, [recipient])
  try {
    const opened = await decryptBytes(challenge, open)
    if (opened.length !== drawn.length || !timingSafeEqual(opened, drawn))
      throw new ProofFailed(recipient.text, { hint: "what it opened is not what was encrypted; do not trust that key" })
    opened.fill(0)
  } catch (failure) {
    const absent = [NoIdentityMatches, NoCard, YubiKeyAbsent].some((absence) => failure instanceof absence)
    throw absent ? new ProofFailed(recipient.text, { cause: failure }) : failure
  } finally {
    drawn.fill(0)
  }
  return { challenge: createHash("sha256").update(challenge).digest("hex") }
}
