/**
 * Payload throughput on 1 GiB, ours and `age`'s: node scripts/run-ts.js bench/age-throughput.ts [--bytes N] [--rounds N]
 * Wants `age` and `age-keygen` on PATH or where native-test/install-peers puts them. Programs take turns, so that a machine that is busy for
 * a while is busy for both; medians are compared. Output goes to /dev/null: where it goes to a file, ours is flushed to the disk and age's
 * is not.
 */
import { execFileSync } from "node:child_process"
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { cli, env, inTurns, ratio, report, timed } from "./measure.ts"

const { values } = parseArgs({
  options: { bytes: { type: "string", default: String(2 ** 30) }, rounds: { type: "string", default: "5" } },
})
const bytes = Number(values.bytes)
const rounds = Number(values.rounds)
const node = process.execPath
const folder = mkdtempSync(join(tmpdir(), "age-throughput-"))

function speed(time = Number.NaN): string {
  return `${(time / 1000).toFixed(2)} s, ${(bytes / time / 1e3).toFixed(0)} MB/s`
}

try {
  const identity = join(folder, "key.txt")
  const plain = join(folder, "plain")
  const sealed = join(folder, "sealed.age")
  execFileSync("age-keygen", ["-o", identity], { env, stdio: "ignore" })
  const recipient = execFileSync("age-keygen", ["-y", identity], { env, encoding: "utf8" }).trim()
  const file = openSync(plain, "w")
  const block = Buffer.alloc(1 << 20)
  for (let left = bytes; left > 0; left -= block.length) writeSync(file, block, 0, Math.min(left, block.length))
  closeSync(file)
  execFileSync("age", ["-r", recipient, "-o", sealed, plain], { env })

  const rows = []
  for (const { what, ours, peer } of [
    {
      what: "encrypt",
      ours: [node, cli, "encrypt", "--age", "-r", recipient, plain],
      peer: ["age", "-r", recipient, plain],
    },
    {
      what: "decrypt",
      ours: [node, cli, "decrypt", "--no-yubikey", "-i", identity, sealed],
      peer: ["age", "-d", "-i", identity, sealed],
    },
  ] as const) {
    const times = await inTurns({ ours: () => timed(ours), peer: () => timed(peer) }, rounds)
    rows.push({
      what: `${what}: ${(bytes / 2 ** 20).toFixed(0)} MiB`,
      ours: speed(times.ours),
      peer: speed(times.peer),
      ratio: ratio(times.ours, times.peer),
      wanted: "1.00",
    })
  }
  report(rows)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
