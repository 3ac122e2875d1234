import { describe, expect, it } from "vitest"
import { newCard } from "../../src/virtual/index.ts"
import { type ForeignTest, runPivGoSuite, runYubikitSuite } from "../foreign-suites.ts"
import { insert } from "../harness.ts"
import skips from "./skips.json" with { type: "json" }

/** Entries of skips.json that a skipped test made use of. */
const used = new Set<number>()

function allowed(suite: string, firmware: string, test: ForeignTest): boolean {
  const entry = skips.findIndex(
    (skip) =>
      skip.suite === suite &&
      skip.firmware.includes(firmware) &&
      new RegExp(skip.test).test(test.name) &&
      new RegExp(skip.said).test(test.said),
  )
  if (entry >= 0) used.add(entry)
  return entry >= 0
}

/** Each of their tests becomes one of ours; a skip that skips.json does not list fails. */
function report(suite: string, firmware: string, tests: readonly ForeignTest[], atLeast: number): void {
  describe(`${suite} on firmware ${firmware}`, () => {
    it(`ran at least ${atLeast} tests`, () => {
      expect(tests.filter((test) => test.result !== "skipped").length).toBeGreaterThanOrEqual(atLeast)
    })
    for (const test of tests) {
      if (test.result === "skipped" && allowed(suite, firmware, test)) it.skip(test.name)
      else it(test.name, () => expect(test).toMatchObject({ result: "passed" }))
    }
  })
}

const suites = [
  { firmware: "4.3.5", yubikit: 123, pivGo: 46 },
  { firmware: "5.0.2", yubikit: 123, pivGo: null },
  { firmware: "5.4.3", yubikit: 144, pivGo: 48 },
  { firmware: "5.7.1", yubikit: 170, pivGo: 50 },
]

for (const { firmware, yubikit, pivGo } of suites) {
  {
    await using inserted = await insert(newCard({ firmware, pinComplexity: true }))
    report("yubikit", firmware, await runYubikitSuite(inserted.card.serial), yubikit)
  }
  if (pivGo !== null) {
    await using inserted = await insert(newCard({ firmware }))
    const leaveOut = skips.find((skip) => skip.test === "^TestYubiKeyX25519ECDH$" && skip.firmware.includes(firmware))
    const tests = await runPivGoSuite(new RegExp(leaveOut?.test ?? "^$"))
    report("piv-go", inserted.card.state.firmware, tests, pivGo)
  }
}

it("skips.json lists no skip that does not happen", () => {
  expect(skips.filter((_, index) => !used.has(index))).toEqual([])
})
