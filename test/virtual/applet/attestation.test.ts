import { X509Certificate } from "node:crypto"
import { readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { firmwareProfiles, newCard, testAttestationRoot } from "../../../src/virtual/index.ts"
import { authenticate, generateCommand, hex, type Selected, selected } from "../selected.ts"

async function whole({ send }: Selected, command: string): Promise<string> {
  let answer = await send(command)
  let data = ""
  while (answer.slice(-4, -2) === "61") {
    data += answer.slice(0, -4)
    answer = await send("00c0000000")
  }
  return data + answer
}

const root = new X509Certificate(testAttestationRoot())

it("the test root is the one that native-test/ trusts, and says what it is", () => {
  const pem = readFileSync(new URL("../../../native-test/attestation-root.pem", import.meta.url), "utf8")
  expect(new X509Certificate(pem).raw).toEqual(root.raw)
  expect(root.subject).toContain("TEST ONLY")
  expect(root.verify(root.publicKey)).toBe(true)
})

describe.each(firmwareProfiles.filter((profile) => profile.attestation))(
  "attestation of a $firmware",
  ({ firmware }) => {
    it("leads from a generated key to the test root, and says what the card knows", async () => {
      const one = await selected(newCard({ firmware, serial: 3_000_000_000 }))
      await authenticate(one)
      await one.send(generateCommand("82", "11", "03", "03"))
      const attested = new X509Certificate(hex((await whole(one, "00f98200")).slice(0, -4)))
      const object = await whole(one, "00cb3fff055c035fff0100")
      const authority = new X509Certificate(hex(object.slice(object.indexOf("3082", 8), -14)))
      expect(attested.verify(authority.publicKey)).toBe(true)
      expect(authority.verify(root.publicKey)).toBe(true)
      expect(authority.ca).toBe(true)
      expect(attested.subject).toBe("CN=YubiKey PIV Attestation 82")
      const text = attested.raw.toString("hex")
      const arc = "060a2b0601040182c40a03"
      const version = firmware
        .split(".")
        .map((part) => `0${part}`)
        .join("")
      expect(text).toContain(`${arc}030403${version}`)
      expect(text).toContain(`${arc}070407020500b2d05e00`)
      expect(text).toContain(`${arc}0804020303`)
    })

    it("is not given for an imported key, nor for an empty slot", async () => {
      const one = await selected({ firmware })
      await authenticate(one)
      expect(await one.send("00f98200")).toMatch(/^6a8[28]$/)
      await one.send(`00fe1182 22 0620 ${"22".repeat(32)}`)
      expect(one.card.state.keys["82"]?.origin).toBe("imported")
      expect(await one.send("00f98200")).toBe("6a80")
    })
  },
)

it("a NEO attests nothing", async () => {
  expect(await (await selected({ firmware: "3.4.9" })).send("00f99a00")).toBe("6d00")
})
