import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, X509Certificate } from "node:crypto"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { p256KeyPair } from "#primitives"
import { concat, decodeTlvs, encodeTlv } from "../../src/apdu/tlv.ts"
import { Failure } from "../../src/failure.ts"
import { attest, attestationAuthority, testAttestationRoot } from "../../src/virtual/attestation-chain.ts"
import { authorityExtension, buildCertificate, derInteger, yubicoExtension } from "../../src/virtual/certificate.ts"
import { firmwareProfile } from "../../src/virtual/firmware-profiles.ts"
import { keyKinds } from "../../src/virtual/key-algorithms.ts"
import {
  type Expected,
  type TrustedRoots,
  trustedRoots,
  verifyAttestation,
  yubicoRoots,
} from "../../src/yubikey/attestation.ts"
import { hasRocaModulus } from "../../src/yubikey/attestation-advisories.ts"
import { yubicoAttestationPem } from "../../src/yubikey/attestation-roots.ts"
import { AttestationRefused, CertificateMalformed } from "../../src/yubikey/failures.ts"
import { YubiKeyRecipient } from "../../src/yubikey/recipient.ts"
import { type Certificate, certificatePem, pemCertificates, readCertificate } from "../../src/yubikey/x509.ts"
import { vectorText } from "../cards.ts"
import { fuzzRuns } from "../fuzz-runs.ts"

const now = new Date("2026-07-01T00:00:00Z")
const one = (name: string): Certificate => readCertificate(pemCertificates(vectorText(`attestation/${name}.pem`))[0]!)
const realKey = one("13078778-key")
const realDevice = one("13078778-device")

const profile = firmwareProfile("5.7.1")
const scalar = new Uint8Array(32).fill(7)
const recipient = new YubiKeyRecipient(p256KeyPair(scalar).publicPoint, "piv-p256")
const testRoots = trustedRoots(certificatePem(testAttestationRoot()))

/** A virtual YubiKey's attestation, and the certificate of its attestation key. */
function virtualAttestation(
  firmware = "5.7.1",
  privateKey = scalar,
): { attestation: Certificate; device: Certificate } {
  const { privateKey: signer, certificate } = attestationAuthority(firmwareProfile(firmware))
  const facts = { slot: 0x82, algorithm: "p256", privateKey, policies: Uint8Array.of(2, 3), serial: 4711 } as const
  return {
    attestation: readCertificate(attest(firmwareProfile(firmware), facts, signer)),
    device: readCertificate(certificate),
  }
}

function refusal(verify: () => unknown): string {
  try {
    verify()
  } catch (failure) {
    if (failure instanceof AttestationRefused) return failure.message
    throw failure
  }
  return "accepted"
}

describe("the attestation of a real YubiKey", () => {
  it("leads to Yubico's root, and says what is in it", () => {
    const said = verifyAttestation(realKey, [realDevice], yubicoRoots(), now)
    expect(said).toMatchObject({
      serial: 13078778,
      slot: 0x9c,
      firmware: [5, 2, 6],
      pinPolicy: "always",
      touchPolicy: "always",
      formFactor: "USB-C keychain",
      fips: false,
      cspn: false,
      chain: ["Yubico PIV Attestation", "Yubico PIV Root CA Serial 263751"],
    })
    expect(said.advisories.map(({ id }) => id)).toEqual(["YSA-2024-03"])
    expect(said.fingerprint).toBe(new X509Certificate(realKey.bytes).fingerprint256.replaceAll(":", "").toLowerCase())
  })

  it("is refused when any byte of the attestation or of its signature is another", () => {
    const roots = yubicoRoots()
    const accepted = new Set<number>()
    for (let at = 0; at < realKey.bytes.length; at++) {
      const bytes = realKey.bytes.slice()
      bytes[at] = bytes[at]! ^ 0x01
      try {
        verifyAttestation(readCertificate(bytes), [realDevice], roots, now)
        accepted.add(at)
      } catch (failure) {
        expect(failure).toBeInstanceOf(Failure)
      }
    }
    expect([...accepted]).toEqual([])
  })

  it("is refused with the attestation key of another YubiKey", () => {
    const { device } = virtualAttestation()
    expect(refusal(() => verifyAttestation(realKey, [device], yubicoRoots(), now))).toMatch(/did not sign it/)
    expect(refusal(() => verifyAttestation(realKey, [], yubicoRoots(), now))).toMatch(/is not there/)
  })
})

