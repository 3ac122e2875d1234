/**
 * The certificate in a slot: age-plugin-yubikey marks its keys by one. [RFC 5280] section 4.1 for the fields; the marks are
 * age-plugin-yubikey's (src/builder.rs, src/util.rs). It is self-signed, so it proves nothing: see attestation.ts for what does.
 *
 * Reading is tolerant, because slots hold other people's certificates too: RSA, Ed25519, critical or broken extensions.
 */

import { p256IsPoint } from "#primitives"
import { concat, decodeTlvs, encodeTlv, type Tlv } from "../apdu/tlv.ts"
import {
  type PinPolicy,
  pinPolicyByte,
  pinPolicyOf,
  type TouchPolicy,
  touchPolicyByte,
  touchPolicyOf,
} from "../piv/metadata.ts"
import { CertificateMalformed } from "./failures.ts"

const organization = "age-plugin-yubikey"
/** Object identifiers, as the content of their DER. */
export const oid = {
  commonName: Uint8Array.of(0x55, 4, 3),
  organizationName: Uint8Array.of(0x55, 4, 10),
  organizationalUnitName: Uint8Array.of(0x55, 4, 11),
  ecPublicKey: Uint8Array.of(0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1),
  prime256v1: Uint8Array.of(0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7),
  ecdsaWithSha256: Uint8Array.of(0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2),
  /** 1.3.6.1.4.1.41482.3.8, Yubico's extension for PIN and touch policy. */
  policies: Uint8Array.of(0x2b, 6, 1, 4, 1, 0x82, 0xc4, 0x0a, 3, 8),
} as const

/** What a slot's certificate says. */
export type SlotCertificate = Readonly<{
  /** The P-256 key, 65 bytes uncompressed, or null for keys of other kinds. */
  point: Uint8Array | null
  /** Whether age-plugin-yubikey, or we, made it. */
  ours: boolean
  /** The name that the person gave the key; for foreign certificates the whole subject. */
  name: string
  /** The program's version in the certificate, such as 0.5.0. */
  version: string | null
  created: Date | null
  pinPolicy: PinPolicy | null
  touchPolicy: TouchPolicy | null
}>

/** DER tags. [X.690] 8.4 */
export const der = {
  integer: 2,
  bitString: 3,
  octetString: 4,
  oid: 6,
  utf8: 12,
  utcTime: 23,
  generalizedTime: 24,
  sequence: 48,
  set: 49,
  version: 0xa0,
  extensions: 0xa3,
} as const

function child(objects: readonly Tlv[], index: number, tag: number, what: string): Uint8Array {
  const object = objects[index]
  if (object?.tag !== tag) throw new CertificateMalformed(`it has no ${what}`)
  return object.value
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index])
}

/**
 * Reads a certificate.
 * @param certificate - DER
 * @throws CertificateMalformed when it is no certificate at all; AnswerMalformed when it is no DER
 */
export function readSlotCertificate(certificate: Uint8Array): SlotCertificate {
  const outer = child(decodeTlvs(certificate), 0, der.sequence, "outer sequence")
  const fields = decodeTlvs(child(decodeTlvs(outer), 0, der.sequence, "signed part"))
  const first = fields[0]?.tag === der.version ? 1 : 0
  const subject = readName(child(fields, first + 4, der.sequence, "subject"))
  const point = readPoint(child(fields, first + 5, der.sequence, "public key"))
  const attribute = (type: Uint8Array): string | null => subject.find((part) => equal(part.type, type))?.value ?? null
  const ours = attribute(oid.organizationName) === organization
  return {
    point,
    ours,
    name: (ours ? attribute(oid.commonName) : null) ?? subject.map(({ value }) => value).join(", "),
    version: ours ? attribute(oid.organizationalUnitName) : null,
    created: readTime(decodeTlvs(child(fields, first + 3, der.sequence, "validity"))[0]),
    ...readPolicies(fields.find((field) => field.tag === der.extensions)?.value),
  }
}

type NamePart = Readonly<{ type: Uint8Array; value: string }>

/** The attributes of a Name in order. [RFC 5280] 4.1.2.4 */
export function readName(name: Uint8Array): NamePart[] {
  return decodeTlvs(name)
    .flatMap((set) => decodeTlvs(set.value))
    .flatMap((pair) => {
      const [type, value] = decodeTlvs(pair.value)
      return type === undefined || value === undefined
        ? []
        : [{ type: type.value, value: new TextDecoder().decode(value.value) }]
    })
}

/** The P-256 key of a SubjectPublicKeyInfo's content, 65 bytes uncompressed; null for keys of other kinds. */
export function readPoint(info: Uint8Array): Uint8Array | null {
  const [algorithm, key] = decodeTlvs(info)
  if (algorithm?.tag !== der.sequence || key?.tag !== der.bitString) return null
  const [type, curve] = decodeTlvs(algorithm.value)
  if (type === undefined || curve === undefined) return null
  if (!equal(type.value, oid.ecPublicKey) || !equal(curve.value, oid.prime256v1)) return null
  const point = key.value.subarray(1)
  return p256IsPoint(point) ? point.slice() : null
}

