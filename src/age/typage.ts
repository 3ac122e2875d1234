/**
 * The one adapter to `age-encryption`: our identities and recipients serve its Decrypter and Encrypter, and its serve us. The
 * package is loaded when a file key passes between them.
 */
import type { Identity as TypageIdentity, Recipient as TypageRecipient, Stanza as TypageStanza } from "age-encryption"
import { Secret } from "../secret.ts"
import { StanzaMalformed } from "./failures.ts"
import { fileKeyLength } from "./file-key.ts"
import type { Identity, Recipient } from "./identity.ts"
import { openOrNull } from "./open.ts"
import type { Stanza } from "./stanza.ts"

/**
 * For `Decrypter.addIdentity`. The Decrypter gives up at the first identity that throws: give it all identities as one, and a failing
 * one hides none that works. It gets plain bytes, which it does not zero.
 */
export function toTypageIdentity(...identities: readonly Identity[]): TypageIdentity {
  return {
    unwrapFileKey: async (stanzas) => {
      using fileKey = await openOrNull(identities, stanzas)
      return fileKey?.use((bytes) => bytes.slice()) ?? null
    },
  }
}

/** For `Encrypter.addRecipient`, which knows no labels: that recipients may share a file is for the caller to check. */
export function toTypageRecipient(recipient: Recipient): TypageRecipient {
  return {
    wrapFileKey: async (bytes) => {
      using fileKey = Secret.owning("file key", bytes.slice())
      return await toTypageStanzas(await recipient.wrapFileKey(fileKey))
    },
  }
}

/** An identity of `age-encryption`, for us. @param label - what prompts and failures call it */
export function fromTypageIdentity(identity: TypageIdentity, label: string): Identity {
  return {
    label,
    // It does not tell without trying.
    match: () => ({ fits: "maybe", asks: new Set() }),
    unwrapFileKey: async (stanzas) => {
      const bytes = await identity.unwrapFileKey(await toTypageStanzas(stanzas))
      if (bytes === null) return null
      if (bytes.length !== fileKeyLength)
        throw new StanzaMalformed("unknown", `the file key is ${bytes.length} bytes long`)
      return Secret.owning("file key", bytes)
    },
  }
}

/** A recipient of `age-encryption`, for us. @param text - as it is written in files */
export function fromTypageRecipient(
  recipient: TypageRecipient,
  text: string,
  labels: readonly string[] = [],
): Recipient {
  return {
    text,
    labels,
    wrapFileKey: async (fileKey) => {
      const copy = fileKey.use((bytes) => bytes.slice())
      const stanzas = await recipient.wrapFileKey(copy)
      copy.fill(0)
      return stanzas.map(({ args, body }) => ({ args, body }))
    },
  }
}

async function toTypageStanzas(stanzas: readonly Stanza[]): Promise<TypageStanza[]> {
  const typage = await import("age-encryption")
  return stanzas.map(({ args, body }) => new typage.Stanza([...args], body))
}
