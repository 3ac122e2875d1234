import { createECDH, createHash, createPublicKey, verify } from "node:crypto"
import { describe, expect, it } from "vitest"
import {
  firmwareProfiles,
  importKey,
  manualClock,
  newCard,
  type PinPolicy,
  type TouchPolicy,
} from "../../../src/virtual/index.ts"
import { authenticate, generateCommand, hex, pin, selected, signCommand } from "../selected.ts"

const scalar = hex("22".repeat(32))

function withKey(pinPolicy: PinPolicy, touchPolicy: TouchPolicy) {
  return importKey(newCard({ firmware: "5.4.3" }), { slot: 0x82, privateKey: scalar, pinPolicy, touchPolicy })
}

describe("PIN policy", () => {
  it("never: works without a PIN", async () => {
    const { send } = await selected(withKey("never", "never"))
    expect(await send(signCommand("82"))).toMatch(/^7c.*9000$/)
  })

  it("once: works after one VERIFY, as often as one likes", async () => {
    const { send } = await selected(withKey("once", "never"))
    expect(await send(signCommand("82"))).toBe("6982")
    await send(pin.right)
    await send("00fd0000")
    for (let times = 0; times < 2; times++) expect(await send(signCommand("82"))).toMatch(/9000$/)
  })

  it("always: VERIFY must be the command before", async () => {
    const { send } = await selected(withKey("always", "never"))
    await send(pin.right)
    expect(await send(signCommand("82"))).toMatch(/9000$/)
    expect(await send(signCommand("82"))).toBe("6982")
    await send(pin.right)
    await send("00fd0000")
    expect(await send(signCommand("82"))).toBe("6982")
    await send(pin.right)
    await send("00a4040005a000000308")
    expect(await send(signCommand("82"))).toBe("6982")
    expect(await send(pin.status)).toBe("9000")
  })
})

describe("touch policy", () => {
  it("cached: a touch counts for 15 s, and not a millisecond longer", async () => {
    const clock = manualClock()
    let touches = 0
    const onTouch = () => Promise.resolve(++touches > 0)
    const { send } = await selected(withKey("never", "cached"), { clock, onTouch })
    await send(signCommand("82"))
    clock.advance(14_999)
    await send(signCommand("82"))
    expect(touches).toBe(1)
    clock.advance(1)
    await send(signCommand("82"))
    expect(touches).toBe(2)
  })

  it("always: each use wants one, and the PIN is looked at before", async () => {
    const wanted: object[] = []
    const onTouch = (what: object) => Promise.resolve(wanted.push(what) > 0)
    const { card, send } = await selected(withKey("once", "always"), { onTouch })
    expect(await send(signCommand("82"))).toBe("6982")
    expect(wanted).toEqual([])
    await send(pin.right)
    await send(signCommand("82"))
    await send(signCommand("82"))
    expect(wanted).toEqual(Array(2).fill({ serial: card.serial, slot: 0x82 }))
  })

  it.each([
    { touch: 14_999, answer: /9000$/ },
    { touch: 15_000, answer: /^6982$/ },
    { touch: "never" as const, answer: /^6982$/ },
  ])("a user who touches after $touch", async ({ touch, answer }) => {
    const clock = manualClock({ skipSleep: true })
    const { send } = await selected(withKey("never", "always"), { clock, touch })
    expect(await send(signCommand("82"))).toMatch(answer)
    expect(clock.now()).toBe(touch === "never" ? 15_000 : touch)
  })
})

