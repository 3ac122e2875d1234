/**
 * X.509 certificates as attestation needs them. [RFC 5280] 4.1. Read with code of ours, since YubiKeys and other cards write
 * certificates that are not strictly DER (lengths in the long form where the short one would do), which OpenSSL refuses.
 */
import { createPublicKey, type KeyObject, verify } from "node:crypto"
import { AnswerMalformed } from "../apdu/failures.ts"
import { decodeTlvs, encodeTlv, type Tlv } from "../apdu/tlv.ts"
import { CertificateMalformed } from "./failures.ts"
import { der, oid, readName, readPoint, readTime } from "./slot-certificate.ts"

/** `value` is the content of the OCTET STRING; `oid` in dots. */
export type Extension = Readonly<{ oid: string; critical: boolean; value: Uint8Array }>

export type Certificate = Readonly<{
  /** As it was read. */
  bytes: Uint8Array
  /** The names in canonical DER, to compare, and their common names, to show. */
  subject: Readonly<{ canonical: Uint8Array; commonName: string }>
  issuer: Readonly<{ canonical: Uint8Array; commonName: string }>
  notBefore: Date
  notAfter: Date
  key: KeyObject
  /** The P-256 key, 65 bytes uncompressed, or null for keys of other kinds. */
  point: Uint8Array | null
  extensions: readonly Extension[]
  /** What was signed, as it stands in the certificate. */
  signed: Uint8Array
  signature: Readonly<{ hash: "sha256" | "sha384" | "sha512"; bytes: Uint8Array }>
}>

/** Signature algorithms by object identifier. [RFC 8017] appendix C for RSA (PKCS #1 v1.5), [RFC 5758] 3.2 for ECDSA. */
const signatureHashes: Readonly<Record<string, Certificate["signature"]["hash"]>> = {
  "1.2.840.113549.1.1.11": "sha256",
  "1.2.840.113549.1.1.12": "sha384",
  "1.2.840.113549.1.1.13": "sha512",
  "1.2.840.10045.4.3.2": "sha256",
  "1.2.840.10045.4.3.3": "sha384",
  "1.2.840.10045.4.3.4": "sha512",
}

/**
 * Reads a certificate.
 * @param bytes - DER, or BER with definite lengths
 * @throws CertificateMalformed when it is none, or its key or signature is of a kind that no attestation has
 */
export function readCertificate(bytes: Uint8Array): Certificate {
  try {
    return parse(bytes)
  } catch (failure) {
    if (failure instanceof AnswerMalformed) throw new CertificateMalformed(failure.message, { cause: failure })
    throw failure
  }
}

function parse(bytes: Uint8Array): Certificate {
  const outer = decodeTlvs(bytes)
  const certificate = outer[0]
  if (outer.length !== 1 || certificate?.tag !== der.sequence) throw new CertificateMalformed("it is no sequence")
  const [signedPart, algorithm, signature] = decodeTlvs(certificate.value)
  if (signedPart?.tag !== der.sequence || algorithm?.tag !== der.sequence || signature?.tag !== der.bitString)
    throw new CertificateMalformed("its three parts are not there")
  // [X.690] 8.6.2.2: signatures are whole bytes, with no bits to leave out.
  if (signature.value[0] !== 0) throw new CertificateMalformed("its signature is no whole number of bytes")
  const all = decodeTlvs(signedPart.value)
  const versioned = all[0]?.tag === der.version
  const fields = versioned ? all.slice(1) : all
  const [, innerAlgorithm, issuer, validity, subject, info] = fields
  if (innerAlgorithm === undefined || issuer === undefined || validity === undefined)
    throw new CertificateMalformed("it is cut short")
  if (subject === undefined || info === undefined) throw new CertificateMalformed("it is cut short")
  // [RFC 5280] 4.1.1.2: the algorithm outside must be the one inside, which is signed.
  if (!Buffer.from(canonical(innerAlgorithm)).equals(canonical(algorithm)))
    throw new CertificateMalformed("its two signature algorithms differ")
  const hash = signatureHashes[oidText(decodeTlvs(algorithm.value)[0]?.value ?? new Uint8Array())]
  if (hash === undefined) throw new CertificateMalformed("its signature algorithm is not known")
  const [notBefore, notAfter] = decodeTlvs(validity.value).map(readTime)
  if (notBefore === undefined || notBefore === null || notAfter === undefined || notAfter === null)
    throw new CertificateMalformed("its validity is no two times")
  const end = signedPart.value.byteOffset + signedPart.value.length
  return {
    bytes,
    subject: nameOf(subject),
    issuer: nameOf(issuer),
    notBefore,
    notAfter,
    key: keyOf(info),
    point: readPoint(info.value),
    extensions: readExtensions(fields.find(({ tag }) => tag === der.extensions)?.value),
    signed: bytes.subarray(certificate.value.byteOffset - bytes.byteOffset, end - bytes.byteOffset),
    signature: { hash, bytes: signature.value.subarray(1) },
  }
}

