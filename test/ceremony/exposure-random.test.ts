/** The ledger against the truth: random histories, in which it is known what each key could read, and what stands there now. */
import { rmSync } from "node:fs"
import { join } from "node:path"
import fc from "fast-check"
import { expect, it } from "vitest"
import { readLedger } from "../../src/ceremony/ledger.ts"
import { readRepository } from "../../src/ceremony/repository.ts"
import { keyPathText } from "../../src/failure.ts"
import { SopsHistory } from "./sops-history.ts"

const runs = Number(process.env["LEDGER_RUNS"] ?? 8)
const names = ["lena", "vega", "nova"] as const
const places = ["a", "b", "c"] as const

/** What is true of a file: which data key it has, who has it, and what its values are. */
type Truth = { dataKey: number; who: string[]; values: Record<string, string> }
type Operation = Readonly<
  | { do: "set"; file: number; place: (typeof places)[number] }
  | { do: "rewrap" | "rotate"; file: number; who: string[] }
  | { do: "rename" | "copy" | "delete"; file: number }
  | { do: "branch" | "merge" | "drop" }
>

const who = fc.subarray([...names]).map((some) => ["admin", ...some])
const file = fc.nat(2)
const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("set" as const), file, place: fc.constantFrom(...places) }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constantFrom("rewrap" as const, "rotate" as const), file, who }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constantFrom("rename" as const, "copy" as const, "delete" as const), file }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom("branch" as const, "merge" as const, "drop" as const) }) },
)

class World implements Disposable {
  readonly history = new SopsHistory()
  files = new Map<string, Truth>()
  /** Every version of every file that was ever committed. */
  readonly past: Truth[] = []
  #main: Map<string, Truth> | null = null
  #count = 0

  #fresh(): string {
    this.#count += 1
    return `value ${String(this.#count).padStart(4, "0")}`
  }

  [Symbol.dispose](): void {
    this.history[Symbol.dispose]()
  }

  async begin(): Promise<void> {
    for (const index of [0, 1]) {
      const values = Object.fromEntries(places.map((place) => [place, this.#fresh()]))
      const text = places.map((place) => `${place}: ${values[place] ?? ""}\n`).join("")
      await this.history.encrypt(`s/file${index}.yaml`, text, ["admin", "lena"])
      this.files.set(`s/file${index}.yaml`, { dataKey: ++this.#count, who: ["admin", "lena"], values })
    }
    this.#commit("begin")
  }

  /** The rules say what the files say. */
  #commit(subject: string): void {
    const rules = [...this.files].map(([path, { who: keys }]) => [`^${path}$`, keys] as const)
    this.history.config(Object.fromEntries(rules.length > 0 ? rules : [["none", ["admin"]]]))
    this.history.commit(subject)
    for (const truth of this.files.values()) this.past.push(truth)
  }

  async carryOut(step: Operation): Promise<void> {
    if (!("file" in step)) {
      this.#fork(step.do)
      return
    }
    const paths = [...this.files.keys()].sort()
    const path = paths[step.file % Math.max(1, paths.length)]
    const truth = path === undefined ? undefined : this.files.get(path)
    if (path === undefined || truth === undefined) return
    switch (step.do) {
      case "set": {
        const value = this.#fresh()
        await this.history.set(path, `["${step.place}"]`, JSON.stringify(value))
        this.files.set(path, { ...truth, values: { ...truth.values, [step.place]: value } })
        break
      }
      case "rewrap":
        await this.history.rewrap(path, step.who)
        this.files.set(path, { ...truth, who: step.who })
        break
      case "rotate":
        await this.history.rotate(path, step.who)
        this.files.set(path, { ...truth, who: step.who, dataKey: ++this.#count })
        break
      case "rename":
      case "copy": {
        const to = `s/${step.do}${++this.#count}.yaml`
        this.history.write(to, this.history.read(path))
        this.files.set(to, truth)
        if (step.do === "copy") break
        rmSync(join(this.history.root, path))
        this.files.delete(path)
        break
      }
      case "delete":
        if (this.files.size < 2) return
        rmSync(join(this.history.root, path))
        this.files.delete(path)
    }
    this.#commit(step.do)
  }

  /** A branch that is merged by taking all of it, or dropped by a merge that takes nothing of it. */
  #fork(what: "branch" | "merge" | "drop"): void {
    if (what === "branch") {
      if (this.#main !== null) return
      this.#main = new Map(this.files)
      this.history.git("checkout", "--quiet", "-b", "side")
      return
    }
    if (this.#main === null) return
    this.history.git("checkout", "--quiet", "main")
    if (what === "drop") {
      this.history.git("merge", "--quiet", "--no-ff", "--no-edit", "--strategy=ours", "side")
      this.files = this.#main
    } else this.history.git("merge", "--quiet", "--no-ff", "--no-edit", "side")
    this.history.git("branch", "--quiet", "-D", "side")
    this.#main = null
  }

  /** What a key could ever read: whatever was encrypted with a data key that it was given. */
  knownTo(key: string): Set<string> {
    const dataKeys = new Set(this.past.filter((truth) => truth.who.includes(key)).map((truth) => truth.dataKey))
    return new Set(
      this.past.filter((truth) => dataKeys.has(truth.dataKey)).flatMap(({ values }) => Object.values(values)),
    )
  }
}

it("calls a value open exactly where a key that shall not read it knows what stands there", {
  timeout: 10_000 + runs * 5000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(operation, { minLength: 4, maxLength: 14 }), async (steps) => {
      using world = new World()
      await world.begin()
      for (const step of steps) await world.carryOut(step)
      const ledger = await readLedger(await readRepository(world.history.root))
      const open = (ledger?.exposures ?? []).filter(({ present, state }) => present && state.is === "open")
      const told = open.map((row) => `${world.history.nameOf(row.key)} ${row.file} ${keyPathText(row.keyPath)}`)
      const expected = [...world.files].flatMap(([path, truth]) =>
        names
          .filter((name) => !truth.who.includes(name))
          .flatMap((name) => {
            const known = world.knownTo(name)
            return places
              .filter((place) => known.has(truth.values[place] ?? ""))
              .map((place) => `${name} ${path} ["${place}"]`)
          }),
      )
      expect(told.toSorted()).toEqual(expected.toSorted())
    }),
    { numRuns: runs },
  )
})
