import { readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { firmwareProfiles, newCard } from "../../src/virtual/index.ts"
import { defaultManagementKey, insert, newYkman, run, scratch } from "../harness.ts"

const versions = [
  { name: "Debian's ykman 4.0.9", ykman: "/usr/bin/ykman", versionLine: "4.0.9" },
  { name: "ykman 5.9.2", ykman: newYkman, versionLine: "5.9.2" },
]

describe.each(versions)("$name", ({ ykman, versionLine }) => {
  it("is the version that these tests were written for", async () => {
    expect((await run(ykman, ["--version"])).stdout).toContain(versionLine)
  })

  it.each(firmwareProfiles.filter((profile) => profile.deviceInfo))("tells what a $firmware is", async (profile) => {
    await using inserted = await insert(newCard({ firmware: profile.firmware, serial: 31415926 }))
    const { code, stdout } = await run(ykman, ["info"])
    expect(code).toBe(0)
    expect(stdout).toContain("Serial number: 31415926")
    expect(stdout).toContain(`Firmware version: ${profile.firmware}`)
    expect(stdout).toMatch(/^PIV\s+Enabled/m)
    expect(inserted.card.state.pin.triesLeft).toBe(3)
  })

  it("shows tries, the management key's algorithm and that defaults are in use", async () => {
    await using inserted = await insert(newCard({ firmware: "5.7.1" }))
    const { stdout } = await run(ykman, ["piv", "info"])
    expect(stdout).toMatch(/PIV version: +5\.7\.1/)
    expect(stdout).toMatch(/PIN tries remaining: +3\/3/)
    expect(stdout).toMatch(/Management key algorithm: +AES192/)
    expect(stdout).toContain("WARNING: Using default PIN!")
    expect(stdout).toContain("WARNING: Using default Management key!")
    expect(inserted.card.state.pin.triesLeft).toBe(3)
  })

  it.each(["4.3.5", "5.4.3", "5.7.1"])(
    "generates a key with a certificate on a %s and exports it",
    async (firmware) => {
      await using inserted = await insert(newCard({ firmware }))
      const folder = scratch()
      const key = join(folder, "public.pem")
      const certificate = join(folder, "certificate.pem")
      const generate = ["piv", "keys", "generate", "-a", "ECCP256", "-m", defaultManagementKey, "9a", key]
      expect((await run(ykman, generate)).code).toBe(0)
      expect(readFileSync(key, "utf8")).toContain("BEGIN PUBLIC KEY")
      const sign = ["piv", "certificates", "generate", "-m", defaultManagementKey, "-P", "123456", "-s", "CN=virtual"]
      expect((await run(ykman, [...sign, "9a", key])).code).toBe(0)
      expect((await run(ykman, ["piv", "certificates", "export", "9a", certificate])).code).toBe(0)
      const shown = await run("openssl", ["x509", "-in", certificate, "-noout", "-subject"])
      expect(shown.stdout).toContain("CN = virtual")
      expect((await run(ykman, ["piv", "info"])).stdout).toMatch(/Slot 9A/i)
      expect(inserted.card.state.keys["9a"]).toMatchObject({
        algorithm: "p256",
        origin: "generated",
        pinPolicy: "once",
      })
    },
  )

  it("changes the PIN, and a wrong one costs a try", async () => {
    await using inserted = await insert(newCard({ firmware: "5.4.3" }))
    const change = await run(ykman, ["piv", "access", "change-pin", "-P", "123456", "-n", "314159"])
    expect(change.all).toContain("New PIN set")
    expect(inserted.card.state.pin).toMatchObject({ value: "314159", triesLeft: 3 })
    const refused = await run(ykman, ["piv", "access", "change-pin", "-P", "123456", "-n", "271828"])
    expect(refused.code).not.toBe(0)
    expect(refused.all).toMatch(/2 (?:tries|attempts) (?:left|remaining)/)
    expect(inserted.card.state.pin).toMatchObject({ value: "314159", triesLeft: 2 })
  })

  it("resets the PIV application, and the attestation key stays", async () => {
    await using inserted = await insert(newCard({ firmware: "5.7.1", pin: "314159" }))
    const attestation = inserted.card.state.keys["f9"]
    const reset = await run(ykman, ["piv", "reset", "-f"])
    expect(reset.code).toBe(0)
    expect(inserted.card.state.pin).toEqual({ value: "123456", tries: 3, triesLeft: 3 })
    expect(inserted.card.state.keys["f9"]).toEqual(attestation)
  })

  it("attests a generated key, under the test root", async () => {
    await using inserted = await insert(newCard({ firmware: "5.7.1" }))
    const folder = scratch()
    const [attested, authority] = [join(folder, "attested.pem"), join(folder, "f9.pem")]
    await run(ykman, ["piv", "keys", "generate", "-a", "ECCP256", "-m", defaultManagementKey, "82", join(folder, "k")])
    expect((await run(ykman, ["piv", "keys", "attest", "82", attested])).code).toBe(0)
    expect((await run(ykman, ["piv", "certificates", "export", "f9", authority])).code).toBe(0)
    const root = new URL("../attestation-root.pem", import.meta.url).pathname
    const verified = await run("openssl", ["verify", "-CAfile", root, "-untrusted", authority, attested])
    expect(verified.stdout).toContain(": OK")
    const subject = await run("openssl", ["x509", "-in", attested, "-noout", "-subject"])
    expect(subject.stdout).toContain("YubiKey PIV Attestation 82")
    expect(inserted.card.state.keys["82"]?.origin).toBe("generated")
  })
})

describe("ykman 5.9.2 on firmware 5.7.1", () => {
  it("generates each kind of key that is new in 5.7, moves it and deletes it", async () => {
    await using inserted = await insert(newCard({ firmware: "5.7.1" }))
    for (const algorithm of ["ED25519", "X25519", "RSA3072"]) {
      const generated = await run(newYkman, [
        ...["piv", "keys", "generate", "-a", algorithm, "-m", defaultManagementKey, "9d", "-"],
      ])
      expect(generated.stdout).toContain("BEGIN PUBLIC KEY")
      expect((await run(newYkman, ["piv", "keys", "info", "9d"])).stdout).toContain(algorithm)
    }
    expect((await run(newYkman, ["piv", "keys", "move", "-m", defaultManagementKey, "9d", "83"])).code).toBe(0)
    expect(inserted.card.state.keys).toMatchObject({ "83": { algorithm: "rsa3072" } })
    expect((await run(newYkman, ["piv", "keys", "delete", "-m", defaultManagementKey, "83"])).code).toBe(0)
    expect(Object.keys(inserted.card.state.keys)).toEqual(["f9"])
  })

  it("sets a management key that is protected by the PIN, as age-plugin-yubikey wants it", async () => {
    await using inserted = await insert(newCard({ firmware: "5.7.1" }))
    const change = ["piv", "access", "change-management-key", "-m", defaultManagementKey, "-P", "123456"]
    expect((await run(newYkman, [...change, "-a", "TDES", "--protect"])).code).toBe(0)
    const { managementKey, objects } = inserted.card.state
    expect(managementKey.algorithm).toBe("3des")
    expect(objects["5fc109"]).toBe(`881a8918${managementKey.key}`)
    expect((await run(newYkman, ["piv", "info"])).stdout).toContain("protected by PIN")
  })

  it.each([
    { algorithm: "AES128", key: "00112233445566778899aabbccddeeff" },
    { algorithm: "AES256", key: "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff" },
  ])("sets an $algorithm management key and authenticates with it", async ({ algorithm, key }) => {
    await using inserted = await insert(newCard({ firmware: "5.4.3" }))
    const change = ["piv", "access", "change-management-key", "-m", defaultManagementKey, "-a", algorithm, "-n", key]
    expect((await run(newYkman, change)).code).toBe(0)
    expect(inserted.card.state.managementKey).toEqual({ algorithm: algorithm.toLowerCase(), key, touch: false })
    expect((await run(newYkman, ["piv", "keys", "generate", "-m", key, "9a", "-"])).stdout).toContain("PUBLIC KEY")
    const refused = await run(newYkman, ["piv", "keys", "generate", "-m", key.replace("00", "01"), "9a", "-"])
    expect(refused.code).not.toBe(0)
  })

  it("is told that PIV is off", async () => {
    await using inserted = await insert({ ...newCard({ firmware: "5.7.1" }), pivEnabled: false })
    expect((await run(newYkman, ["info"])).stdout).toMatch(/^PIV\s+Disabled/m)
    expect((await run(newYkman, ["piv", "info"])).code).not.toBe(0)
    expect(inserted.card.state.pivEnabled).toBe(false)
  })
})
