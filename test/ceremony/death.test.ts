/** Death of a ceremony: at every call that changes the disk, and at moments drawn by seed. `npm run death` does a thousand. */
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type CeremonyName, die, type Stage, setStage } from "./death.ts"

describe.each<{ ceremony: CeremonyName; runs: number }>([
  { ceremony: "rekey", runs: 20 },
  { ceremony: "host remove", runs: 20 },
])("$ceremony that is killed", ({ ceremony, runs }) => {
  const held: { stage?: Stage } = {}

  beforeAll(async () => {
    held.stage = await setStage(ceremony)
  }, 60_000)

  afterAll(() => {
    held.stage?.[Symbol.dispose]()
  })

  function theStage(): Stage {
    if (held.stage === undefined) throw new TypeError("no stage")
    return held.stage
  }

  it("has enough calls to be killed at", () => {
    expect(theStage().calls).toBeGreaterThan(50)
  })

  it("leaves all-old, or what resume or abort makes all-old or all-new: at calls from the first to the last", {
    timeout: 300_000,
  }, async () => {
    const stage = theStage()
    const faults: string[] = []
    for (let run = 0; run < runs; run++) {
      const atCall = 1 + Math.floor((run * stage.calls) / runs)
      const fault = await die(stage, { atCall }, run % 2 === 0 ? "resume" : "abort", `call-${run}`)
      if (fault !== null) faults.push(`killed at call ${atCall}: ${fault}`)
    }
    expect(faults).toEqual([])
  })

  it("the same at 5 moments", { timeout: 120_000 }, async () => {
    const stage = theStage()
    const faults: string[] = []
    for (let run = 0; run < 5; run++) {
      const afterMs = (stage.milliseconds * (run + 1)) / 5
      const fault = await die(stage, { afterMs }, run % 2 === 0 ? "abort" : "resume", `moment-${run}`)
      if (fault !== null) faults.push(`killed after ${afterMs} ms: ${fault}`)
    }
    expect(faults).toEqual([])
  })
})
