import { createECDH } from "node:crypto"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { newCard, type VirtualCard } from "../../src/virtual/index.ts"
import { defaultManagementKey, insert, newYkman, run, scratch } from "../harness.ts"

/** A key of 9D with a certificate, without which OpenSC sees no key. */
async function keyManagementKey(): Promise<void> {
  const key = join(scratch(), "public.pem")
  const generate = ["piv", "keys", "generate", "-m", defaultManagementKey, "-a", "ECCP256", "9d", key]
  expect((await run(newYkman, generate)).code).toBe(0)
  const sign = ["piv", "certificates", "generate", "-m", defaultManagementKey, "-P", "123456", "-s", "CN=opensc", "9d"]
  expect((await run(newYkman, [...sign, key])).code).toBe(0)
}

function publicPoint(card: VirtualCard): Buffer {
  const ecdh = createECDH("prime256v1")
  ecdh.setPrivateKey(Buffer.from(card.state.keys["9d"]?.privateKey ?? "", "hex"))
  return ecdh.getPublicKey()
}

describe("OpenSC", () => {
  it("piv-tool knows the card, and its serial number once it has a CHUID", async () => {
    await using inserted = await insert(newCard({ firmware: "5.4.3" }))
    expect((await run("piv-tool", ["--name"])).stdout).toContain("Personal Identity Verification Card")
    expect((await run("piv-tool", ["--serial"])).all).toContain("GET_SERIALNR")
    await run("yubico-piv-tool", ["-a", "set-chuid"])
    expect((await run("piv-tool", ["--serial"])).stdout).toMatch(/(?:[0-9A-F]{2} ){16}/)
    expect(inserted.card.state.objects["5fc102"]).toMatch(/^3019d4e739/)
  })

  it("piv-tool authenticates with the management key both ways round and generates a key", async () => {
    await using inserted = await insert(newCard({ firmware: "5.4.3" }))
    const file = join(scratch(), "management-key")
    writeFileSync(file, defaultManagementKey.replace(/..(?=.)/g, "$&:"))
    const env = { PIV_EXT_AUTH_KEY: file }
    await run("piv-tool", ["-A", "M:9B:03", "-G", "9A:11"], { env })
    expect(inserted.card.state.keys["9a"]).toMatchObject({ algorithm: "p256", origin: "generated" })
  })

  it("pkcs15-tool lists the certificate and verifies the PIN", async () => {
    await using inserted = await insert(newCard({ firmware: "5.4.3" }))
    await keyManagementKey()
    expect((await run("pkcs15-tool", ["--list-certificates"])).stdout).toContain("Certificate for Key Management")
    const verified = await run("pkcs15-tool", ["--verify-pin", "--pin", "123456"])
    expect(verified.code).toBe(0)
    const refused = await run("pkcs15-tool", ["--verify-pin", "--pin", "999999"])
    expect(refused.all).toContain("PIN")
    expect(inserted.card.state.pin.triesLeft).toBe(2)
  })

  it("pkcs11-tool derives the secret that the other side of the agreement has", async () => {
    await using inserted = await insert(newCard({ firmware: "5.4.3" }))
    await keyManagementKey()
    const folder = scratch()
    const peer = createECDH("prime256v1")
    const spki = Buffer.from("3059301306072a8648ce3d020106082a8648ce3d030107034200", "hex")
    writeFileSync(join(folder, "peer.der"), Buffer.concat([spki, peer.generateKeys()]))
    const derive = ["--login", "--pin", "123456", "--derive", "-m", "ECDH1-DERIVE", "--id", "03"]
    const files = ["-i", join(folder, "peer.der"), "-o", join(folder, "secret")]
    const derived = await run("pkcs11-tool", [...derive, ...files])
    expect(derived.all).toContain("ECDH1-DERIVE")
    expect(readFileSync(join(folder, "secret"))).toEqual(peer.computeSecret(publicPoint(inserted.card)))
  })
})
