import { createHash } from "node:crypto"
import { describe, expect, it } from "vitest"
import { NoIdentityMatches } from "../../src/age/failures.ts"
import { decryptBytes } from "../../src/age/file.ts"
import { X25519Identity } from "../../src/age/x25519.ts"
import { explain, Failure } from "../../src/failure.ts"
import { NoCard, NoCardService } from "../../src/pcsc/failures.ts"
import { importKey, newCard, systemClock, type VirtualReader } from "../../src/virtual/index.ts"
import { inReader, PIN, type TestCard, twins, vector, vectorCards, vectorText } from "../cards.ts"
import { person } from "../dialogue.ts"
import { allStubs, run, stubOf } from "./run.ts"

const nano = 16169658
const nfc = 27205443

type Expected = { file: string; sha256: string; length: number }
const expectedFiles = (JSON.parse(vectorText("yubikey/age/expected.json")) as Expected[]).map((entry) => ({
  ...entry,
  name: entry.file.replace("age/", ""),
}))

function cardOf(serial: number, options: Parameters<typeof inReader>[1] = {}): TestCard {
  const state = vectorCards().find((card) => card.serial === serial)
  if (state === undefined) throw new TypeError(`no card ${serial}`)
  return inReader(state, options)
}

const sum = (readers: readonly VirtualReader[]): number => readers.reduce((total, { apdus }) => total + apdus, 0)

describe("the files that age and age-plugin-yubikey made", () => {
  it("are twelve", () => {
    expect(expectedFiles.length).toBe(12)
  })

  it.each(expectedFiles.filter(({ name }) => name !== "not-for-us.age"))(
    "$name opens with a card, with stubs and without",
    async ({ name, sha256 }) => {
      for (const stubs of [allStubs, []]) {
        await using unlock = run([cardOf(nano), cardOf(nfc)], { stubs })
        const plaintext = await decryptBytes(vector(`yubikey/age/${name}`), (stanzas) => unlock.session.open(stanzas))
        expect(createHash("sha256").update(plaintext).digest("hex")).toBe(sha256)
      }
    },
  )

  it("not-for-us.age is refused at once, and nobody is asked", async () => {
    const pins = { from: "program", keyed: false, pin: () => Promise.reject(new TypeError("asked")) } as const
    await using unlock = run([cardOf(nano), cardOf(nfc)], { stubs: allStubs, pins })
    const failure = await unlock.open("not-for-us").catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(NoIdentityMatches)
    expect(failure).toMatchObject({ exit: 4 })
  })
})

