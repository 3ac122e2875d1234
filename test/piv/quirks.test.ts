/** What cards of other makers do, and what other programs do to a shared card: each quirk was met by a real client. */
import { describe, expect, it } from "vitest"
import type { CardTransport, Reader } from "../../src/pcsc/card-transport.ts"
import { PivSession } from "../../src/piv/session.ts"
import { inReader, type TestCard, vectorCards } from "../cards.ts"
import { allStubs, run, stubOf } from "../keyring/run.ts"

const nano = 16169658

type Twist = (command: Uint8Array, next: (command: Uint8Array) => Promise<Uint8Array>) => Promise<Uint8Array>

/** A card that answers in its own way. */
function twisted(card: TestCard, twist: Twist): TestCard {
  const reader: Reader = {
    name: card.reader.name,
    connect: async (): Promise<CardTransport> => {
      const transport = await card.reader.connect()
      return { ...transport, transmit: (command) => twist(command, (changed) => transport.transmit(changed)) }
    },
  }
  return { ...card, reader: Object.assign(Object.create(card.reader) as typeof card.reader, reader) }
}

function nanoCard(): TestCard {
  const state = vectorCards().find(({ serial }) => serial === nano)
  if (state === undefined) throw new TypeError("no card")
  return inReader(state)
}

const ins = (command: Uint8Array): number => command[1] ?? 0
const word = (hex: string): Promise<Uint8Array> => Promise.resolve(Uint8Array.from(Buffer.from(hex, "hex")))

async function opens(card: TestCard): Promise<void> {
  await using unlock = run([card], { stubs: [stubOf(nano, 0x82)] })
  await unlock.open("piv-one")
  await unlock.open("empty")
  expect(card.card.state.pin.triesLeft).toBe(3)
}

describe("a file opens with a card that", () => {
  it.each([
    { quirk: "answers GET METADATA with 9000 and no data", answer: "9000" },
    { quirk: "does not know GET METADATA", answer: "6d00" },
    { quirk: "finds GET METADATA not supported", answer: "6a81" },
    { quirk: "has no diagnosis for GET METADATA", answer: "6f00" },
    { quirk: "has another class for GET METADATA", answer: "6e00" },
  ])("$quirk", async ({ answer }) => {
    await opens(twisted(nanoCard(), (command, next) => (ins(command) === 0xf7 ? word(answer) : next(command))))
  })

  it("refuses the five-byte name of the application, since we say all nine bytes", async () => {
    await opens(
      twisted(nanoCard(), (command, next) =>
        ins(command) === 0xa4 && (command[4] ?? 0) < 9 ? word("6a82") : next(command),
      ),
    )
  })

  it("says 9000 for its PIN after another program's SELECT, and then does not agree", async () => {
    let shown = false
    await opens(
      twisted(nanoCard(), async (command, next) => {
        if (ins(command) === 0x20 && command.length <= 5) return word("9000")
        if (ins(command) === 0x20) shown = true
        if (ins(command) === 0x87 && !shown) return word("6982")
        return next(command)
      }),
    )
  })

  it("loses its selection to another program between two commands", async () => {
    let stolen = false
    await opens(
      twisted(nanoCard(), async (command, next) => {
        if (ins(command) === 0x87 && !stolen) {
          stolen = true
          await next(Uint8Array.from(Buffer.from("00a4040008a000000527200101", "hex")))
        }
        return next(command)
      }),
    )
  })

  it("cuts each answer at 255 bytes, whatever was expected", async () => {
    const { reader } = nanoCard()
    const transport = await reader.connect()
    const session = await PivSession.select({
      ...transport,
      transmit: (command) => transport.transmit(command),
    })
    expect((await session.getCertificate(0x82))?.length).toBeGreaterThan(256)
  })

  it("has lengths in its metadata that are not minimal", async () => {
    await opens(
      twisted(nanoCard(), async (command, next) => {
        const answer = await next(command)
        if (ins(command) !== 0xf7) return answer
        return Uint8Array.from(
          Buffer.from(Buffer.from(answer).toString("hex").replace("04438641", "048144868141"), "hex"),
        )
      }),
    )
  })
})

describe("a slot that", () => {
  it.each([
    { what: "is empty and has metadata without algorithm or key", answer: "02020000030100" + "9000" },
    { what: "does not exist", answer: "6a86" },
    { what: "is empty", answer: "6a88" },
    { what: "holds a key whose metadata lacks the key", answer: "010111" + "9000" },
  ])("$what is passed over", async ({ answer }) => {
    const card = twisted(nanoCard(), (command, next) =>
      ins(command) === 0xf7 && command[3] === 0x82 ? word(answer) : next(command),
    )
    await using unlock = run([card], { stubs: allStubs })
    await expect(unlock.open("piv-one")).rejects.toMatchObject({ exit: 4 })
    await unlock.open("pin-always")
  })
})

describe("ATTEST", () => {
  it.each(["6a81", "6a88", "6d00", "6f00", "6a80", "9000"])(
    "that answers %s means that there is no attestation",
    async (answer) => {
      const transport = await twisted(nanoCard(), (command, next) =>
        ins(command) === 0xf9 ? word(answer) : next(command),
      ).reader.connect()
      const session = await PivSession.select(transport)
      expect(await session.attestKey(0x82)).toBeNull()
    },
  )
})

describe("PIN tries", () => {
  it.each([
    { answer: "63c5", status: { state: "needed", triesLeft: 5 } },
    { answer: "6303", status: { state: "needed", triesLeft: 3 } },
    { answer: "63c0", status: { state: "blocked" } },
    { answer: "6983", status: { state: "blocked" } },
    { answer: "9000", status: { state: "verified" } },
  ] as const)("are read from $answer", async ({ answer, status }) => {
    const transport = await twisted(nanoCard(), (command, next) =>
      ins(command) === 0x20 ? word(answer) : next(command),
    ).reader.connect()
    expect(await (await PivSession.select(transport)).pinStatus()).toEqual(status)
  })
})
