/**
 * Where attestations of virtual YubiKeys lead: to a root whose private key is printed here, so that they are worth nothing, look
 * like Yubico's in everything else, and can be verified by whoever chooses to trust this root in a test.
 */
import { randomBytes } from "node:crypto"
import { p256 } from "@noble/curves/nist.js"
import { authorityExtension, buildCertificate, derInteger, yubicoExtension } from "./certificate.ts"
import { type FirmwareProfile, firmwareVersion } from "./firmware-profiles.ts"
import { type KeyAlgorithm, keyKinds } from "./key-algorithms.ts"

const rootKey = Uint8Array.from(Buffer.from("7465737420726f6f74206f66207669727475616c20597562694b657973212121", "hex"))
const rootName = [["commonName", "TEST ONLY virtual YubiKey PIV Root CA"]] as const
const authorityName = [["commonName", "Yubico PIV Attestation"]] as const
/** The dates that Yubico's own attestation certificates carry. */
const validity = { notBefore: new Date("2016-03-14T00:00:00Z"), notAfter: new Date("2052-04-17T00:00:00Z") }

/** The test root, self-signed, in DER. It is the same at every call. */
export function testAttestationRoot(): Uint8Array {
  return buildCertificate({
    ...validity,
    serial: Uint8Array.of(1),
    issuer: rootName,
    subject: rootName,
    subjectPublicKeyInfo: keyKinds.p256.subjectPublicKeyInfo(rootKey),
    extensions: [authorityExtension(1)],
    issuerKey: rootKey,
  })
}

/** A new attestation key for slot F9, and its certificate under the test root. */
export function attestationAuthority(profile: FirmwareProfile): { privateKey: Uint8Array; certificate: Uint8Array } {
  const privateKey = p256.utils.randomSecretKey()
  const certificate = buildCertificate({
    ...validity,
    serial: randomBytes(8),
    issuer: rootName,
    subject: authorityName,
    subjectPublicKeyInfo: keyKinds.p256.subjectPublicKeyInfo(privateKey),
    extensions: [yubicoExtension(3, firmwareVersion(profile)), authorityExtension(0)],
    issuerKey: rootKey,
  })
  return { privateKey, certificate }
}

/** What an attestation says about a key. `policies` are the two bytes of the extension. */
export type Attested = Readonly<{
  slot: number
  algorithm: KeyAlgorithm
  privateKey: Uint8Array
  policies: Uint8Array
  serial: number
}>

/** The attestation of a key that was generated in a slot ([YK] PIV attestation), signed by the attestation key. */
export function attest(profile: FirmwareProfile, key: Attested, attestationKey: Uint8Array): Uint8Array {
  const serial = Buffer.alloc(4)
  serial.writeUInt32BE(key.serial)
  return buildCertificate({
    ...validity,
    serial: randomBytes(16),
    issuer: authorityName,
    subject: [["commonName", `YubiKey PIV Attestation ${key.slot.toString(16)}`]],
    subjectPublicKeyInfo: keyKinds[key.algorithm].subjectPublicKeyInfo(key.privateKey),
    extensions: [
      yubicoExtension(3, firmwareVersion(profile)),
      yubicoExtension(7, derInteger(serial)),
      yubicoExtension(8, key.policies),
      ...(profile.formFactor === null ? [] : [yubicoExtension(9, Uint8Array.of(profile.formFactor))]),
    ],
    issuerKey: attestationKey,
  })
}
