/**
 * Key algorithms and public keys. [800-78-4]: NIST SP 800-78-4, table 6-2. [800-73-4]: NIST SP 800-73-4 part 2, 3.3.1, table 19
 * for the public key's template. [yubico]: Ed25519, X25519, RSA 3072 and 4096 from firmware 5.7.
 */
import { AnswerMalformed } from "../apdu/failures.ts"
import { decodeTlvs, findTlv } from "../apdu/tlv.ts"

/** Algorithms of asymmetric keys, as ykman names them. */
export type Algorithm = "RSA1024" | "RSA2048" | "RSA3072" | "RSA4096" | "ECCP256" | "ECCP384" | "ED25519" | "X25519"

const bytes: Readonly<Record<Algorithm, number>> = {
  RSA1024: 0x06,
  RSA2048: 0x07,
  RSA3072: 0x05,
  RSA4096: 0x16,
  ECCP256: 0x11,
  ECCP384: 0x14,
  ED25519: 0xe0,
  X25519: 0xe1,
}

const pointLengths: Readonly<Partial<Record<Algorithm, number>>> = { ECCP256: 65, ECCP384: 97, ED25519: 32, X25519: 32 }

/** The byte that names an algorithm to the card. */
export function algorithmByte(algorithm: Algorithm): number {
  return bytes[algorithm]
}

/** The algorithm that a byte stands for, or null. */
export function algorithmOf(byte: number | undefined): Algorithm | null {
  const found = Object.entries(bytes).find(([, value]) => value === byte)?.[0]
  return isAlgorithm(found) ? found : null
}

function isAlgorithm(name: string | undefined): name is Algorithm {
  return name !== undefined && name in bytes
}

/** A public key as the card gives it. `point`: 65 bytes for P-256 (04 X Y), 97 for P-384, 32 for the others. */
export type PublicKey =
  | Readonly<{ algorithm: Algorithm; point: Uint8Array }>
  | Readonly<{ algorithm: Algorithm; modulus: Uint8Array; exponent: Uint8Array }>

/**
 * Reads the content of a public key template.
 * @param template - `86 L point`, or `81 L modulus 82 L exponent`
 * @throws AnswerMalformed
 * @see [800-73-4] part 2, 3.3.1, table 19
 */
export function parsePublicKey(algorithm: Algorithm, template: Uint8Array): PublicKey {
  const objects = decodeTlvs(template)
  const length = pointLengths[algorithm]
  if (length !== undefined) {
    const point = findTlv(objects, 0x86)
    if (point?.length !== length)
      throw new AnswerMalformed(`a public key of ${algorithm} has ${length} bytes, this one has ${point?.length ?? 0}`)
    return { algorithm, point }
  }
  const modulus = findTlv(objects, 0x81)
  const exponent = findTlv(objects, 0x82)
  if (modulus === null || exponent === null) throw new AnswerMalformed("an RSA public key lacks modulus or exponent")
  return { algorithm, modulus, exponent }
}