describe.each(firmwareProfiles)("keys of a $firmware", ({ firmware, algorithms, policies, moveKey }) => {
  it("are generated with the management key only, with policies by slot", async () => {
    const one = await selected({ firmware })
    expect(await one.send(generateCommand("9c"))).toBe("6982")
    await authenticate(one)
    for (const slot of ["9a", "9c", "9d", "9e", "82", "95"])
      expect(await one.send(generateCommand(slot))).toMatch(/^7f4943864104[0-9a-f]{128}9000$/)
    const { keys } = one.card.state
    expect(Object.entries(keys).map(([slot, key]) => [slot, key.pinPolicy, key.touchPolicy])).toEqual(
      expect.arrayContaining([
        ["9a", "once", "never"],
        ["9c", "always", "never"],
        ["9d", "once", "never"],
        ["9e", "never", "never"],
        ["82", "once", "never"],
        ["95", "once", "never"],
      ]),
    )
    expect(await one.send(generateCommand("96"))).toBe("6a86")
  })

  it(policies ? "take policies" : "have no policies", async () => {
    const one = await selected({ firmware })
    await authenticate(one)
    expect(await one.send(generateCommand("82", "11", "03", "02"))).toMatch(policies ? /9000$/ : /^6a80$/)
    expect(await one.send(generateCommand("82", "11", "04", "01"))).toBe("6a80")
    if (policies) expect(one.card.state.keys["82"]).toMatchObject({ pinPolicy: "always", touchPolicy: "always" })
  })

  it("are of the algorithms of the firmware", async () => {
    const one = await selected({ firmware })
    await authenticate(one)
    const references = { "06": "rsa1024", "11": "p256", "14": "p384", e0: "ed25519", e1: "x25519" } as const
    for (const [reference, algorithm] of Object.entries(references))
      expect(await one.send(generateCommand("9d", reference))).toMatch(
        algorithms.includes(algorithm) ? /^7f49.*(?:9000|61..)$/ : /^6a80$/,
      )
  })

  it(moveKey ? "can be moved and deleted" : "can be neither moved nor deleted", async () => {
    const one = await selected({ firmware })
    await authenticate(one)
    await one.send(generateCommand("9a"))
    const before = one.card.state.keys["9a"]
    expect(await one.send("00f6829a")).toBe(moveKey ? "9000" : "6d00")
    if (!moveKey) return
    expect(one.card.state.keys["82"]).toEqual(before)
    expect(await one.send("00f6839a")).toBe("6a88")
    expect(await one.send("00f6ff82")).toBe("9000")
    expect(one.card.state.keys["82"]).toBeUndefined()
    expect(await one.send("00f682f9")).toBe("6a86")
  })
})

describe("what a key does", () => {
  it("signs a digest so that node:crypto verifies it", async () => {
    const { send } = await selected(withKey("never", "never"))
    const digest = createHash("sha256").update("message").digest()
    const answer = await send(`0087118226 7c24 8200 8120 ${digest.toString("hex")}`)
    const metadata = await send("00f70082")
    const point = metadata.slice(metadata.indexOf("864104") + 4, -4)
    const spki = hex(`3059301306072a8648ce3d020106082a8648ce3d030107034200${point}`)
    const key = createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" })
    const signature = hex(answer.slice(8, -4))
    expect(verify("sha256", Buffer.from("message"), key, signature)).toBe(true)
  })

  it("agrees on the secret of the other side", async () => {
    const { send } = await selected(withKey("never", "never"))
    const peer = createECDH("prime256v1")
    const own = createECDH("prime256v1")
    own.setPrivateKey(scalar)
    const answer = await send(`0087118247 7c45 8200 8541 ${peer.generateKeys("hex")}`)
    expect(answer).toBe(`7c228220${peer.computeSecret(own.getPublicKey()).toString("hex")}9000`)
  })

  it("takes the time that was asked for over an agreement", async () => {
    const clock = manualClock({ skipSleep: true })
    const { send } = await selected(withKey("never", "never"), { clock, ecdhDelay: 12 })
    await send(`0087118247 7c45 8200 8541 ${createECDH("prime256v1").generateKeys("hex")}`)
    expect(clock.now()).toBe(12)
  })

  it.each([
    { what: "a point that is not on the curve", data: `7c45 8200 8541 04${"01".repeat(64)}` },
    { what: "a compressed point", data: `7c25 8200 8521 02${"01".repeat(32)}` },
    { what: "neither challenge nor point", data: "7c02 8200" },
    { what: "both challenge and point", data: "7c08 8200 8101aa 8501aa" },
    { what: "no place for the response", data: "7c03 8101aa" },
    { what: "a digest that is too long", data: `7c25 8200 8121 ${"11".repeat(33)}` },
  ])("refuses $what", async ({ data }) => {
    const { send } = await selected(withKey("never", "never"))
    const bytes = data.replaceAll(" ", "")
    expect(await send(`00871182${(bytes.length / 2).toString(16).padStart(2, "0")}${bytes}`)).toBe("6a80")
  })

  it("refuses another algorithm than the key's, an empty slot, and the attestation slot", async () => {
    const { send } = await selected(withKey("never", "never"))
    expect(await send(signCommand("82").replace("008711", "008714"))).toBe("6a80")
    expect(await send(signCommand("83"))).toBe("6a80")
    expect(await send(signCommand("f9"))).toBe("6a86")
  })
})
