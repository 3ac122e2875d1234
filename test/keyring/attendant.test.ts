import { describe, expect, it } from "vitest"
import { Failure } from "../../src/failure.ts"
import { LastTryGuarded, PinSourceFailed } from "../../src/keyring/failures.ts"
import { type PinSource, pinsFromCommand, pinsFromText } from "../../src/keyring/pin-source.ts"
import { PinBlocked, PinNeeded, PinRejected, TouchTimedOut } from "../../src/piv/failures.ts"
import { type CardState, parseFault, systemClock } from "../../src/virtual/index.ts"
import { inReader, PIN, type TestCard, vectorCards } from "../cards.ts"
import { person, type ScriptedPerson } from "../dialogue.ts"
import { allStubs, run, stubOf } from "./run.ts"

const nano = 16169658
const nfc = 27205443

function stateOf(serial: number, triesLeft = 3): CardState {
  const state = vectorCards().find((card) => card.serial === serial)
  if (state === undefined) throw new TypeError(`no card ${serial}`)
  return { ...state, pin: { ...state.pin, triesLeft } }
}

function asked(dialogue: ScriptedPerson): PinSource {
  return { from: "person", dialogue }
}

const triesLeft = ({ card }: TestCard): number => card.state.pin.triesLeft

async function failureOf(work: Promise<unknown>): Promise<Failure> {
  const failure = await work.then(
    () => null,
    (error: unknown) => error,
  )
  if (!(failure instanceof Failure)) throw new TypeError("it did not fail")
  return failure
}

describe("a person", () => {
  it("is asked once for all files of a run, and for the right YubiKey", async () => {
    const dialogue = person(PIN)
    await using unlock = run([inReader(stateOf(nano))], { stubs: allStubs, pins: asked(dialogue) })
    await unlock.open("piv-one")
    await unlock.open("empty")
    await unlock.open("pin-always")
    expect(dialogue.asked).toEqual([`PIN for YubiKey ${nano} (slot 82)`])
  })

  it("is asked again after a wrong PIN, with the tries left", async () => {
    const card = inReader(stateOf(nano))
    const dialogue = person("000000", PIN)
    await using unlock = run([card], { stubs: allStubs, pins: asked(dialogue) })
    await unlock.open("piv-one")
    expect(dialogue.asked[1]).toBe(`wrong PIN, 2 tries left. PIN for YubiKey ${nano} (slot 82)`)
    expect(triesLeft(card)).toBe(3)
  })

  it.each([
    { what: "too short", typed: "12345", complaint: "shorter" },
    { what: "too long", typed: "123456789", complaint: "longer" },
    {
      what: "a one-time password, from a touch",
      typed: "cccccbenueurldckkrdgvtvcfcrnuhcitcddrnegbegk",
      complaint: "one-time password",
    },
    { what: "the same wrong PIN again", typed: "000000", complaint: "did not confirm it; it is not shown again" },
  ])("who types what is $what loses no try", async ({ typed, complaint }) => {
    const card = inReader(stateOf(nano))
    const first = typed === "000000" ? ["000000"] : []
    const dialogue = person(...first, typed, PIN)
    const before = 3 - first.length
    await using unlock = run([card], { stubs: allStubs, pins: asked(dialogue) })
    await unlock.open("piv-one")
    expect(dialogue.asked.at(-1)).toContain(complaint)
    expect(dialogue.asked.length).toBe(first.length + 2)
    expect(before).toBeGreaterThan(1)
    expect(triesLeft(card)).toBe(3)
  })

  it("confirms before the last try is used", async () => {
    const card = inReader(stateOf(nano, 1))
    const dialogue = person(true, PIN)
    await using unlock = run([card], { stubs: allStubs, pins: asked(dialogue) })
    await unlock.open("piv-one")
    expect(dialogue.asked[0]).toContain("1 try is left, then the PIN is blocked")
  })

  it("who does not confirm keeps the last try", async () => {
    const card = inReader(stateOf(nano, 1))
    await using unlock = run([card], { stubs: allStubs, pins: asked(person(false)) })
    expect(await failureOf(unlock.open("piv-one"))).toBeInstanceOf(LastTryGuarded)
    expect(triesLeft(card)).toBe(1)
  })

  it("who declines is taken at their word", async () => {
    await using unlock = run([inReader(stateOf(nano))], { stubs: allStubs, pins: asked(person(null)) })
    const failure = await failureOf(unlock.open("piv-one"))
    expect(failure).toBeInstanceOf(PinNeeded)
    expect(failure.where).toMatchObject({ serial: nano, slot: 0x82 })
  })

  it("is told that the PIN is blocked, and is not asked for it", async () => {
    await using unlock = run([inReader(stateOf(nano, 0))], { stubs: allStubs, pins: asked(person()) })
    const failure = await failureOf(unlock.open("piv-one"))
    expect(failure).toBeInstanceOf(PinBlocked)
    expect(failure.exit).toBe(6)
  })

  it("is not asked where the card still holds the PIN as verified, nor where the key wants none", async () => {
    const card = inReader(stateOf(nano))
    {
      await using unlock = run([card], { stubs: allStubs })
      await unlock.open("piv-one")
    }
    await using unlock = run([card, inReader(stateOf(nfc))], { stubs: allStubs, pins: asked(person()) })
    await unlock.open("piv-one")
    await unlock.open("pin-never")
  })
})