describe("what is bundled", () => {
  it("is what Yubico publishes for PIV, and the U2F root that some attestation keys are under", () => {
    const bundled = pemCertificates(yubicoAttestationPem).map((bytes) => new X509Certificate(bytes).fingerprint256)
    const published = pemCertificates(vectorText("attestation/yubico-piv-roots.pem")).map(
      (bytes) => new X509Certificate(bytes).fingerprint256,
    )
    expect(published.length).toBe(6)
    expect(published.filter((fingerprint) => !bundled.includes(fingerprint))).toEqual([])
    expect(bundled.filter((fingerprint) => !published.includes(fingerprint))).toEqual([
      "0F:A1:38:6F:80:EB:87:13:26:3A:E5:C1:D8:4D:EB:45:5B:DF:08:AE:A5:0A:B0:55:03:CE:FE:E8:2B:09:2D:42",
    ])
  })

  it("has three roots, and leads from PIV's intermediates of the new infrastructure to its root", () => {
    const { roots, intermediates } = yubicoRoots()
    expect(roots.map(({ subject }) => subject.commonName)).toEqual([
      "Yubico PIV Root CA Serial 263751",
      "Yubico U2F Root CA Serial 457200631",
      "Yubico Attestation Root 1",
    ])
    for (const { bytes } of intermediates) {
      const certificate = new X509Certificate(bytes)
      const issuers = [...roots, ...intermediates].map((issuer) => new X509Certificate(issuer.bytes))
      expect(
        issuers.filter((issuer) => certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)).length,
      ).toBe(1)
    }
  })
})

describe("the virtual YubiKey's attestation", () => {
  it("is not trusted unless its root is named", () => {
    const { attestation, device } = virtualAttestation()
    expect(refusal(() => verifyAttestation(attestation, [device], yubicoRoots(), now))).toMatch(
      /TEST ONLY.*which is not trusted/,
    )
    expect(verifyAttestation(attestation, [device], testRoots, now)).toMatchObject({
      serial: 4711,
      slot: 0x82,
      firmware: [5, 7, 1],
      pinPolicy: "once",
      touchPolicy: "cached",
      formFactor: "USB-A keychain",
      recipient: { text: recipient.text },
      advisories: [],
    })
  })

  it.each<{ what: string; expected: Expected; refused: RegExp }>([
    { what: "another slot", expected: { slot: 0x83 }, refused: /about slot 82, not 83/ },
    { what: "another serial", expected: { serial: 4712 }, refused: /about YubiKey 4711, not 4712/ },
    {
      what: "another key",
      expected: { recipient: new YubiKeyRecipient(p256KeyPair(new Uint8Array(32).fill(8)).publicPoint, "piv-p256") },
      refused: /about another key/,
    },
  ])("is refused for $what", ({ expected, refused }) => {
    const { attestation, device } = virtualAttestation()
    expect(refusal(() => verifyAttestation(attestation, [device], testRoots, now, expected))).toMatch(refused)
  })

  it("is about one key under both of its recipients", () => {
    const { attestation, device } = virtualAttestation()
    for (const kind of ["piv-p256", "p256tag"] as const)
      expect(
        refusal(() => verifyAttestation(attestation, [device], testRoots, now, { recipient: recipient.as(kind) })),
      ).toBe("accepted")
  })

  it("is refused outside its time", () => {
    const { attestation, device } = virtualAttestation()
    for (const then of ["2016-03-13T23:59:59Z", "2052-04-17T00:00:01Z"])
      expect(refusal(() => verifyAttestation(attestation, [device], testRoots, new Date(then)))).toMatch(
        /is valid from/,
      )
  })

  it("is refused where key and attestation key name two firmwares", () => {
    const { privateKey, certificate } = attestationAuthority(firmwareProfile("5.4.3"))
    const facts = {
      slot: 0x82,
      algorithm: "p256",
      privateKey: scalar,
      policies: Uint8Array.of(2, 3),
      serial: 1,
    } as const
    const attestation = readCertificate(attest(profile, facts, privateKey))
    expect(refusal(() => verifyAttestation(attestation, [readCertificate(certificate)], testRoots, now))).toMatch(
      /two YubiKeys/,
    )
  })
})

