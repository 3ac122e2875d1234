/** Opens the keys of SOPS files with a run's unlock session: each key is an armored age file of its own. */
import { decryptBytes, readAgeFile } from "../age/file.ts"
import type { Stanza } from "../age/stanza.ts"
import { Failure } from "../failure.ts"
import type { UnlockSession } from "../keyring/unlock-session.ts"
import { Secret } from "../secret.ts"
import type { KeyOpener } from "./data-key.ts"
import type { AgeKey, Metadata } from "./metadata.ts"

/**
 * Reads the stanzas of all keys of a file, so that the cheapest can be chosen before anybody is asked.
 * A key that cannot be read counts as the dearest, and says why when nothing else opens the file.
 */
export async function sessionOpener(metadata: Metadata, session: UnlockSession): Promise<KeyOpener> {
  const headers = new Map<AgeKey, readonly Stanza[] | Failure>()
  for (const key of metadata.groups.flat()) if (key.type === "age") headers.set(key, await stanzasOf(key))
  return {
    cost(key) {
      const stanzas = headers.get(key)
      if (stanzas === undefined || stanzas instanceof Failure) return Number.POSITIVE_INFINITY
      return session.cost(stanzas, key.recipient)
    },
    async open(key) {
      session.recipient = key.recipient
      const plain = await decryptBytes(Buffer.from(key.enc), (stanzas) => session.open(stanzas))
      return Secret.owning("data key", plain)
    },
  }
}

async function stanzasOf(key: AgeKey): Promise<readonly Stanza[] | Failure> {
  try {
    const file = await readAgeFile(Buffer.from(key.enc))
    await file.close()
    return file.header.stanzas
  } catch (failure) {
    if (failure instanceof Failure) return failure
    throw failure
  }
}
