/** Passphrases: those that are at hand, and those that a person is asked for. */
import { Secret } from "../secret.ts"
import type { Dialogue } from "./dialogue.ts"
import { PassphraseRefused } from "./failures.ts"

/** UTF-8 of what was typed. */
export type Passphrase = Secret<"passphrase">

/** A passphrase from text. The text itself cannot be zeroed. */
export function passphraseFrom(text: string): Passphrase {
  return Secret.owning("passphrase", new TextEncoder().encode(text))
}

/** What a key or a file says that is opened by a passphrase where nobody can be asked; the place names it. */
export function passphraseNeeded(): PassphraseRefused {
  return new PassphraseRefused("its passphrase is needed, and there is nobody to ask", { hint: "run it in a terminal" })
}

/**
 * Asks a person.
 * @throws PassphraseRefused when nobody is there, or the answer is empty
 */
export async function askPassphrase(dialogue: Dialogue, question: string): Promise<Passphrase> {
  const answer = await dialogue.askSecret(question)
  if (answer === null || answer === "")
    throw new PassphraseRefused("no passphrase was given", { hint: "run it in a terminal, where it can be asked for" })
  return passphraseFrom(answer)
}