describe("a program", () => {
  const program = (...pins: readonly string[]): PinSource & { asked: (number | null)[] } => {
    const askedFor: (number | null)[] = []
    return {
      from: "program",
      keyed: true,
      asked: askedFor,
      pin: (serial) => {
        const pin = pins[askedFor.length] ?? pins.at(-1) ?? null
        askedFor.push(serial)
        return Promise.resolve(pin)
      },
    }
  }

  it("whose PIN is refused is not asked again", async () => {
    const card = inReader(stateOf(nano))
    const pins = program("000000")
    await using unlock = run([card], { stubs: allStubs, pins })
    const failure = await failureOf(unlock.open("piv-one"))
    expect(failure).toBeInstanceOf(PinRejected)
    expect(failure.message).toBe("wrong PIN, 2 tries left")
    expect(pins.asked).toEqual([nano])
    expect(triesLeft(card)).toBe(2)
  })

  it("whose PIN one YubiKey refused does not get to try it on another, nor on the same one", async () => {
    const cards = [inReader(stateOf(nano)), inReader(stateOf(nfc))]
    await using unlock = run(cards, { stubs: allStubs, pins: program("000000") })
    await failureOf(unlock.open("piv-one"))
    expect(await failureOf(unlock.open("tag-one"))).toBeInstanceOf(PinSourceFailed)
    expect(await failureOf(unlock.open("piv-one"))).toBeInstanceOf(PinSourceFailed)
    expect(cards.map(triesLeft)).toEqual([2, 3])
  })

  it("whose PIN a YubiKey did not confirm since it was pulled out does not get to try it on another, and reads no lie", async () => {
    // SELECT, GET METADATA, the serial number and VERIFY (empty) come before it: the fifth APDU is VERIFY.
    const cards = [inReader(stateOf(nano), { faults: [parseFault("removed@5")] }), inReader(stateOf(nfc))]
    await using unlock = run(cards, { stubs: allStubs, pins: program(PIN) })
    await failureOf(unlock.open("piv-one"))
    const failure = await failureOf(unlock.open("tag-one"))
    expect(failure).toBeInstanceOf(PinSourceFailed)
    expect(failure.message).toBe(
      `that PIN was shown to YubiKey ${nano}, which did not confirm it; it is not shown to YubiKey ${nfc}`,
    )
    expect(failure.hint).toContain("if one was unplugged")
    expect(cards.map(triesLeft)).toEqual([3, 3])
  })

  it("does not get to use the last try", async () => {
    const card = inReader(stateOf(nano, 1))
    await using unlock = run([card], { stubs: allStubs, pins: program(PIN) })
    expect(await failureOf(unlock.open("piv-one"))).toBeInstanceOf(LastTryGuarded)
    expect(triesLeft(card)).toBe(1)
  })

  it("that blocks the PIN with its try does not get to try it elsewhere", async () => {
    const cards = [inReader(stateOf(nano, 2)), inReader(stateOf(nfc))]
    await using unlock = run(cards, { stubs: allStubs, pins: program("000000") })
    await failureOf(unlock.open("piv-one"))
    await failureOf(unlock.open("tag-one"))
    expect(cards.map(triesLeft)).toEqual([1, 3])
  })
})