/** Certificates of a chain that tests bend: the root's key signs the device's, the device's key signs the slot's. */
const rootKey = new Uint8Array(32).fill(1)
const deviceKey = new Uint8Array(32).fill(2)
const validity = { notBefore: new Date("2020-01-01T00:00:00Z"), notAfter: new Date("2050-01-01T00:00:00Z") }
const named = (name: string) => [["commonName", name]] as const
const info = (key: Uint8Array): Uint8Array => keyKinds.p256.subjectPublicKeyInfo(key)
const slotExtensions = [
  yubicoExtension(3, Uint8Array.of(5, 7, 1)),
  yubicoExtension(7, derInteger(Uint8Array.of(0x12, 0x67))),
  yubicoExtension(8, Uint8Array.of(2, 2)),
]
type Bend = Readonly<{
  deviceExtensions?: readonly Uint8Array[]
  deviceName?: string
  slotName?: string
  extensions?: readonly Uint8Array[]
  rootExtensions?: readonly Uint8Array[]
}>

function bentChain(bend: Bend): { roots: TrustedRoots; device: Certificate; attestation: Certificate } {
  const build = (
    subject: string,
    issuer: string,
    key: Uint8Array,
    issuerKey: Uint8Array,
    extensions: readonly Uint8Array[],
  ) =>
    buildCertificate({
      ...validity,
      serial: Uint8Array.of(5),
      issuer: named(issuer),
      subject: named(subject),
      subjectPublicKeyInfo: info(key),
      extensions,
      issuerKey,
    })
  const deviceName = bend.deviceName ?? "Yubico PIV Attestation"
  return {
    roots: trustedRoots(
      certificatePem(build("Root", "Root", rootKey, rootKey, bend.rootExtensions ?? [authorityExtension(1)])),
    ),
    device: readCertificate(
      build(deviceName, "Root", deviceKey, rootKey, bend.deviceExtensions ?? [authorityExtension(0)]),
    ),
    attestation: readCertificate(
      build(
        bend.slotName ?? "YubiKey PIV Attestation 82",
        deviceName,
        scalar,
        deviceKey,
        bend.extensions ?? slotExtensions,
      ),
    ),
  }
}

const criticalForeign = encodeTlv(
  0x30,
  Uint8Array.of(6, 3, 0x55, 0x1d, 0x24),
  Uint8Array.of(1, 1, 0xff),
  encodeTlv(4, Uint8Array.of(5, 0)),
)
const noAuthority = encodeTlv(0x30, Uint8Array.of(6, 3, 0x55, 0x1d, 0x13), encodeTlv(4, Uint8Array.of(0x30, 0)))
const usage = (bits: number): Uint8Array =>
  encodeTlv(0x30, Uint8Array.of(6, 3, 0x55, 0x1d, 0x0f), encodeTlv(4, Uint8Array.of(3, 2, 1, bits)))

