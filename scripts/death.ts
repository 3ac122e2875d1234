/** Kills ceremonies by seed and looks whether each is all-old or all-new after resume or abort: npm run death -- --runs 1000 --seed 1 */
import { parseArgs } from "node:util"
import { type CeremonyName, ceremonies, die, setStage } from "../test/ceremony/death.ts"

const { values } = parseArgs({
  options: { runs: { type: "string", default: "1000" }, seed: { type: "string", default: "1" } },
})
const runs = Number(values.runs)

/** A small generator that a seed repeats: mulberry32. */
function generator(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const stages = await Promise.all((Object.keys(ceremonies) as CeremonyName[]).map(setStage))
let faults = 0
try {
  for (let run = 0; run < runs; run++) {
    const seed = Number(values.seed) + run
    const random = generator(seed)
    // Half of them are a rekey; the other half change `.sops.yaml` too.
    const stage = stages[random() < 0.5 ? 0 : 1 + Math.floor(random() * (stages.length - 1))]
    if (stage === undefined) throw new RangeError("no stage")
    const death =
      random() < 0.7
        ? { atCall: 1 + Math.floor(random() * stage.calls) }
        : { afterMs: random() * stage.milliseconds * 1.2 }
    const fault = await die(stage, death, random() < 0.5 ? "resume" : "abort", `seed-${seed}`)
    if (fault === null) continue
    faults++
    console.log(`seed ${seed}, ${stage.ceremony}, ${JSON.stringify(death)}: ${fault}`)
  }
} finally {
  for (const stage of stages) stage[Symbol.dispose]()
}
console.log(`${runs} deaths, ${faults} faults`)
process.exitCode = faults === 0 ? 0 : 1
