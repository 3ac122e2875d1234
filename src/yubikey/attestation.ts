/**
 * Whether a key is in a YubiKey: the attestation of a slot, signed by the attestation key F9, which Yubico has signed. [YK] "PIV
 * attestation": the extensions under 1.3.6.1.4.1.41482.3 and the subject. The chain is verified by [RFC 5280] 6.1, with what real YubiKeys
 * want: see `maySign`.
 */
import { createHash } from "node:crypto"
import { slotText } from "../failure.ts"
import { type Firmware, firmwareText } from "../piv/firmware.ts"
import { type PinPolicy, pinPolicyOf, type TouchPolicy, touchPolicyOf } from "../piv/metadata.ts"
import { parseSlot, type Slot } from "../piv/slots.ts"
import { printable, quote } from "../quote.ts"
import { type Advisory, advisoriesFor } from "./attestation-advisories.ts"
import { yubicoAttestationPem } from "./attestation-roots.ts"
import { AttestationRefused } from "./failures.ts"
import { YubiKeyRecipient } from "./recipient.ts"
import { type Certificate, extensionValue, isSignedBy, pemCertificates, readCertificate } from "./x509.ts"

/** What an attestation that holds says. */
export type Attestation = Readonly<{
  slot: Slot
  serial: number
  firmware: Firmware
  pinPolicy: PinPolicy
  touchPolicy: TouchPolicy
  /** In words, or null where the firmware does not tell. */
  formFactor: string | null
  fips: boolean
  cspn: boolean
  /** The attested P-256 key: 65 bytes uncompressed, and as a recipient. */
  point: Uint8Array
  recipient: YubiKeyRecipient
  /** Common names, from the attestation key's certificate to the root. */
  chain: readonly string[]
  /** SHA-256 of the slot's attestation, in hex. */
  fingerprint: string
  advisories: readonly Advisory[]
}>

/** What the attestation must be about; what is left out is not compared. */
export type Expected = Readonly<{ recipient?: YubiKeyRecipient; serial?: number; slot?: Slot }>

/** Roots are trusted as they are; intermediates only lead to them. */
export type TrustedRoots = Readonly<{ roots: readonly Certificate[]; intermediates: readonly Certificate[] }>

const arc = "1.3.6.1.4.1.41482.3"
const extension = {
  firmware: `${arc}.3`,
  serial: `${arc}.7`,
  policies: `${arc}.8`,
  formFactor: `${arc}.9`,
  fips: `${arc}.10`,
  cspn: `${arc}.11`,
  basicConstraints: "2.5.29.19",
  keyUsage: "2.5.29.15",
} as const

/** [YK] form factors; the top bit says FIPS, the next one Security Key. */
const formFactors = [
  null,
  "USB-A keychain",
  "USB-A nano",
  "USB-C keychain",
  "USB-C nano",
  "USB-C and Lightning",
  "USB-A with fingerprint reader",
  "USB-C with fingerprint reader",
]

/** What the subject of an attestation begins with; the slot follows. */
const subjectStart = "YubiKey PIV Attestation "
/** What the attestation key's certificate is called from the factory. */
const deviceSubject = "Yubico PIV Attestation"

/** Yubico's roots and intermediates. */
export function yubicoRoots(): TrustedRoots {
  return trustedRoots(yubicoAttestationPem)
}

/**
 * Reads certificates that are to be trusted. The self-signed ones become roots, the others intermediates; without a self-signed one, all are roots.
 * @param pem - one or more certificates
 * @throws CertificateMalformed; AttestationRefused when there is none
 */
export function trustedRoots(pem: string): TrustedRoots {
  const certificates = pemCertificates(pem).map(readCertificate)
  if (certificates.length === 0)
    throw new AttestationRefused("no certificate that could be trusted", { hint: "a root is a file in PEM" })
  const roots = certificates.filter((certificate) => isSignedBy(certificate, certificate))
  return roots.length === 0
    ? { roots: certificates, intermediates: [] }
    : { roots, intermediates: certificates.filter((certificate) => !roots.includes(certificate)) }
}

/** Whether a certificate calls itself a slot's attestation. */
export function isSlotAttestation({ subject }: Certificate): boolean {
  return subject.commonName.startsWith(subjectStart)
}

/**
 * Verifies an attestation.
 * @param attestation - of the slot
 * @param others - the attestation key's certificate, and whatever leads from it to a root
 * @throws AttestationRefused saying what is wrong
 */