describe("a chain", () => {
  it.each<{ what: string; bend: Bend; outcome: RegExp }>([
    { what: "in order", bend: {}, outcome: /^accepted$/ },
    {
      what: "of an older YubiKey, whose attestation key is not marked as an authority",
      bend: { deviceExtensions: [] },
      outcome: /^accepted$/,
    },
    {
      what: "under a root whose own path length is too small, as the U2F root's is",
      bend: { rootExtensions: [authorityExtension(0)] },
      outcome: /^accepted$/,
    },
    {
      what: "with an unmarked authority of another name",
      bend: { deviceExtensions: [], deviceName: "YubiKey PIV Attestation 83" },
      outcome: /may sign no certificates/,
    },
    {
      what: "with a certificate that says that it is no authority",
      bend: { deviceExtensions: [noAuthority] },
      outcome: /may sign no certificates/,
    },
    {
      what: "with an authority whose key may not sign certificates",
      bend: { deviceExtensions: [authorityExtension(0), usage(0x80)] },
      outcome: /may sign no certificates/,
    },
    {
      what: "with an authority whose key may",
      bend: { deviceExtensions: [authorityExtension(0), usage(0x06)] },
      outcome: /^accepted$/,
    },
    {
      what: "with a critical extension that is not known",
      bend: { extensions: [...slotExtensions, criticalForeign] },
      outcome: /critical extension/,
    },
    { what: "for a slot that is none", bend: { slotName: "YubiKey PIV Attestation f9" }, outcome: /names no slot/ },
    {
      what: "for a certificate that is no attestation",
      bend: { slotName: "age identity" },
      outcome: /no attestation of a slot/,
    },
    {
      what: "without a serial number",
      bend: { extensions: [slotExtensions[0]!, slotExtensions[2]!] },
      outcome: /serial number/,
    },
    { what: "without a firmware", bend: { extensions: slotExtensions.slice(1) }, outcome: /firmware/ },
    { what: "without policies", bend: { extensions: slotExtensions.slice(0, 2) }, outcome: /policy/ },
    {
      what: "with policies that are none",
      bend: { extensions: [...slotExtensions.slice(0, 2), yubicoExtension(8, Uint8Array.of(2, 9))] },
      outcome: /policy cannot be read/,
    },
    {
      what: "with a serial number that is none",
      bend: { extensions: [slotExtensions[0]!, yubicoExtension(7, Uint8Array.of(4, 1, 1)), slotExtensions[2]!] },
      outcome: /serial number cannot be read/,
    },
  ])("$what", ({ bend, outcome }) => {
    const { roots, device, attestation } = bentChain(bend)
    expect(refusal(() => verifyAttestation(attestation, [device], roots, now))).toMatch(outcome)
  })

  it("does not let a slot's key attest another: only what may sign does", () => {
    const { roots, device } = bentChain({})
    const slot = bentChain({ slotName: "YubiKey PIV Attestation 82" }).attestation
    const forged = readCertificate(
      buildCertificate({
        ...validity,
        serial: Uint8Array.of(6),
        issuer: named("YubiKey PIV Attestation 82"),
        subject: named("YubiKey PIV Attestation 83"),
        subjectPublicKeyInfo: info(new Uint8Array(32).fill(9)),
        extensions: slotExtensions,
        issuerKey: scalar,
      }),
    )
    expect(refusal(() => verifyAttestation(forged, [slot, device], roots, now))).toMatch(/may sign no certificates/)
  })

  it("ends where two certificates sign each other", () => {
    const make = (subject: string, issuer: string, key: Uint8Array, issuerKey: Uint8Array): Certificate =>
      readCertificate(
        buildCertificate({
          ...validity,
          serial: Uint8Array.of(7),
          issuer: named(issuer),
          subject: named(subject),
          subjectPublicKeyInfo: info(key),
          extensions: [authorityExtension(9)],
          issuerKey,
        }),
      )
    const { attestation } = bentChain({ deviceName: "A" })
    const ring = [make("A", "B", deviceKey, rootKey), make("B", "A", rootKey, deviceKey)]
    expect(refusal(() => verifyAttestation(attestation, ring, testRoots, now))).toMatch(/did not sign it|not trusted/)
  })

  it("calls a slot's own certificate worth nothing", () => {
    const own = readCertificate(
      buildCertificate({
        ...validity,
        serial: Uint8Array.of(8),
        issuer: named("age identity 1"),
        subject: named("age identity 1"),
        subjectPublicKeyInfo: info(scalar),
        extensions: slotExtensions,
        issuerKey: scalar,
      }),
    )
    expect(refusal(() => verifyAttestation(own, [], testRoots, now))).toMatch(/proves nothing/)
  })

  it("is signed with RSA too, by hashes that YubiKeys' makers use", () => {
    const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 })
    const { roots } = bentChain({})
    const spki = new Uint8Array(publicKey.export({ type: "spki", format: "der" }))
    const device = buildCertificate({
      ...validity,
      serial: Uint8Array.of(5),
      issuer: named("Root"),
      subject: named("Yubico PIV Attestation"),
      subjectPublicKeyInfo: spki,
      extensions: [],
      issuerKey: rootKey,
    })
    const { attestation } = bentChain({})
    const rsa = Uint8Array.from(Buffer.from("300d06092a864886f70d01010b0500", "hex"))
    const fields = decodeTlvs(decodeTlvs(attestation.signed)[0]!.value)
    const signed = encodeTlv(
      0x30,
      ...fields.map(({ tag, value }, index) => (index === 2 ? rsa : encodeTlv(tag, value))),
    )
    const signature = sign("sha256", signed, createPrivateKey(privateKey.export({ type: "pkcs8", format: "pem" })))
    const slot = readCertificate(encodeTlv(0x30, signed, rsa, encodeTlv(3, Uint8Array.of(0), signature)))
    expect(refusal(() => verifyAttestation(slot, [readCertificate(device)], roots, now))).toBe("accepted")
  })
})