describe("a text with PINs", () => {
  it.each([
    { what: "one line is the PIN of every YubiKey", text: `${PIN}\n`, serial: nano, pin: PIN },
    {
      what: "lines of SERIAL and PIN are told apart",
      text: `${nfc} 111111\n${nano} 222222\n`,
      serial: nano,
      pin: "222222",
    },
    { what: "a YubiKey without a line has no PIN", text: `${nfc} 111111\n`, serial: nano, pin: null },
    { what: "line ends of Windows are no part of the PIN", text: `${PIN}\r\n`, serial: nano, pin: PIN },
  ])("$what", async ({ text, serial, pin }) => {
    const source = pinsFromText(() => Promise.resolve(text), "descriptor 3")
    if (source.from !== "program") throw new TypeError("no program")
    expect(await source.pin(serial)).toBe(pin)
  })

  it.each([
    { what: "nothing", text: "" },
    { what: "two lines without serials", text: "111111\n222222\n" },
  ])("of $what is refused, without the text in the message", async ({ text }) => {
    const source = pinsFromText(() => Promise.resolve(text), "descriptor 3")
    if (source.from !== "program") throw new TypeError("no program")
    const failure = await failureOf(source.pin(nano))
    expect(failure).toBeInstanceOf(PinSourceFailed)
    expect(failure.message).not.toContain("111111")
  })

  it("is read once, and only when a PIN is wanted", async () => {
    let reads = 0
    const source = pinsFromText(() => {
      reads++
      return Promise.resolve(PIN)
    }, "descriptor 3")
    await using unlock = run([inReader(stateOf(nano)), inReader(stateOf(nfc))], { stubs: allStubs, pins: source })
    await unlock.open("pin-never")
    expect(reads).toBe(0)
    await unlock.open("piv-one")
    await unlock.open("tag-one")
    expect(reads).toBe(1)
  })
})

describe("a PIN command", () => {
  it("is run for each YubiKey, with its serial number", async () => {
    const source = pinsFromCommand('test "$TS_AGE_YK_SERIAL" = 42 && echo 123456', { PATH: process.env["PATH"] })
    if (source.from !== "program") throw new TypeError("no program")
    expect(await source.pin(42)).toBe("123456")
    expect(await failureOf(source.pin(43))).toBeInstanceOf(PinSourceFailed)
  })
})

describe("a touch", () => {
  const realTime = (touch: number | "never"): Parameters<typeof inReader>[1] => ({ touch, clock: systemClock })

  it("is announced when the card has not answered for a moment, with serial and slot, and taken back when it was given", async () => {
    await using unlock = run([inReader(stateOf(nano), realTime(450))], { stubs: allStubs })
    await unlock.open("piv-one")
    const text = `touch YubiKey ${nano} (slot 82)`
    expect(unlock.announced).toEqual([text, `${text}: done`])
  })

  it("is not announced when it is given at once, nor while the card still counts the last one", async () => {
    await using unlock = run([inReader(stateOf(nfc), realTime(450))], { stubs: allStubs })
    await unlock.open("tag-one")
    expect(unlock.announced.length).toBe(2)
    await unlock.open("tag-one")
    expect(unlock.announced.length).toBe(2)
  })

  it("is not announced for a key that wants none, however slow the card is", async () => {
    await using unlock = run([inReader(stateOf(nfc), { ...realTime(0), ecdhDelay: 450 })], {
      stubs: [stubOf(nfc, 0x95)],
    })
    await unlock.open("pin-never")
    expect(unlock.announced).toEqual([])
  })

  it("that nobody gives is told apart from a wrong PIN, and costs no try", async () => {
    const card = inReader(stateOf(nano), { touch: "never" })
    await using unlock = run([card], { stubs: allStubs })
    const failure = await failureOf(unlock.open("piv-one"))
    expect(failure).toBeInstanceOf(TouchTimedOut)
    expect(failure).toMatchObject({ exit: 6, where: { serial: nano, slot: 0x82 } })
    expect(triesLeft(card)).toBe(3)
  })
})