describe("the number of APDUs", () => {
  it.each([
    { what: "piv-p256 with a stub", file: "piv-one", serial: nano, stub: true, most: 5 },
    { what: "p256tag with a stub", file: "tag-one", serial: nfc, stub: true, most: 5 },
    { what: "PIN policy always, with a stub", file: "pin-always", serial: nano, slot: 0x83, stub: true, most: 5 },
    { what: "PIN policy never, with a stub", file: "pin-never", serial: nfc, slot: 0x95, stub: true, most: 3 },
    { what: "piv-p256 without a stub, in the first retired slot", file: "piv-one", serial: nano, stub: false, most: 6 },
    { what: "p256tag without a stub, in the first retired slot", file: "tag-one", serial: nfc, stub: false, most: 6 },
  ])("of a cold decrypt: $what takes $most", async ({ file, serial, slot = 0x82, stub, most }) => {
    const card = cardOf(serial)
    await using unlock = run([card], { stubs: stub ? [stubOf(serial, slot)] : [] })
    await unlock.open(file)
    expect(card.reader.apdus).toBe(most)
  })

  it.each(["3.4.9", "4.3.5", "5.0.2"])(
    "of a cold decrypt on firmware %s, where certificates tell what slots hold, is at most 7",
    async (firmware) => {
      const privateKey = Uint8Array.from(
        Buffer.from("9b9d72a7fca0776a2645dd7b249627cf33107ace5b01e9ed490d54ef31b58ef0", "hex"),
      )
      const touchPolicy = firmware === "3.4.9" ? "never" : "always"
      const state = importKey(newCard({ firmware, serial: nano, pin: PIN }), {
        slot: 0x82,
        privateKey,
        pinPolicy: "once",
        touchPolicy,
      })
      for (const stubs of [[stubOf(nano, 0x82)], []]) {
        const card = inReader(state)
        await using unlock = run([card], { stubs })
        await unlock.open("piv-one")
        expect(card.reader.apdus).toBe(7)
      }
    },
  )

  it("of each further file of a run is one, and two where the PIN is wanted each time", async () => {
    const card = cardOf(nano)
    await using unlock = run([card], { stubs: allStubs })
    await unlock.open("piv-one")
    const before = card.reader.apdus
    for (let count = 1; count <= 10; count++) {
      await unlock.open("empty")
      expect(card.reader.apdus).toBe(before + count)
    }
    await unlock.open("pin-always")
    const always = card.reader.apdus
    await unlock.open("pin-always")
    expect(card.reader.apdus).toBe(always + 2)
  })

  it("is none for a file that has no stanza of ours, nor for one that a software key opens", async () => {
    const cards = [cardOf(nano), cardOf(nfc)]
    const identity = X25519Identity.parse(vectorText("yubikey/provision-key.txt").trim())
    await using unlock = run(cards, { identities: [identity] })
    await unlock.open("mixed")
    expect(sum(cards.map(({ reader }) => reader))).toBe(0)
  })
})

describe("which key is used", () => {
  it("is the one that asks least of a person", async () => {
    await using unlock = run([cardOf(nano), cardOf(nfc)], { stubs: allStubs })
    // mixed.age is for slot 82 (PIN, touch) and 83 of one card, and for slot 95 (neither) of the other.
    await unlock.open("mixed")
    expect([...unlock.attendant.tallies]).toEqual([[`YubiKey ${nfc}`, { pins: 0, touches: 0, uses: 1 }]])
  })

  it("is found by its tag on another YubiKey than the stub names, and the prompt names the one that is here", async () => {
    const privateKey = Uint8Array.from(
      Buffer.from("9b9d72a7fca0776a2645dd7b249627cf33107ace5b01e9ed490d54ef31b58ef0", "hex"),
    )
    const twin = importKey(newCard({ firmware: "5.7.1", serial: 999, pin: "654321" }), {
      slot: 0x9d,
      privateKey,
      pinPolicy: "once",
      touchPolicy: "never",
    })
    const asked: (number | null)[] = []
    const pins = {
      from: "program",
      keyed: true,
      pin: (serial: number | null) => {
        asked.push(serial)
        return Promise.resolve("654321")
      },
    } as const
    await using unlock = run([inReader(twin)], { stubs: allStubs, pins })
    await unlock.open("piv-one")
    expect(asked).toEqual([999])
  })

  it.each([
    { here: "one of two YubiKeys that it was imported into", cards: [0], serial: 999 },
    { here: "both of them", cards: [0, 1], serial: 999 },
    { here: "the other one alone", cards: [1], serial: 998 },
  ])("is called by the YubiKey that is asked, with $here, whatever the stub says", async ({ cards, serial }) => {
    const dialogue = person(PIN)
    const states = twins()
    // Each touch takes long enough to be announced.
    const present = cards.map((index) => inReader(states[index] ?? states[0], { touch: 400, clock: systemClock }))
    await using unlock = run(present, { stubs: [stubOf(nano, 0x82)], pins: { from: "person", dialogue } })
    await unlock.open("piv-one")
    expect(dialogue.asked).toEqual([`PIN for YubiKey ${serial} (slot 82)`])
    expect(unlock.announced).toEqual([`touch YubiKey ${serial} (slot 82)`, `touch YubiKey ${serial} (slot 82): done`])
  })

  it("is asked for its serial number where it was imported, and costs six APDUs then", async () => {
    const card = inReader(twins()[0])
    await using unlock = run([card], { stubs: [stubOf(nano, 0x82)] })
    await unlock.open("piv-one")
    expect(card.reader.apdus).toBe(6)
  })

  it("is none but those that stubs name, where only stubs count", async () => {
    await using unlock = run([cardOf(nano)], { stubs: [stubOf(nfc, 0x82)], stubsOnly: true })
    await expect(unlock.open("piv-one")).rejects.toMatchObject({ exit: 4 })
  })

  it("is left alone on YubiKeys that --serial does not name", async () => {
    const card = cardOf(nano)
    await using unlock = run([card], { serials: [nfc] })
    await expect(unlock.open("piv-one")).rejects.toBeInstanceOf(NoCard)
    expect(card.reader.connections).toBe(0)
  })
})

