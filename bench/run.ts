/** All benchmarks, or those whose names begin like this, one after the other, and their results in one table: npm run bench [-- NAME...] */
import { spawnSync } from "node:child_process"
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { env, type Program, type Row, table } from "./measure.ts"

const root = new URL("..", import.meta.url).pathname
const runTs = [process.execPath, join(root, "scripts/run-ts.js")] as const

/** Why a pcscd of one's own cannot be had here; null when it can. */
function noPcscd(): string | null {
  if (process.getuid?.() !== 0) return "it wants root, for a pcscd of its own"
  return existsSync("/usr/sbin/pcscd") ? null : "it wants pcscd and vsmartcard-vpcd"
}

type Benchmark = Readonly<{ command: Program; missing: () => string | null }>

const benchmarks: Readonly<Record<string, Benchmark>> = {
  startup: { command: [...runTs, "bench/startup.ts"], missing: () => null },
  plugin: {
    command: [join(root, "native-test/with-pcscd"), "--one-reader", ...runTs, "bench/plugin.ts"],
    missing: noPcscd,
  },
  sops: { command: [...runTs, "bench/sops.ts"], missing: () => null },
  rekey: { command: [...runTs, "bench/rekey.ts"], missing: () => null },
  "rekey-yubikey": {
    command: [join(root, "native-test/with-pcscd"), "--one-reader", ...runTs, "bench/rekey-yubikey.ts"],
    missing: noPcscd,
  },
  audit: { command: [...runTs, "bench/audit.ts"], missing: () => null },
  "age-throughput": { command: [...runTs, "bench/age-throughput.ts"], missing: () => null },
}

const wanted = process.argv.slice(2)
const folder = mkdtempSync(join(tmpdir(), "bench-"))
const rows: Row[] = []
for (const [name, { command, missing }] of Object.entries(benchmarks)) {
  if (wanted.length > 0 && !wanted.some((beginning) => name.startsWith(beginning))) continue
  const reason = missing()
  if (reason !== null) {
    console.error(`${name}: left out, ${reason}`)
    continue
  }
  console.error(`${name} …`)
  const results = join(folder, `${name}.json`)
  const [program, ...args] = command
  const { status } = spawnSync(program, args, {
    cwd: root,
    env: { ...env, BENCH_JSON: results },
    stdio: ["ignore", "inherit", "inherit"],
  })
  if (status === 0) rows.push(...(JSON.parse(readFileSync(results, "utf8")) as Row[]))
  else {
    console.error(`${name}: failed with status ${status ?? "none"}`)
    process.exitCode = 1
  }
}
rmSync(folder, { recursive: true, force: true })
process.stdout.write(table(rows))
