import { describe, expect, it } from "vitest"
import { manualClock, systemClock } from "../../src/virtual/index.ts"

describe("manualClock", () => {
  it("wakes sleepers in the order of their time, and not before", async () => {
    const clock = manualClock()
    const woken: string[] = []
    const late = clock.sleep(20).then(() => woken.push("late"))
    const early = clock.sleep(10).then(() => woken.push("early"))
    clock.advance(9)
    await Promise.resolve()
    expect(woken).toEqual([])
    clock.advance(11)
    await Promise.all([late, early])
    expect(woken).toEqual(["early", "late"])
    expect(clock.now()).toBe(20)
  })

  it("moves by itself where waits are skipped", async () => {
    const clock = manualClock({ skipSleep: true })
    await clock.sleep(15_000)
    expect(clock.now()).toBe(15_000)
  })
})

it("the system's clock goes on by itself", async () => {
  const before = systemClock.now()
  await systemClock.sleep(5)
  expect(systemClock.now()).toBeGreaterThan(before + 2)
})