describe("advisories", () => {
  it.each([
    { firmware: "4.3.5", ids: ["YSA-2024-03"] },
    { firmware: "5.4.3", ids: ["YSA-2024-03"] },
    { firmware: "5.7.1", ids: [] },
  ])("name what concerns firmware $firmware", ({ firmware, ids }) => {
    const { attestation, device } = virtualAttestation(firmware)
    expect(verifyAttestation(attestation, [device], testRoots, now).advisories.map(({ id }) => id)).toEqual(ids)
  })

  it.each([
    { firmware: [4, 2, 5], roca: false },
    { firmware: [4, 2, 6], roca: true },
    { firmware: [4, 3, 4], roca: true },
    { firmware: [4, 3, 5], roca: false },
  ])("name ROCA for RSA keys of firmware $firmware: $roca", ({ firmware, roca }) => {
    const { roots, device, attestation } = bentChain({
      extensions: [yubicoExtension(3, Uint8Array.from(firmware)), ...slotExtensions.slice(1)],
    })
    const ids = verifyAttestation(attestation, [device], roots, now).advisories.map(({ id }) => id)
    expect(ids.includes("YSA-2017-01")).toBe(roca)
  })

  it("tell an RSA key that can be factored from others", () => {
    const primorial = [
      2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107,
      109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
    ].reduce((product, prime) => product * BigInt(prime), 1n)
    let power = 1n
    for (let index = 0; index < 12345; index++) power = (power * 65537n) % primorial
    const modulus = (((1n << 2047n) + 12345n) / primorial) * primorial + primorial + power
    const n = Buffer.from(modulus.toString(16).padStart(512, "0"), "hex").toString("base64url")
    expect(hasRocaModulus(createPublicKey({ key: { kty: "RSA", n, e: "AQAB" }, format: "jwk" }))).toBe(true)
    expect(hasRocaModulus(realDevice.key)).toBe(false)
    expect(hasRocaModulus(realKey.key)).toBe(false)
  })
})

describe("a certificate", () => {
  it("is read where lengths are longer than they need be, which is not DER", () => {
    const { attestation, device } = virtualAttestation()
    // The public key's length in three bytes, as another maker's cards write it, signed as it stands.
    const fields = decodeTlvs(decodeTlvs(attestation.signed)[0]!.value)
    const key = decodeTlvs(fields[6]!.value)
    const long = concat(Uint8Array.of(3, 0x82, 0, key[1]!.value.length), key[1]!.value)
    const bent = encodeTlv(0x30, encodeTlv(0x30, key[0]!.value), long)
    const signed = encodeTlv(
      0x30,
      ...fields.map(({ tag, value }, index) => (index === 6 ? bent : encodeTlv(tag, value))),
    )
    const own = readCertificate(
      encodeTlv(
        0x30,
        signed,
        ...decodeTlvs(decodeTlvs(attestation.bytes)[0]!.value)
          .slice(1)
          .map(({ tag, value }) => encodeTlv(tag, value)),
      ),
    )
    expect(own.point).toEqual(attestation.point)
    // It was signed before it was bent.
    expect(refusal(() => verifyAttestation(own, [device], testRoots, now))).toMatch(/did not sign it/)
  })

  it("of any bytes is read, or refused with a failure of its own", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        try {
          readCertificate(bytes)
        } catch (failure) {
          expect(failure).toBeInstanceOf(CertificateMalformed)
        }
      }),
      { numRuns: fuzzRuns },
    )
  })

  it("with any bytes changed is read, or refused with a failure of its own", () => {
    fc.assert(
      fc.property(
        fc.nat(realKey.bytes.length - 1),
        fc.nat(255),
        fc.nat(realKey.bytes.length - 1),
        fc.nat(255),
        (a, x, b, y) => {
          const bytes = realKey.bytes.slice()
          bytes[a] = x
          bytes[b] = y
          try {
            readCertificate(bytes)
          } catch (failure) {
            expect(failure).toBeInstanceOf(CertificateMalformed)
          }
        },
      ),
      { numRuns: fuzzRuns },
    )
  })

  it("goes through PEM and back", () => {
    expect(pemCertificates(`x\n${certificatePem(realKey.bytes)}y\n${certificatePem(realDevice.bytes)}`)).toEqual([
      realKey.bytes,
      realDevice.bytes,
    ])
    expect(() => trustedRoots("nothing")).toThrow(AttestationRefused)
  })
})