/** [RFC 5280] 4.1.2.5: YYMMDDHHMMSSZ, where 50 and above are 19xx; or YYYYMMDDHHMMSSZ. */
export function readTime(time: Tlv | undefined): Date | null {
  if (time === undefined) return null
  const text = new TextDecoder().decode(time.value)
  const digits = time.tag === der.utcTime ? `${Number(text.slice(0, 2)) < 50 ? "20" : "19"}${text}` : text
  const match = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(digits)
  if (match === null) return null
  const [year, month, day, hour, minute, second] = match.slice(1).map(Number)
  const date = new Date(Date.UTC(year ?? 0, (month ?? 1) - 1, day, hour, minute, second))
  return Number.isNaN(date.getTime()) ? null : date
}

/** The policies, as far as one extension and no second one says them; a work-in-progress peer wrote text there. */
function readPolicies(extensions: Uint8Array | undefined): Pick<SlotCertificate, "pinPolicy" | "touchPolicy"> {
  const unknown = { pinPolicy: null, touchPolicy: null }
  if (extensions === undefined) return unknown
  try {
    const values = decodeTlvs(decodeTlvs(extensions)[0]?.value ?? new Uint8Array())
      .map((extension) => decodeTlvs(extension.value))
      .filter((parts) => parts[0] !== undefined && equal(parts[0].value, oid.policies))
      .map((parts) => parts.at(-1)?.value)
    const [value] = values
    if (values.length !== 1 || value === undefined || value.length < 2) return unknown
    const [pinPolicy, touchPolicy] = [pinPolicyOf(value[0]), touchPolicyOf(value[1])]
    return pinPolicy === null || touchPolicy === null || value.length > 8 ? unknown : { pinPolicy, touchPolicy }
  } catch {
    return unknown
  }
}

/** What goes into a new certificate. `serial`: 20 random bytes; `version`: of the program. */
export type NewCertificate = Readonly<{
  point: Uint8Array
  name: string
  version: string
  serial: Uint8Array
  created: Date
  pinPolicy: PinPolicy
  touchPolicy: TouchPolicy
}>

/** Longest name, in bytes of UTF-8. [RFC 5280] appendix A, ub-common-name */
export const longestName = 64

/**
 * The part of a new certificate that the key in the slot must sign, as the peer writes it, so that it lists our keys as its own.
 * @returns DER of TBSCertificate
 */
export function certificateToSign(fields: NewCertificate): Uint8Array {
  const name = encodeName([
    [oid.organizationName, organization],
    [oid.organizationalUnitName, fields.version],
    [oid.commonName, fields.name],
  ])
  const algorithm = encodeTlv(der.sequence, encodeTlv(der.oid, oid.ecPublicKey), encodeTlv(der.oid, oid.prime256v1))
  const key = encodeTlv(der.sequence, algorithm, encodeTlv(der.bitString, Uint8Array.of(0), fields.point))
  const policies = Uint8Array.of(pinPolicyByte(fields.pinPolicy), touchPolicyByte(fields.touchPolicy))
  const extension = encodeTlv(der.sequence, encodeTlv(der.oid, oid.policies), encodeTlv(der.octetString, policies))
  return encodeTlv(
    der.sequence,
    encodeTlv(der.version, encodeTlv(der.integer, Uint8Array.of(2))),
    encodeTlv(der.integer, positive(fields.serial)),
    signatureAlgorithm(),
    name,
    encodeTlv(der.sequence, encodeTime(fields.created), encodeTlv(der.generalizedTime, ascii("99991231235959Z"))),
    name,
    key,
    encodeTlv(der.extensions, encodeTlv(der.sequence, extension)),
  )
}

/** Joins the signed part and the signature (DER of ECDSA-Sig-Value) to a certificate. */
export function signedCertificate(toSign: Uint8Array, signature: Uint8Array): Uint8Array {
  return encodeTlv(der.sequence, toSign, signatureAlgorithm(), encodeTlv(der.bitString, Uint8Array.of(0), signature))
}

function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

function signatureAlgorithm(): Uint8Array {
  return encodeTlv(der.sequence, encodeTlv(der.oid, oid.ecdsaWithSha256))
}

function encodeName(parts: readonly (readonly [Uint8Array, string])[]): Uint8Array {
  return encodeTlv(
    der.sequence,
    ...parts.map(([type, value]) =>
      encodeTlv(der.set, encodeTlv(der.sequence, encodeTlv(der.oid, type), encodeTlv(der.utf8, ascii(value)))),
    ),
  )
}

/** [RFC 5280] 4.1.2.5: UTCTime until 2049. */
function encodeTime(time: Date): Uint8Array {
  const digits = `${time.toISOString().replace(/\D/g, "").slice(0, 14)}Z`
  return time.getUTCFullYear() < 2050
    ? encodeTlv(der.utcTime, ascii(digits.slice(2)))
    : encodeTlv(der.generalizedTime, ascii(digits))
}

/** An INTEGER's content that is positive and minimal. [X.690] 8.3 */
function positive(bytes: Uint8Array): Uint8Array {
  let start = 0
  while (start < bytes.length - 1 && bytes[start] === 0) start++
  const trimmed = bytes.subarray(start)
  return (trimmed[0] ?? 0) >= 0x80 ? concat(Uint8Array.of(0), trimmed) : trimmed
}
