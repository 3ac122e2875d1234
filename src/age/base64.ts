/** Base64 as age writes it: the standard alphabet, no padding, canonical. [RFC 4648] 3.5, 4. */
import { base64nopad } from "@scure/base"

/** @returns base64 without padding */
export function encodeBase64(bytes: Uint8Array): string {
  return base64nopad.encode(bytes)
}

/** @returns null when the text is not canonical unpadded base64 */
export function decodeBase64(text: string): Uint8Array | null {
  try {
    return base64nopad.decode(text)
  } catch {
    return null
  }
}
