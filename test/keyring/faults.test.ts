/** For each fault at each APDU of a decrypt: a typed failure or the right file key, no hang, and no PIN try lost. */
import { describe, expect, it } from "vitest"
import { Failure } from "../../src/failure.ts"
import { parseFault } from "../../src/virtual/index.ts"
import { inReader, PIN, vectorCards } from "../cards.ts"
import { allStubs, run } from "./run.ts"

const kinds = ["removed", "reset", "busy", "short", "garbage", "unresponsive", "slow:1000"] as const
/** The longest of these decrypts has six APDUs; the seventh is one that never comes. */
const apdus = [1, 2, 3, 4, 5, 6, 7]
const files = ["piv-one", "tag-one", "pin-always", "pin-never"] as const

async function fileKeyOf(
  file: string,
  faults: readonly string[],
  stubs: typeof allStubs,
): Promise<{ key: string | Failure; tries: number[]; asked: number }> {
  let asked = 0
  const cards = vectorCards().map((state) => inReader(state, { faults: faults.map(parseFault) }))
  const pins = {
    from: "program",
    keyed: false,
    pin: () => {
      asked++
      return Promise.resolve(PIN)
    },
  } as const
  await using unlock = run(cards, { stubs, pins })
  const key = await unlock.open(file).then(
    (fileKey) => fileKey.use((bytes) => Buffer.from(bytes).toString("hex")),
    (failure: unknown) => {
      if (failure instanceof Failure) return failure
      throw failure
    },
  )
  return { key, tries: cards.map(({ card }) => card.state.pin.triesLeft), asked }
}

describe.each(kinds)("the fault %s", (kind) => {
  it.each(files)("at any APDU of the decrypt of %s", async (file) => {
    for (const stubs of [allStubs, []]) {
      const { key: right } = await fileKeyOf(file, [], stubs)
      for (const apdu of apdus) {
        const { key, tries, asked } = await fileKeyOf(file, [`${kind}@${apdu}`], stubs)
        expect(tries, `${kind}@${apdu}`).toEqual([3, 3])
        if (key instanceof Failure) expect([4, 5, 6, 7, 1], `${kind}@${apdu}: ${key.message}`).toContain(key.exit)
        else expect(key, `${kind}@${apdu}`).toBe(right)
        // A reset or a pause is mended without a person.
        if (kind === "reset" || kind === "slow:1000") expect(key, `${kind}@${apdu}`).toBe(right)
        expect(asked).toBeLessThanOrEqual(1)
      }
    }
  })
})

it("two resets in one decrypt are survived, and the PIN is asked for once", async () => {
  const { key: right } = await fileKeyOf("piv-one", [], allStubs)
  const { key, asked } = await fileKeyOf("piv-one", ["reset@5", "reset@4"], allStubs)
  expect(key).toBe(right)
  expect(asked).toBe(1)
})

it("a card that is reset for ever ends in a failure", async () => {
  const { key } = await fileKeyOf("piv-one", ["reset@3*"], allStubs)
  expect(key).toBeInstanceOf(Failure)
  expect(key).toMatchObject({ code: "card-reset", exit: 5 })
})
