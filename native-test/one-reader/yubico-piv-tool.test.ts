import { generateKeyPairSync } from "node:crypto"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { newCard } from "../../src/virtual/index.ts"
import { defaultManagementKey, insert, newYkman, run, scratch } from "../harness.ts"

const tool = (args: readonly string[]) => run("yubico-piv-tool", args)

describe("yubico-piv-tool", () => {
  it("reads status, CHUID and CCC that it wrote itself", async () => {
    await using inserted = await insert(newCard({ firmware: "5.4.3", serial: 27182818 }))
    expect((await tool(["-a", "set-chuid", "-a", "set-ccc"])).all).toContain("Successfully set new CHUID")
    const { stdout } = await tool(["-a", "status"])
    expect(stdout).toMatch(/Version:\s+5\.4\.3/)
    expect(stdout).toMatch(/Serial Number:\s+27182818/)
    expect(stdout).toMatch(/CHUID:\s+3019d4e739/)
    expect(stdout).toMatch(/PIN tries left:\s+3/)
    expect(Object.keys(inserted.card.state.objects)).toEqual(["5fff01", "5fc102", "5fc107"])
  })

  it("counts a wrong PIN, and unblocks with the PUK", async () => {
    await using inserted = await insert(newCard({ firmware: "5.4.3" }))
    expect((await tool(["-a", "verify-pin", "-P", "999999"])).all).toContain("2 tries left")
    await tool(["-a", "verify-pin", "-P", "999999"])
    await tool(["-a", "verify-pin", "-P", "999999"])
    expect(inserted.card.state.pin.triesLeft).toBe(0)
    const unblocked = await tool(["-a", "unblock-pin", "-P", "12345678", "-N", "314159"])
    expect(unblocked.all).toContain("Successfully unblocked the pin code")
    expect((await tool(["-a", "verify-pin", "-P", "314159"])).all).toContain("Successfully verified PIN")
  })

  it.each([
    { firmware: "4.3.5", algorithm: "ECCP256" },
    { firmware: "5.4.3", algorithm: "ECCP384" },
    { firmware: "5.4.3", algorithm: "RSA2048" },
  ])("generates a $algorithm key on a $firmware and tests its signature", async ({ firmware, algorithm }) => {
    await using inserted = await insert(newCard({ firmware }))
    const folder = scratch()
    const [key, certificate] = [join(folder, "key.pem"), join(folder, "certificate.pem")]
    const generated = await tool(["-a", "generate", "-s", "9a", "-A", algorithm, "-o", key])
    expect(generated.all).toContain("Successfully generated a new private key")
    // Its own selfsign fails before it sends an APDU (OpenSSL 3), so another client signs the certificate.
    const sign = ["piv", "certificates", "generate", "-m", defaultManagementKey, "-P", "123456", "-s", "CN=tested"]
    expect((await run(newYkman, [...sign, "9a", key])).code).toBe(0)
    await run(newYkman, ["piv", "certificates", "export", "9a", certificate])
    const tested = await tool([
      "-a",
      "verify-pin",
      "-P",
      "123456",
      "-a",
      "test-signature",
      "-s",
      "9a",
      "-i",
      certificate,
    ])
    expect(tested.all).toMatch(/Successful (?:ECDSA|RSA) verification/)
    expect(inserted.card.state.keys["9a"]?.origin).toBe("generated")
  })

  it("imports a key and agrees on a secret with it", async () => {
    await using inserted = await insert(newCard({ firmware: "5.4.3" }))
    const folder = scratch()
    const pair = generateKeyPairSync("ec", {
      namedCurve: "P-256",
      privateKeyEncoding: { type: "pkcs8", format: "pem" },
      publicKeyEncoding: { type: "spki", format: "pem" },
    })
    const [key, publicKey, certificate] = ["key.pem", "public.pem", "cert.pem"].map((name) => join(folder, name))
    writeFileSync(key!, pair.privateKey)
    writeFileSync(publicKey!, pair.publicKey)
    const imported = await tool(["-a", "import-key", "-s", "9d", "-i", key!, "--pin-policy", "once"])
    expect(imported.all).toContain("Successfully imported a new private key")
    expect(inserted.card.state.keys["9d"]).toMatchObject({ origin: "imported", pinPolicy: "once" })
    const sign = ["piv", "certificates", "generate", "-m", defaultManagementKey, "-P", "123456", "-s", "CN=agrees"]
    await run(newYkman, [...sign, "9d", publicKey!])
    await run(newYkman, ["piv", "certificates", "export", "9d", certificate!])
    const agreed = await tool([
      "-a",
      "verify-pin",
      "-P",
      "123456",
      "-a",
      "test-decipher",
      "-s",
      "9d",
      "-i",
      certificate!,
    ])
    expect(agreed.all).toContain("Successfully performed ECDH exchange with card")
  })

  it("attests a generated key, and cannot attest an imported one", async () => {
    await using inserted = await insert(newCard({ firmware: "5.4.3" }))
    await tool(["-a", "generate", "-s", "9c", "-A", "ECCP256"])
    expect((await tool(["-a", "attest", "-s", "9c"])).stdout).toContain("BEGIN CERTIFICATE")
    const folder = scratch()
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" })
    writeFileSync(join(folder, "key.pem"), privateKey.export({ type: "pkcs8", format: "pem" }))
    await tool(["-a", "import-key", "-s", "9c", "-i", join(folder, "key.pem")])
    expect(inserted.card.state.keys["9c"]?.origin).toBe("imported")
    expect((await tool(["-a", "attest", "-s", "9c"])).stdout).not.toContain("BEGIN CERTIFICATE")
  })

  it("sets a management key, and generates with the new one only", async () => {
    await using inserted = await insert(newCard({ firmware: "4.3.5" }))
    const key = "0011223344556677a899aabbccddeeff0123456789abcdef"
    expect((await tool(["-a", "set-mgm-key", "-n", key])).all).toContain("Successfully set new management key")
    expect(inserted.card.state.managementKey).toEqual({ algorithm: "3des", key, touch: false })
    expect((await tool(["-a", "generate", "-s", "9a", "-A", "ECCP256"])).all).toContain("Failed authentication")
    const generated = await tool([`-k${key}`, "-a", "generate", "-s", "9a", "-A", "ECCP256"])
    expect(generated.all).toContain("Successfully generated a new private key")
  })
})