export function verifyAttestation(
  attestation: Certificate,
  others: readonly Certificate[],
  trusted: TrustedRoots,
  now: Date,
  expected: Expected = {},
): Attestation {
  requireAttestation(attestation)
  const chain = chainOf(attestation, others, trusted, now)
  const [device] = chain
  const said = claims(attestation)
  const deviceFirmware = device === undefined ? null : extensionValue(device, extension.firmware)
  if (deviceFirmware !== null && firmwareText(firmwareIn(deviceFirmware)) !== firmwareText(said.firmware))
    throw new AttestationRefused(
      `the key's attestation names firmware ${firmwareText(said.firmware)}, the attestation key's certificate ${firmwareText(firmwareIn(deviceFirmware))}: they are of two YubiKeys`,
    )
  requireExpected(said, expected)
  return {
    ...said,
    chain: chain.map(({ subject }) => subject.commonName),
    fingerprint: createHash("sha256").update(attestation.bytes).digest("hex"),
    advisories: advisoriesFor(said.firmware, device),
  }
}

function requireAttestation(certificate: Certificate): void {
  if (isSlotAttestation(certificate)) return
  const { subject, issuer } = certificate
  if (Buffer.from(subject.canonical).equals(issuer.canonical))
    throw new AttestationRefused(
      `${quote(subject.commonName)} is signed by itself: a slot's own certificate proves nothing, anybody can make one`,
    )
  throw new AttestationRefused(`${quote(subject.commonName)} is no attestation of a slot`)
}

/** The chain from the attestation key's certificate to a root. */
function chainOf(
  attestation: Certificate,
  others: readonly Certificate[],
  { roots, intermediates }: TrustedRoots,
  now: Date,
): Certificate[] {
  requireUsable(attestation, now)
  const candidates = [...others, ...intermediates]
  const chain: Certificate[] = []
  let at = attestation
  // As many as there are certificates, so that two that sign each other end somewhere.
  for (let step = 0; step <= candidates.length; step++) {
    const root = roots.find((candidate) => isSignedBy(at, candidate))
    if (root !== undefined) {
      // A root's own path length is not looked at: it is trusted as a name and a key. [RFC 5280] 6.1.1 (d)
      if (chain.length === 0)
        throw new AttestationRefused("a root has signed it itself, where an attestation key should")
      requireUsable(root, now)
      return [...chain, root]
    }
    const issuer = candidates.find((candidate) => !chain.includes(candidate) && isSignedBy(at, candidate))
    if (issuer === undefined) throw noIssuer(at, attestation, [...candidates, ...roots])
    requireUsable(issuer, now)
    maySign(issuer, chain.length)
    chain.push(issuer)
    at = issuer
  }
  throw new AttestationRefused("its chain leads nowhere")
}

function noIssuer(at: Certificate, attestation: Certificate, known: readonly Certificate[]): AttestationRefused {
  const named = known.find(({ subject }) => Buffer.from(subject.canonical).equals(at.issuer.canonical))
  const issuer = quote(at.issuer.commonName)
  if (named !== undefined)
    return new AttestationRefused(
      `${quote(at.subject.commonName)} was forged or altered, or is of another YubiKey: ${issuer} did not sign it`,
    )
  if (at === attestation)
    return new AttestationRefused(`the certificate of ${issuer}, which has signed it, is not there`, {
      hint: "it is in slot f9 of the YubiKey; ts-age-yk yubikey attest puts both into one file",
    })
  return new AttestationRefused(`it leads to ${issuer}, which is not trusted`, {
    hint: "only Yubico's roots are, unless you name another with --root: for YubiKeys that got an attestation key of yours",
  })
}

function requireUsable(certificate: Certificate, now: Date): void {
  const name = quote(certificate.subject.commonName)
  if (now < certificate.notBefore || now > certificate.notAfter)
    throw new AttestationRefused(
      `${name} is valid from ${certificate.notBefore.toISOString().slice(0, 10)} to ${certificate.notAfter.toISOString().slice(0, 10)}, and now is ${now.toISOString().slice(0, 10)}`,
      { hint: "look at this computer's clock" },
    )
  const known: readonly string[] = [extension.basicConstraints, extension.keyUsage]
  const foreign = certificate.extensions.find(({ oid, critical }) => critical && !known.includes(oid))
  if (foreign !== undefined)
    throw new AttestationRefused(`${name} has a critical extension that is not known: ${foreign.oid}`)
}

