/** Who opens a file key, and for whom it is wrapped: one file's stanzas against many identities or recipients. */
import { Failure } from "../failure.ts"
import { type Attempt, NoIdentityMatches, RecipientsDoNotMix, StanzaMalformed } from "./failures.ts"
import { checkCompany } from "./header.ts"
import type { Identity, Recipient } from "./identity.ts"
import type { FileKey, Stanza } from "./stanza.ts"

/** Opens the file key of one file, or throws why it cannot. */
export type Opener = (stanzas: readonly Stanza[]) => Promise<FileKey>

/**
 * Opens with the first identity that can, in their order; one that fails hides none that works.
 * @returns an opener, which throws StanzaMalformed when the stanzas cannot stand together; the failure of the only identity that
 * was meant; else NoIdentityMatches with every attempt
 */
export function openWith(identities: readonly Identity[]): Opener {
  return async (stanzas) => {
    checkCompany(stanzas)
    const attempts: Attempt[] = []
    for (const identity of identities) {
      const opened = await attempt(identity, stanzas)
      if (!("outcome" in opened)) return opened.fileKey
      attempts.push(opened)
    }
    const failures = attempts.flatMap((one) => (one.outcome === "failed" ? [one.failure] : []))
    const [first, ...others] = failures
    // Several identities of one type say the same of one malformed stanza.
    if (first !== undefined && (others.length === 0 || failures.every((failure) => failure instanceof StanzaMalformed)))
      throw first
    throw new NoIdentityMatches(
      attempts,
      stanzas.map((stanza) => stanza.args[0] ?? ""),
    )
  }
}

/**
 * The same, as an identity does it.
 * @returns null when the file is for none of them
 * @throws as `openWith`, when at least one failed
 */
export async function openOrNull(identities: readonly Identity[], stanzas: readonly Stanza[]): Promise<FileKey | null> {
  try {
    return await openWith(identities)(stanzas)
  } catch (failure) {
    const foreign =
      failure instanceof NoIdentityMatches && failure.attempts.every((one) => one.outcome === "not for it")
    if (foreign) return null
    throw failure
  }
}

async function attempt(identity: Identity, stanzas: readonly Stanza[]): Promise<Attempt | { fileKey: FileKey }> {
  const match = identity.match(stanzas)
  if (match.fits === "no") return { identity: identity.label, outcome: "not for it" }
  if (match.fits === "broken") return { identity: identity.label, outcome: "failed", failure: match.failure }
  try {
    const fileKey = await identity.unwrapFileKey(stanzas)
    return fileKey === null ? { identity: identity.label, outcome: "not for it" } : { fileKey }
  } catch (failure) {
    if (!(failure instanceof Failure)) throw failure
    return { identity: identity.label, outcome: "failed", failure }
  }
}

/**
 * Wraps a file key for all recipients.
 * @returns their stanzas, in the order of the recipients
 * @throws RecipientsDoNotMix; what a recipient throws
 */
export async function wrapFor(recipients: readonly Recipient[], fileKey: FileKey): Promise<Stanza[]> {
  const stanzas: Stanza[] = []
  for (const recipient of recipients) stanzas.push(...(await recipient.wrapFileKey(fileKey)))
  // Not before: a plugin tells its labels as it wraps.
  checkLabels(recipients)
  return stanzas
}

/**
 * Checks that the recipients may share a file. [C2SP age-plugin] `labels`: the sets must be equal.
 * @throws RecipientsDoNotMix
 */
export function checkLabels(recipients: readonly Recipient[]): void {
  const [first, ...others] = recipients
  if (first === undefined) return
  const other = others.find((recipient) => labelSet(recipient) !== labelSet(first))
  if (other === undefined) return
  const pair = [first, other]
  if (pair.some((recipient) => recipient.labels.includes("postquantum")))
    throw new RecipientsDoNotMix(
      "post-quantum and classical recipients cannot share a file: the classical ones would undo the protection",
    )
  throw new RecipientsDoNotMix(`${first.text} and ${other.text} cannot share a file`)
}

function labelSet(recipient: Recipient): string {
  return JSON.stringify([...new Set(recipient.labels)].sort())
}
