import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { firmwareProfiles, loadCards, manualClock, newCard, VirtualCard } from "../../src/virtual/index.ts"
import cards from "../vectors/yubikey/cards.json" with { type: "json" }
import { authenticate, hex, pin, selected, signCommand } from "./selected.ts"

const [, withKeys] = loadCards(cards)

describe("selection", () => {
  it.each(["a000000308", "a00000030800001000", "a000000308000010000100"])("takes PIV's AID %s", async (aid) => {
    const { send } = await selected()
    const length = (aid.length / 2).toString(16).padStart(2, "0")
    expect(await send(`00a40400${length}${aid}00`)).toBe("61114f0600001000010079074f05a0000003089000")
  })

  it("has no other application, and keeps the one it had", async () => {
    const { send } = await selected()
    expect(await send("00a4040006d27600012401")).toBe("6a82")
    expect(await send("00fd000000")).toBe("0507019000")
  })

  it("has no PIV application where it is switched off", async () => {
    const { send } = await selected({ ...newCard(), pivEnabled: false })
    expect(await send("00a4040005a000000308")).toBe("6a82")
  })

  it("answers nothing before an application is selected", async () => {
    const card = new VirtualCard(newCard())
    card.powerOn()
    expect(Buffer.from(await card.transmit(hex("00fd0000"))).toString("hex")).toBe("6d00")
  })

  it("keeps the PIN over a second SELECT of PIV, and loses it to another application", async () => {
    const { send } = await selected()
    await send(pin.right)
    await send("00a4040005a000000308")
    expect(await send(pin.status)).toBe("9000")
    await send("00a4040008a000000527471117")
    await send("00a4040005a000000308")
    expect(await send(pin.status)).toBe("63c3")
  })
})

describe("what power and reset do", () => {
  it.each(["reset", "powerOff", "powerOn"] as const)("%s ends PIN, management key and touch", async (event) => {
    const one = await selected({ ...newCard() })
    await one.send(pin.right)
    await authenticate(one)
    one.card[event]()
    await one.send("00a4040005a000000308")
    expect(await one.send(pin.status)).toBe("63c3")
    expect(await one.send("00db3fff095c035fc1025302abcd")).toBe("6982")
  })
})

describe("transport of commands and answers", () => {
  it("puts chained commands together", async () => {
    const { send } = await selected()
    expect(await send("1020008004 31323334")).toBe("9000")
    expect(await send("0020008004 3536ffff")).toBe("9000")
    expect(await send(pin.status)).toBe("9000")
  })

  it("forgets a chain when another command comes in between", async () => {
    const { card, send } = await selected()
    await send("1020008004 31323334")
    await send("00fd000000")
    expect(await send("0020008004 3536ffff")).toBe("6a80")
    expect(card.state.pin.triesLeft).toBe(3)
  })

  it("hands a long answer out in pieces, to a short command and by Le", async () => {
    const { send } = await selected(withKeys)
    const first = await send("00cb3fff055c035fc10d00")
    expect(first).toHaveLength(2 * 258)
    expect(first).toMatch(/61[0-9a-f]{2}$/)
    const rest = await send("00c0000000")
    expect(rest).toMatch(/9000$/)
    const whole = first.slice(0, -4) + rest.slice(0, -4)
    expect(await send("00cb3fff 000005 5c035fc10d 0000")).toBe(`${whole}9000`)
    const pieces = [await send("00cb3fff055c035fc10d10")]
    while (pieces.at(-1)?.slice(-4, -2) === "61") pieces.push(await send("00c0000010"))
    expect(pieces.map((piece) => piece.slice(0, -4)).join("")).toBe(whole)
  })

  it("has nothing more to hand out once another command came", async () => {
    const { send } = await selected(withKeys)
    await send("00cb3fff055c035fc10d00")
    await send("10fd000001aa")
    expect(await send("00c0000000")).toBe("6985")
  })

  it.each([
    { what: "a class that it does not know", apdu: "80fd0000", answer: "6e00" },
    { what: "an instruction that it does not know", apdu: "00ee0000", answer: "6d00" },
    { what: "lengths that do not fit", apdu: "0020008005ab", answer: "6700" },
    { what: "data that is no TLV", apdu: "00cb3fff025cff", answer: "6a80" },
  ])("refuses $what", async ({ apdu, answer }) => expect(await (await selected()).send(apdu)).toBe(answer))

  it("refuses a chain that is longer than its buffer", async () => {
    const { send } = await selected()
    for (let chunk = 0; chunk < 13; chunk++) expect(await send(`10db3fffff${"00".repeat(255)}`)).toBe("9000")
    expect(await send("00db3fff0100")).toBe("6700")
  })
})

it.each(firmwareProfiles)("a $firmware has the answer to reset of its kind, correctly summed", ({ atr }) => {
  expect(atr[0]).toBe(0x3b)
  // ISO 7816-3, 8.2.5: all bytes from T0 to TCK give zero.
  expect(atr.subarray(1).reduce((sum, byte) => sum ^ byte, 0)).toBe(0)
})

it("tells who waits for a touch while it waits, and gives up after 15 s of its clock", async () => {
  const clock = manualClock()
  const state = structuredClone(withKeys!)
  state.keys["82"]!.pinPolicy = "never"
  const { card, send } = await selected(state, { clock, touch: "never" })
  const answer = send(signCommand("82"))
  await new Promise((resolve) => setTimeout(resolve, 5))
  expect(card.touchWanted).toEqual({ serial: 27205443, slot: 0x82 })
  clock.advance(14_999)
  expect(card.touchWanted).not.toBeNull()
  clock.advance(1)
  expect(await answer).toBe("6982")
  expect(card.touchWanted).toBeNull()
})

it.each(firmwareProfiles)(
  "a $firmware answers any APDU with a status word, and its state stays one",
  async (profile) => {
    const apdu = fc.oneof(
      fc.uint8Array({ maxLength: 64 }),
      fc
        .tuple(
          fc.constantFrom(0x00, 0x10),
          fc.constantFrom(
            0x20,
            0x24,
            0x2c,
            0x87,
            0xcb,
            0xdb,
            0xf6,
            0xf7,
            0xf8,
            0xf9,
            0xfa,
            0xfb,
            0xfd,
            0xfe,
            0xff,
            0xa4,
          ),
          fc.constantFrom(0x00, 0x03, 0x04, 0x11, 0x3f, 0xff),
          fc.constantFrom(0x00, 0x80, 0x81, 0x82, 0x9a, 0x9b, 0xf9, 0xff),
          fc.uint8Array({ maxLength: 40 }),
        )
        .map(([cla, ins, p1, p2, data]) => Uint8Array.from([cla, ins, p1, p2, data.length, ...data])),
    )
    const { card } = await selected({ firmware: profile.firmware }, { clock: manualClock({ skipSleep: true }) })
    await fc.assert(
      fc.asyncProperty(apdu, async (bytes) => {
        const answer = await card.transmit(bytes)
        expect(answer.length).toBeGreaterThanOrEqual(2)
        expect(answer.at(-2)).toBeGreaterThanOrEqual(0x61)
      }),
      { numRuns: 200 },
    )
    expect(card.state.pin.triesLeft).toBeGreaterThanOrEqual(0)
  },
)
