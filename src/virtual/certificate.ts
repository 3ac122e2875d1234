/**
 * The X.509 certificates that a YubiKey, or age-plugin-yubikey on it, writes. [X.690] DER, [5280]: RFC 5280.
 * src/yubikey reads the same formats with code of its own: this second reader of the format is deliberate, so that the virtual
 * YubiKey cannot share a misreading with what it is there to test.
 */
import { createHash } from "node:crypto"
import { p256 } from "@noble/curves/nist.js"
import { concat, encodeTlv } from "../apdu/tlv.ts"

const oid = {
  ecdsaWithSha256: "06082a8648ce3d040302",
  commonName: "0603550403",
  organization: "060355040a",
  organizationalUnit: "060355040b",
  basicConstraints: "0603551d13",
} as const

/** Yubico's arc 1.3.6.1.4.1.41482.3, one more number to come: 3 firmware, 7 serial, 8 policies, 9 form factor. */
const yubicoArc = "060a2b0601040182c40a03"

function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, "hex"))
}

function sequence(...parts: readonly Uint8Array[]): Uint8Array {
  return encodeTlv(0x30, ...parts)
}

function bitString(bytes: Uint8Array): Uint8Array {
  return encodeTlv(0x03, Uint8Array.of(0), bytes)
}

/** An INTEGER of at least zero, minimal as [X.690] 8.3.2 wants it. */
export function derInteger(magnitude: Uint8Array): Uint8Array {
  let start = 0
  while (start < magnitude.length - 1 && magnitude[start] === 0) start++
  const digits = magnitude.subarray(start)
  return (digits[0] ?? 0) >= 0x80 || digits.length === 0
    ? encodeTlv(0x02, Uint8Array.of(0), digits)
    : encodeTlv(0x02, digits)
}

/** Attributes in order, each an RDN of its own. */
type Name = readonly (readonly ["commonName" | "organization" | "organizationalUnit", string])[]

function derName(name: Name): Uint8Array {
  const text = new TextEncoder()
  return sequence(
    ...name.map(([type, value]) => encodeTlv(0x31, sequence(hex(oid[type]), encodeTlv(0x0c, text.encode(value))))),
  )
}

/** UTCTime until 2049, GeneralizedTime from then on ([5280] 4.1.2.5). */
function derTime(date: Date): Uint8Array {
  const digits = date.toISOString().replace(/[-:T]|\.\d+/g, "")
  const early = date.getUTCFullYear() < 2050
  return encodeTlv(early ? 0x17 : 0x18, new TextEncoder().encode(early ? digits.slice(2) : digits))
}

/** An extension whose value is `value` as it stands, in no further wrapping than the OCTET STRING. */
function extension(identifier: Uint8Array, value: Uint8Array, critical = false): Uint8Array {
  return sequence(identifier, ...(critical ? [hex("0101ff")] : []), encodeTlv(0x04, value))
}

/** A Yubico extension by its last number. */
export function yubicoExtension(number: number, value: Uint8Array): Uint8Array {
  return extension(concat(hex(yubicoArc), Uint8Array.of(number)), value)
}

/** basicConstraints of a certificate authority, `pathLength` below it. */
export function authorityExtension(pathLength: number): Uint8Array {
  return extension(
    hex(oid.basicConstraints),
    sequence(hex("0101ff"), hex(`0201${pathLength.toString(16).padStart(2, "0")}`)),
    true,
  )
}

/** What goes into a certificate; `serial` is a magnitude, the issuer's key a P-256 scalar. */
export type CertificateParts = Readonly<{
  serial: Uint8Array
  issuer: Name
  subject: Name
  notBefore: Date
  notAfter: Date
  subjectPublicKeyInfo: Uint8Array
  extensions: readonly Uint8Array[]
  issuerKey: Uint8Array
}>

/** A version 3 certificate in DER, signed with ECDSA-with-SHA256 ([5280] 4.1). */
export function buildCertificate(parts: CertificateParts): Uint8Array {
  const algorithm = sequence(hex(oid.ecdsaWithSha256))
  const toBeSigned = sequence(
    encodeTlv(0xa0, hex("020102")),
    derInteger(parts.serial),
    algorithm,
    derName(parts.issuer),
    sequence(derTime(parts.notBefore), derTime(parts.notAfter)),
    derName(parts.subject),
    parts.subjectPublicKeyInfo,
    encodeTlv(0xa3, sequence(...parts.extensions)),
  )
  const digest = createHash("sha256").update(toBeSigned).digest()
  const signature = p256.sign(digest, parts.issuerKey, { prehash: false, lowS: false, format: "der" })
  return sequence(toBeSigned, algorithm, bitString(signature))
}

/** The data object that holds a certificate: `70` certificate, `71` not compressed, `FE` no check value. */
export function certificateObject(certificate: Uint8Array): Uint8Array {
  return concat(encodeTlv(0x70, certificate), hex("710100fe00"))
}