/** The same object with minimal lengths all through, so that two encodings of one thing compare equal. */
function canonical({ tag, value }: Tlv): Uint8Array {
  const constructed = (tag & 0x20) !== 0
  return constructed ? encodeTlv(tag, ...decodeTlvs(value).map(canonical)) : encodeTlv(tag, value)
}

function nameOf(name: Tlv): Certificate["subject"] {
  const commonName = readName(name.value).find(({ type }) => Buffer.from(type).equals(oid.commonName))
  return { canonical: canonical(name), commonName: commonName?.value ?? "" }
}

function keyOf(info: Tlv): KeyObject {
  try {
    return createPublicKey({ key: Buffer.from(canonical(info)), format: "der", type: "spki" })
  } catch (cause) {
    throw new CertificateMalformed("its public key cannot be read", { cause })
  }
}

/** An object identifier in dots. [X.690] 8.19 */
function oidText(content: Uint8Array): string {
  const arcs: bigint[] = []
  let arc = 0n
  for (const byte of content) {
    arc = (arc << 7n) | BigInt(byte & 0x7f)
    if ((byte & 0x80) !== 0) continue
    if (arcs.length === 0) {
      const first = arc < 40n ? 0n : arc < 80n ? 1n : 2n
      arcs.push(first, arc - first * 40n)
    } else arcs.push(arc)
    arc = 0n
  }
  return arcs.join(".")
}

function readExtensions(extensions: Uint8Array | undefined): Extension[] {
  if (extensions === undefined) return []
  const read = decodeTlvs(decodeTlvs(extensions)[0]?.value ?? new Uint8Array()).map((extension): Extension => {
    const parts = decodeTlvs(extension.value)
    const [name, second] = parts
    const value = parts.at(-1)
    if (name?.tag !== der.oid || value?.tag !== der.octetString)
      throw new CertificateMalformed("an extension is broken")
    return { oid: oidText(name.value), critical: second?.tag === 1 && second.value[0] !== 0, value: value.value }
  })
  // [RFC 5280] 4.2: whoever read the second of two would read another certificate than whoever reads the first.
  if (new Set(read.map(({ oid: name }) => name)).size !== read.length)
    throw new CertificateMalformed("an extension stands in it twice")
  return read
}

/** The content of an extension, or null. */
export function extensionValue(certificate: Certificate, name: string): Uint8Array | null {
  return certificate.extensions.find(({ oid: other }) => other === name)?.value ?? null
}

/** Whether `issuer` has signed `certificate`, names and signature alike; no word on what it may sign, or when. */
export function isSignedBy(certificate: Certificate, issuer: Certificate): boolean {
  if (!Buffer.from(certificate.issuer.canonical).equals(issuer.subject.canonical)) return false
  try {
    return verify(certificate.signature.hash, certificate.signed, issuer.key, certificate.signature.bytes)
  } catch {
    // A signature that is none of the key's kind.
    return false
  }
}

/** The certificates of PEM text, in order; text between them is passed over. [RFC 7468] 2, 5. */
export function pemCertificates(text: string): Uint8Array[] {
  return [...text.matchAll(/-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]*)-----END CERTIFICATE-----/g)].map(
    ([, body = ""]) => new Uint8Array(Buffer.from(body, "base64")),
  )
}

/** A certificate as PEM, with its final line feed. */
export function certificatePem(bytes: Uint8Array): string {
  const lines =
    Buffer.from(bytes)
      .toString("base64")
      .match(/.{1,64}/g) ?? []
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`
}