/**
 * Whether a certificate may sign others. Attestation keys of older YubiKeys have no basicConstraints, although [RFC 5280] 4.2.1.9 wants
 * them: that alone is let pass, and only right above the attestation, under the name that they have from the factory.
 * @param below - how many authorities stand between it and the attestation
 */
function maySign(issuer: Certificate, below: number): void {
  const name = quote(issuer.subject.commonName)
  const constraints = extensionValue(issuer, extension.basicConstraints)
  if (constraints === null) {
    if (below > 0 || issuer.subject.commonName !== deviceSubject)
      throw new AttestationRefused(`${name} may sign no certificates`)
    return
  }
  // SEQUENCE { BOOLEAN TRUE, INTEGER pathLen OPTIONAL }, of a few bytes.
  const match = /^30..(0101ff)?(?:0201(..))?$/.exec(Buffer.from(constraints).toString("hex"))
  if (match?.[1] === undefined) throw new AttestationRefused(`${name} may sign no certificates`)
  if (match[2] !== undefined && below > Number.parseInt(match[2], 16))
    throw new AttestationRefused(`the chain below ${name} is longer than it allows`)
  const usage = extensionValue(issuer, extension.keyUsage)
  // BIT STRING, bit 5: keyCertSign. [RFC 5280] 4.2.1.3
  if (usage !== null && ((usage[3] ?? 0) & 0x04) === 0) throw new AttestationRefused(`${name} may sign no certificates`)
}

type Claims = Omit<Attestation, "chain" | "fingerprint" | "advisories">

function claims(attestation: Certificate): Claims {
  const slot = parseSlot(`0x${attestation.subject.commonName.slice(subjectStart.length)}`)
  if (slot === null) throw new AttestationRefused(`it names no slot: ${quote(attestation.subject.commonName)}`)
  const { point } = attestation
  if (point === null) throw new AttestationRefused("the attested key is not a P-256 key, so it is no age recipient")
  const policies = required(attestation, extension.policies, "PIN and touch policy")
  const [pinPolicy, touchPolicy] = [pinPolicyOf(policies[0]), touchPolicyOf(policies[1])]
  if (policies.length !== 2 || pinPolicy === null || touchPolicy === null)
    throw new AttestationRefused("its PIN and touch policy cannot be read")
  const form = extensionValue(attestation, extension.formFactor)?.[0]
  return {
    slot,
    serial: serialIn(required(attestation, extension.serial, "serial number")),
    firmware: firmwareIn(required(attestation, extension.firmware, "firmware version")),
    pinPolicy,
    touchPolicy,
    formFactor: form === undefined ? null : (formFactors[form & 0x3f] ?? `unknown (${form})`),
    fips: ((form ?? 0) & 0x80) !== 0 || extensionValue(attestation, extension.fips) !== null,
    cspn: extensionValue(attestation, extension.cspn) !== null,
    point,
    recipient: new YubiKeyRecipient(point, "piv-p256"),
  }
}

function required(attestation: Certificate, name: string, what: string): Uint8Array {
  const value = extensionValue(attestation, name)
  if (value === null) throw new AttestationRefused(`it does not tell the ${what}`)
  return value
}

function firmwareIn(value: Uint8Array): Firmware {
  const [major, minor, patch] = value
  if (value.length !== 3 || major === undefined || minor === undefined || patch === undefined)
    throw new AttestationRefused("its firmware version cannot be read")
  return [major, minor, patch]
}

/** A DER INTEGER of at most 32 bits. */
function serialIn(value: Uint8Array): number {
  const digits = value.subarray(2)
  const number = Number.parseInt(Buffer.from(digits).toString("hex") || "x", 16)
  if (value[0] !== 2 || value[1] !== digits.length || Number.isNaN(number) || number > 0xffffffff)
    throw new AttestationRefused("its serial number cannot be read")
  return number
}

function requireExpected(said: Claims, expected: Expected): void {
  if (expected.slot !== undefined && expected.slot !== said.slot)
    throw new AttestationRefused(`it is about slot ${slotText(said.slot)}, not ${slotText(expected.slot)}`)
  if (expected.serial !== undefined && expected.serial !== said.serial)
    throw new AttestationRefused(`it is about YubiKey ${said.serial}, not ${expected.serial}`)
  // By the key, not by the text: age1yubikey1 and age1tag1 are two names of one key.
  if (expected.recipient !== undefined && !Buffer.from(expected.recipient.point).equals(said.point))
    throw new AttestationRefused(
      `it is about another key: ${said.recipient.text}, not ${printable(expected.recipient.text)}`,
    )
}
