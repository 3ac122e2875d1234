/** The stanzas that a key on a YubiKey may open, whichever of the two kinds. */
import type { FileKey, Stanza } from "../age/stanza.ts"
import { type P256TagStanza, parseP256Tag, stanzaTag, unwrapP256Tag } from "./p256tag.ts"
import { type Agree, type PivP256Stanza, parsePivP256, unwrapPivP256 } from "./piv-p256.ts"

/** A stanza of either kind, and where it stood in the header, counted from 0. */
export type KeyStanza = Readonly<{ index: number; stanza: PivP256Stanza | P256TagStanza }>

/**
 * Picks the stanzas of our two kinds.
 * @throws StanzaMalformed when one of them is malformed; then none of the file's may be tried ([C2SP age-plugin] identity-v1)
 */
export function keyStanzas(stanzas: readonly Stanza[]): KeyStanza[] {
  return stanzas.flatMap((stanza, index) => {
    const parsed = parsePivP256(stanza) ?? parseP256Tag(stanza)
    return parsed === null ? [] : [{ index, stanza: parsed }]
  })
}

/** Whether a stanza is for the key with this tag (4 bytes, as in stubs). One in four billion others fits as well. */
export function isFor({ stanza }: KeyStanza, tag: Uint8Array): boolean {
  const expected = stanza.type === "piv-p256" ? tag : stanzaTag(stanza.point, tag)
  return expected.every((byte, index) => byte === stanza.tag[index])
}

/** Opens the file key with the key whose public point is given (65 bytes). @returns null when it was made for another key */
export function unwrapKeyStanza({ stanza }: KeyStanza, ownPoint: Uint8Array, agree: Agree): Promise<FileKey | null> {
  return stanza.type === "piv-p256" ? unwrapPivP256(stanza, ownPoint, agree) : unwrapP256Tag(stanza, ownPoint, agree)
}
