import { X509Certificate } from "node:crypto"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { Failure } from "../../src/failure.ts"
import { certificateToSign, readSlotCertificate, signedCertificate } from "../../src/yubikey/slot-certificate.ts"
import { vectorText } from "../cards.ts"

const der = (name: string): Uint8Array =>
  new Uint8Array(new X509Certificate(vectorText(`certificates/${name}.pem`)).raw)

const point = Uint8Array.from(
  Buffer.from(
    "04d2d3b0eba82a9cab5206ec823614c83c9ffdd52cc5389879bad9f3eaf6f417f9b9a3529688fde9dc981d4adb508e19dc256b02b37db1bbe17093d7828700a498",
    "hex",
  ),
)
const fields = {
  point,
  name: "age identity 1fce13c0",
  version: "0.1.0",
  serial: Uint8Array.of(0, 0x80, ...new Uint8Array(18).fill(7)),
  created: new Date("2021-01-09T17:37:57Z"),
  pinPolicy: "once",
  touchPolicy: "cached",
} as const

describe("a slot certificate", () => {
  it("that we write reads back, and is X.509 to others", () => {
    const certificate = signedCertificate(
      certificateToSign(fields),
      Uint8Array.from(Buffer.from("3006020101020101", "hex")),
    )
    expect(readSlotCertificate(certificate)).toEqual({
      point,
      ours: true,
      name: fields.name,
      version: "0.1.0",
      created: fields.created,
      pinPolicy: "once",
      touchPolicy: "cached",
    })
    const other = new X509Certificate(certificate)
    expect(other.subject).toBe("O=age-plugin-yubikey\nOU=0.1.0\nCN=age identity 1fce13c0")
    expect(other.serialNumber).toBe(`80${"07".repeat(18)}`)
    expect(other.validTo).toContain("9999")
    expect(other.publicKey.export({ format: "jwk" })).toMatchObject({ crv: "P-256" })
  })

  it("of 2050 and later has its time in the long form", () => {
    const created = new Date("2051-02-03T04:05:06Z")
    const certificate = signedCertificate(certificateToSign({ ...fields, created }), Uint8Array.of(0x30, 0))
    expect(readSlotCertificate(certificate).created).toEqual(created)
  })

  it.each([
    { file: "rsa4096", ours: false, name: "somebody else", p256: false },
    { file: "ed25519", ours: false, name: "ed", p256: false },
    { file: "p384", ours: false, name: "p384", p256: false },
    { file: "p256-critical", ours: false, name: "Example, critical", p256: true },
    { file: "p256-text-extension", ours: true, name: "broken extension", p256: true },
  ])("by another program ($file) is read as far as it goes", ({ file, ours, name, p256 }) => {
    const certificate = readSlotCertificate(der(file))
    expect(certificate).toMatchObject({ ours, name, pinPolicy: null, touchPolicy: null })
    expect(certificate.point !== null).toBe(p256)
  })

  it("may mark its policies as critical", () => {
    expect(readSlotCertificate(der("p256-critical-policy"))).toMatchObject({ pinPolicy: "once", touchPolicy: "cached" })
  })

  it("that was damaged anywhere gives a failure or a certificate, never anything else", () => {
    const whole = signedCertificate(certificateToSign(fields), Uint8Array.of(0x30, 0))
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.integer({ min: 0, max: 255 }), fc.nat(whole.length), (at, byte, end) => {
        const damaged = whole.slice(0, end)
        if (at < end) damaged[at] = byte
        try {
          readSlotCertificate(damaged)
        } catch (failure) {
          expect(failure).toBeInstanceOf(Failure)
        }
      }),
      { numRuns: 1000 },
    )
  })
})
