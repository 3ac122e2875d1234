import { createCipheriv, createDecipheriv } from "node:crypto"
import { describe, expect, it } from "vitest"
import { firmwareProfiles, newCard } from "../../../src/virtual/index.ts"
import { authenticate, hex, type Selected, selected } from "../selected.ts"

const factoryKey = "010203040506070801020304050607080102030405060708"
const putSomething = "00db3fff095c035fc1025302abcd"

/** Mutual authentication with the factory's 24-byte key. */
async function mutual({ send }: Selected, reference: string, cipher: string, spoil = false): Promise<string> {
  const asked = await send(`0087${reference}9b047c028000`)
  const witness = asked.slice(8, -4)
  const machine = createDecipheriv(cipher, hex(factoryKey), null)
  machine.setAutoPadding(false)
  const clear = Buffer.concat([machine.update(hex(witness)), machine.final()])
  if (spoil) clear[0]! ^= 1
  const size = clear.length.toString(16).padStart(2, "0")
  const inner = `80${size}${clear.toString("hex")}81${size}${"5a".repeat(clear.length)}`
  const length = (value: number) => value.toString(16).padStart(2, "0")
  return send(`0087${reference}9b${length(inner.length / 2 + 2)}7c${length(inner.length / 2)}${inner}`)
}

describe.each(firmwareProfiles)("management key of a $firmware", (profile) => {
  const [reference, cipher] =
    profile.defaultManagementKeyAlgorithm === "3des" ? ["03", "des-ede3-ecb"] : ["0a", "aes-192-ecb"]

  it("is proven by both sides: the card encrypts the host's challenge", async () => {
    const one = await selected({ firmware: profile.firmware })
    const answer = await mutual(one, reference, cipher)
    const machine = createDecipheriv(cipher, hex(factoryKey), null)
    machine.setAutoPadding(false)
    const clear = Buffer.concat([machine.update(hex(answer.slice(8, -4))), machine.final()])
    expect(clear.every((byte) => byte === 0x5a)).toBe(true)
    expect(await one.send(putSomething)).toBe("9000")
  })

  it("is proven by the host alone, too", async () => {
    const one = await selected({ firmware: profile.firmware })
    await authenticate(one)
    expect(await one.send(putSomething)).toBe("9000")
  })

  it("is not proven by a wrong answer, which ends an earlier proof", async () => {
    const one = await selected({ firmware: profile.firmware })
    await authenticate(one)
    expect(await mutual(one, reference, cipher, true)).toBe("6982")
    expect(await one.send(putSomething)).toBe("6982")
  })

  it("has one algorithm at a time", async () => {
    const one = await selected({ firmware: profile.firmware })
    const other = reference === "03" ? "0a" : "03"
    expect(await one.send(`0087${other}9b047c028000`)).toBe("6a86")
  })

  it(`can become ${profile.managementKeyAlgorithms.join(", ")}`, async () => {
    for (const [name, start] of Object.entries({ aes128: "089b10", aes192: "0a9b18", aes256: "0c9b20" })) {
      const one = await selected({ firmware: profile.firmware })
      const size = Number.parseInt(start.slice(4), 16)
      const set = `00ffffff${(size + 3).toString(16)}${start}${"77".repeat(size)}`
      expect(await one.send(set)).toBe("6982")
      await authenticate(one)
      const known = profile.managementKeyAlgorithms.some((algorithm) => algorithm === name)
      expect(await one.send(set)).toBe(known ? "9000" : "6a80")
      if (known) expect(one.card.state.managementKey).toEqual({ algorithm: name, key: "77".repeat(size), touch: false })
    }
  })
})

it("a challenge is good for the next command only", async () => {
  const one = await selected({ firmware: "5.4.3" })
  await one.send("0087039b047c028100")
  await one.send("00fd0000")
  expect(await one.send(`0087039b0c7c0a8208${"00".repeat(8)}`)).toBe("6a80")
})

it("a challenge is answered once", async () => {
  const one = await selected({ firmware: "5.4.3" })
  const asked = await one.send("0087039b047c028100")
  const machine = createCipheriv("des-ede3-ecb", hex(factoryKey), null)
  machine.setAutoPadding(false)
  const response = machine.update(hex(asked.slice(8, -4))).toString("hex")
  expect(await one.send(`0087039b0c7c0a8208${response}`)).toBe("9000")
  expect(await one.send(`0087039b0c7c0a8208${response}`)).toBe("6a80")
})

it("a management key that wants a touch is refused without one", async () => {
  const state = newCard({ firmware: "5.4.3" })
  state.managementKey.touch = true
  const wanted: number[] = []
  const onTouch = ({ slot }: { slot: number }) => Promise.resolve(wanted.push(slot) < 0)
  const one = await selected(state, { onTouch })
  await expect(authenticate(one)).rejects.toThrow("6982")
  expect(wanted).toEqual([0x9b])
})

it("metadata tells of algorithm, touch and whether it is the factory's, before and after a change", async () => {
  const one = await selected({ firmware: "5.7.1" })
  expect(await one.send("00f7009b")).toBe("01010a020200010501019000")
  await authenticate(one)
  await one.send(`00fffffe 1b 039b18 ${"78".repeat(24)}`)
  expect(await one.send("00f7009b")).toBe("010103020200020501009000")
})