describe("what is absent", () => {
  it("is named, with the serial and the slot of its stub", async () => {
    await using unlock = run([cardOf(nfc)], { stubs: [stubOf(nano, 0x82)] })
    const failure = await unlock.open("piv-one").catch((error: unknown) => error)
    expect(failure).toMatchObject({ exit: 4, code: "no-identity-matches" })
    expect(failure instanceof Failure && explain(failure).text.split("\n").slice(1)).toEqual([
      `  YubiKey ${nano}, slot 82: not connected`,
      `  YubiKey ${nfc}: not for it`,
    ])
  })

  it("may be plugged in when asked for, and then opens the file", async () => {
    const card = cardOf(nano)
    card.reader.unplug()
    const present: TestCard[] = []
    const asked: string[][] = []
    await using unlock = run(present, {
      stubs: [stubOf(nano, 0x82)],
      plugIn: (wanted) => {
        asked.push([...wanted])
        card.reader.plug()
        present.push(card)
        return Promise.resolve(true)
      },
    })
    await unlock.open("piv-one")
    expect(asked).toEqual([[`YubiKey ${nano}, slot 82`]])
  })

  it("is not asked for when the person says no", async () => {
    await using unlock = run([], { stubs: [stubOf(nano, 0x82)], plugIn: () => Promise.resolve(false) })
    await expect(unlock.open("piv-one")).rejects.toMatchObject({ exit: 4 })
  })

  it("is told as it is when it is the smart card service", async () => {
    await using unlock = run([], { readers: () => Promise.reject(new NoCardService()) })
    await expect(unlock.open("piv-one")).rejects.toBeInstanceOf(NoCardService)
  })
})

describe("letting go", () => {
  it("leaves the card as it is: its PIN stays verified for the next program", async () => {
    const card = cardOf(nano)
    {
      await using unlock = run([card], { stubs: allStubs })
      await unlock.open("piv-one")
    }
    expect(card.reader.connections).toBe(0)
    const pins = { from: "nobody" } as const
    await using unlock = run([card], { stubs: allStubs, pins })
    await unlock.open("piv-one")
  })
})

describe("a YubiKey without GET METADATA", () => {
  it.each([
    { what: "is no certificate", object: "70023000710100fe00" },
    { what: "does not unpack", object: "70021f8b710101fe00" },
  ])("opens with a key in a later slot, whatever $what in an earlier one", async ({ object }) => {
    const key = vectorCards().find((card) => card.serial === nano)?.keys["82"]
    if (key === undefined) throw new TypeError("the vectors have no such key")
    const { pinPolicy, touchPolicy } = key
    const privateKey = Uint8Array.from(Buffer.from(key.privateKey, "hex"))
    const state = importKey(newCard({ firmware: "4.3.5", pin: PIN }), {
      slot: 0x84,
      privateKey,
      pinPolicy,
      touchPolicy,
    })
    state.objects["5fc10d"] = object
    await using unlock = run([inReader(state)])
    await unlock.open("piv-one")
  })
})
