/** What the benchmarks share: where peers are, how a process is timed, and how results come together in one table. */
import { spawn, spawnSync } from "node:child_process"
import { existsSync, writeFileSync } from "node:fs"
import { delimiter, join } from "node:path"
import { peers } from "../native-test/harness.ts"

const root = new URL("..", import.meta.url).pathname
export const cli = join(root, "dist/cli.js")
export const plugin = join(root, "dist/plugin.js")
export const vectors = join(root, "test/vectors/yubikey")
/** Programs that native-test/install-peers installed. */
export const programs = join(peers, "bin")

/** The environment of everything that is measured: a certificate file alone costs Node 80 ms at its start. */
export const env: Readonly<Record<string, string | undefined>> = {
  ...process.env,
  NODE_EXTRA_CA_CERTS: undefined,
  NODE_OPTIONS: undefined,
  PATH: [programs, process.env["PATH"]].join(delimiter),
}

export function hasPeer(name: string): boolean {
  return existsSync(join(programs, name))
}

export type Program = readonly [program: string, ...args: string[]]

/** `input` is written to standard input, which stays open when only the first byte of output is waited for. */
type Timing = Readonly<{
  input?: string
  until?: "end" | "output"
  env?: Readonly<Record<string, string>>
  cwd?: string
  quiet?: true
}>

/** Milliseconds from the start of a process to its end, or to the first byte that it writes. */
export function timed([program, ...args]: Program, timing: Timing = {}): Promise<number> {
  const { input = "", until = "end" } = timing
  return new Promise((resolve, reject) => {
    const start = performance.now()
    const child = spawn(program, args, {
      cwd: timing.cwd,
      env: { ...env, ...timing.env },
      stdio: ["pipe", until === "output" ? "pipe" : "ignore", timing.quiet === true ? "ignore" : "inherit"],
    })
    let first: number | undefined
    child.stdin?.on("error", () => undefined)
    if (until === "output") child.stdin?.write(input)
    else child.stdin?.end(input)
    child.stdout?.once("data", () => {
      first = performance.now() - start
      child.kill("SIGKILL")
    })
    child.on("error", reject)
    child.on("close", (status) => {
      if (until === "end" && status !== 0)
        reject(new TypeError(`${program} ${args.join(" ").slice(0, 200)} ended with ${status}`))
      else resolve(first ?? performance.now() - start)
    })
  })
}

/** Most memory that a process had, in MiB; "?" where time(1) is missing. It may end with 3, a plan with something to do. */
export function memory(program: Program, more: Readonly<Record<string, string>> = {}, cwd?: string): string {
  const { stderr } = spawnSync("/usr/bin/time", ["-v", ...program], {
    cwd,
    env: { ...env, ...more },
    encoding: "utf8",
    maxBuffer: 1 << 28,
    stdio: ["ignore", "ignore", "pipe"],
  })
  const kibibytes = /Maximum resident set size \(kbytes\): (\d+)/.exec(stderr)?.[1]
  return kibibytes === undefined ? "?" : String(Math.round(Number(kibibytes) / 1024))
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN
}

/**
 * Medians of several processes that take turns, so that a machine that is busy for a while is busy for all.
 * @returns milliseconds, by name
 */
export async function inTurns<Name extends string>(
  runs: Readonly<Partial<Record<Name, () => Promise<number>>>>,
  rounds: number,
): Promise<Readonly<Partial<Record<Name, number>>>> {
  const times = new Map<string, number[]>()
  for (let round = 0; round <= rounds; round++)
    for (const [name, run] of Object.entries<(() => Promise<number>) | undefined>(runs)) {
      const took = await run?.()
      // The first round warms the page cache.
      if (took !== undefined && round > 0) times.set(name, [...(times.get(name) ?? []), took])
    }
  const medians: Partial<Record<string, number>> = {}
  for (const [name, taken] of times) medians[name] = median(taken)
  return medians as Partial<Record<Name, number>>
}

/** A line of the table. `ratio`: ours divided by the peer's. */
export type Row = Readonly<{ what: string; ours: string; peer?: string; ratio?: string; wanted?: string }>

/** Hands rows to bench/run.ts, or prints them. */
export function report(rows: readonly Row[]): void {
  const file = process.env["BENCH_JSON"]
  if (file !== undefined) writeFileSync(file, JSON.stringify(rows))
  else process.stdout.write(table(rows))
}

export function table(rows: readonly Row[]): string {
  const cells = [
    ["what", "ours", "peer", "ratio", "wanted"],
    ...rows.map(({ what, ours, peer = "", ratio = "", wanted = "" }) => [what, ours, peer, ratio, wanted]),
  ]
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)))
  return cells
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join("")
}

export function milliseconds(time: number | undefined): string {
  return time === undefined ? "" : `${time.toFixed(1)} ms`
}

/** Ours divided by the peer's; empty where there is no peer. */
export function ratio(ours: number | undefined, peer: number | undefined): string {
  return ours === undefined || peer === undefined ? "" : (ours / peer).toFixed(2)
}
