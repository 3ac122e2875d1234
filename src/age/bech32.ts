/** Bech32 as age uses it: [BIP173] without its limit of 90 characters. [C2SP age] "Conventions used in this document". */
import { bech32 } from "@scure/base"

/** The human-readable part in the case in which it stood, and the data. */
export type Bech32 = Readonly<{ hrp: string; bytes: Uint8Array }>

/**
 * Encodes in the case of the human-readable part: recipients in lower case, identities in upper case.
 * @throws RangeError when the part mixes cases
 */
export function encodeBech32(hrp: string, bytes: Uint8Array): string {
  const lower = hrp.toLowerCase()
  if (hrp !== lower && hrp !== hrp.toUpperCase()) throw new RangeError(`"hrp" expected one case, got ${hrp}`)
  const text = bech32.encode(lower, bech32.toWords(bytes), false)
  return hrp === lower ? text : text.toUpperCase()
}

/** @returns null when the text is not Bech32: mixed case, a foreign character, a wrong checksum, leftover bits */
export function decodeBech32(text: string): Bech32 | null {
  try {
    const { prefix, words } = bech32.decode(text, false)
    const bytes = bech32.fromWords(words)
    return { hrp: text === text.toLowerCase() ? prefix : prefix.toUpperCase(), bytes }
  } catch {
    return null
  }
}
