import { describe, expect, it } from "vitest"
import { firmwareProfiles, newCard } from "../../../src/virtual/index.ts"
import { authenticate, pin, selected } from "../selected.ts"

const padded = (text: string) => Buffer.from(text.padEnd(8, "\xff"), "latin1").toString("hex")
const change = (reference: string, old: string, next: string) => `002400${reference}10${padded(old)}${padded(next)}`
const unblock = (puk: string, next: string) => `002c008010${padded(puk)}${padded(next)}`

describe.each(firmwareProfiles)("PIN and PUK of a $firmware", ({ firmware, logout }) => {
  it("a wrong PIN costs a try and says how many are left, the right one gives them back", async () => {
    const { card, send } = await selected({ firmware })
    expect(await send(pin.status)).toBe("63c3")
    expect(await send(pin.wrong)).toBe("63c2")
    expect(await send(pin.wrong)).toBe("63c1")
    expect(await send(pin.right)).toBe("9000")
    expect(await send(pin.status)).toBe("9000")
    expect(card.state.pin.triesLeft).toBe(3)
  })

  it("three wrong PINs block it, even for the right one, until the PUK sets a new one", async () => {
    const { send } = await selected({ firmware })
    for (const left of ["63c2", "63c1", "63c0"]) expect(await send(pin.wrong)).toBe(left)
    expect(await send(pin.right)).toBe("6983")
    expect(await send(pin.status)).toBe("6983")
    expect(await send(unblock("99999999", "314159"))).toBe("63c2")
    expect(await send(unblock("12345678", "314159"))).toBe("9000")
    expect(await send(pin.status)).toBe("63c3")
    expect(await send(`0020008008${padded("314159")}`)).toBe("9000")
  })

  it("a wrong PIN ends what the right one began", async () => {
    const { send } = await selected({ firmware })
    await send(pin.right)
    await send(pin.wrong)
    expect(await send(pin.status)).toBe("63c2")
  })

  it("changes PIN and PUK, and counts for each apart", async () => {
    const { card, send } = await selected({ firmware })
    expect(await send(change("80", "123456", "314159"))).toBe("9000")
    expect(await send(change("81", "12345678", "27182818"))).toBe("9000")
    expect(await send(change("80", "123456", "111222"))).toBe("63c2")
    expect(await send(change("81", "12345678", "11122233"))).toBe("63c2")
    expect(card.state).toMatchObject({
      pin: { value: "314159", triesLeft: 2 },
      puk: { value: "27182818", triesLeft: 2 },
    })
  })

  it.each([
    { what: "is too short", next: "12345" },
    { what: "has padding in the middle", next: "123\xff4567" },
  ])("refuses a new PIN that $what, at no cost", async ({ next }) => {
    const { card, send } = await selected({ firmware })
    expect(await send(change("80", "123456", next))).toBe("6a80")
    expect(card.state.pin).toEqual({ value: "123456", tries: 3, triesLeft: 3 })
  })

  it.each([
    { what: "VERIFY of seven bytes", apdu: "002000800731323334353637", answer: "6a80" },
    { what: "VERIFY of an unknown reference", apdu: "0020008208313233343536ffff", answer: "6a88" },
    { what: "VERIFY of a fingerprint", apdu: "00200096", answer: "6a88" },
    { what: "CHANGE of an unknown reference", apdu: `00240082 10 ${"31".repeat(16)}`, answer: "6a88" },
  ])("$what is refused with $answer, at no cost", async ({ apdu, answer }) => {
    const { card, send } = await selected({ firmware })
    expect(await send(apdu)).toBe(answer)
    expect(card.state.pin.triesLeft).toBe(3)
  })

  it(logout ? "logs out on request" : "knows no log-out", async () => {
    const { send } = await selected({ firmware })
    await send(pin.right)
    expect(await send("0020ff80")).toBe(logout ? "9000" : "6a86")
    expect(await send(pin.status)).toBe(logout ? "63c3" : "9000")
  })

  it("sets retries with PIN and management key, and both go back to the factory's", async () => {
    const one = await selected(newCard({ firmware, pin: "314159", puk: "27182818" }))
    expect(await one.send("00fa0508")).toBe("6982")
    await one.send(`0020008008${padded("314159")}`)
    expect(await one.send("00fa0508")).toBe("6982")
    await authenticate(one)
    expect(await one.send("00fa0008")).toBe("6a86")
    expect(await one.send("00fa0508")).toBe("9000")
    expect(one.card.state).toMatchObject({
      pin: { value: "123456", tries: 5, triesLeft: 5 },
      puk: { value: "12345678", tries: 8, triesLeft: 8 },
    })
  })

  it("is reset only when neither PIN nor PUK can be entered any more, and keeps its attestation key", async () => {
    const { card, send } = await selected({ firmware })
    const fresh = card.state
    expect(await send("00fb0000")).toBe("6985")
    for (let left = 0; left < 3; left++) await send(pin.wrong)
    expect(await send("00fb0000")).toBe("6985")
    for (let left = 0; left < 3; left++) await send(unblock("99999999", "314159"))
    expect(await send("00fb0000")).toBe("9000")
    expect(card.state).toEqual(fresh)
  })
})

it("where complexity is on, a PIN that everybody tries first is refused at no cost", async () => {
  const { card, send } = await selected(newCard({ pinComplexity: true }))
  for (const easy of ["111111", "22222222", "password", "ABC123", "123123"])
    expect(await send(change("80", "123456", easy))).toBe("6985")
  expect(await send(change("80", "123456", "314159"))).toBe("9000")
  expect(card.state.pin.triesLeft).toBe(3)
})

it("more than fifteen tries are said as fifteen", async () => {
  const one = await selected()
  await one.send(pin.right)
  await authenticate(one)
  await one.send("00faff03")
  expect(await one.send(pin.status)).toBe("63cf")
  expect(one.card.state.pin.triesLeft).toBe(255)
})
