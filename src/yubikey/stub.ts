/**
 * The identity stub of age-plugin-yubikey: it names a YubiKey, a slot and a key, and is no secret.
 * Format: bech32 of 9 bytes: serial (u32, little endian), slot, tag (4). age-plugin-yubikey src/key.rs, `Stub`.
 */
import { decodeBech32, encodeBech32 } from "../age/bech32.ts"
import { isRetired, type Slot } from "../piv/slots.ts"
import { StubMalformed } from "./failures.ts"

const hrp = "AGE-PLUGIN-YUBIKEY-"
const length = 9

/** `tag`: first 4 bytes of SHA-256 over the compressed public key. The serial is a hint: the same key may be on two YubiKeys. */
export type Stub = Readonly<{ serial: number; slot: Slot; tag: Uint8Array }>

/** Whether a line is an identity for the plugin named yubikey, well formed or not. */
export function isStubText(text: string): boolean {
  return text.toUpperCase().startsWith(`${hrp}1`)
}

/**
 * Reads `AGE-PLUGIN-YUBIKEY-1…`.
 * @returns null for the empty identity that `age -j yubikey` sends: any YubiKey that is here
 * @throws StubMalformed
 */
export function parseStub(text: string): Stub | null {
  const decoded = decodeBech32(text)
  if (decoded?.hrp.toUpperCase() !== hrp) throw new StubMalformed("it is not valid Bech32: mistyped, or cut short")
  if (decoded.bytes.length === 0) return null
  return stubFromBytes(decoded.bytes)
}

/** @throws StubMalformed */
function stubFromBytes(bytes: Uint8Array): Stub {
  const slot = bytes[4]
  if (bytes.length < length || slot === undefined) throw new StubMalformed(`it has ${bytes.length} bytes instead of 9`)
  if (!isRetired(slot)) throw new StubMalformed(`slot ${slot.toString(16)} is none of 82 to 95`)
  // The peer takes longer ones and ignores the rest, for the sake of stubs to come.
  return { serial: new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true), slot, tag: bytes.slice(5, length) }
}

/** Writes `AGE-PLUGIN-YUBIKEY-1…`. */
export function encodeStub({ serial, slot, tag }: Stub): string {
  const bytes = new Uint8Array(length)
  new DataView(bytes.buffer).setUint32(0, serial, true)
  bytes[4] = slot
  bytes.set(tag, 5)
  return encodeBech32(hrp, bytes)
}
