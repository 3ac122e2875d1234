/**
 * Payload throughput on 1 GiB, ours and `age`'s, in one run: node bench/age-throughput.js [--bytes N] [--rounds N]
 * Wants `npm run build`, and `age` and `age-keygen` on PATH or where native-test/install-peers puts them. Programs take turns, so that a
 * machine that is busy for a while is busy for both; medians are compared. Output goes to /dev/null: where it goes to a file, ours is
 * flushed to the disk and age's is not.
 */
import { execFileSync, spawnSync } from "node:child_process"
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs"
import { homedir, tmpdir } from "node:os"
import { delimiter, join } from "node:path"
import { parseArgs } from "node:util"

const { values } = parseArgs({
  options: { bytes: { type: "string", default: String(2 ** 30) }, rounds: { type: "string", default: "5" } },
})
const bytes = Number(values.bytes)
const rounds = Number(values.rounds)
const peers =
  process.env.TS_AGE_YK_PEERS ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "ts-age-yk", "peers")
// A certificate file alone costs Node 80 ms at its start.
const env = { ...process.env, PATH: `${join(peers, "bin")}${delimiter}${process.env.PATH}`, NODE_EXTRA_CA_CERTS: "" }
const cli = new URL("../dist/cli.js", import.meta.url).pathname
const folder = mkdtempSync(join(tmpdir(), "age-throughput-"))

function timed(program, args) {
  const out = openSync("/dev/null", "w")
  const start = performance.now()
  const { status } = spawnSync(program, args, { env, stdio: ["ignore", out, "inherit"] })
  const seconds = (performance.now() - start) / 1000
  closeSync(out)
  if (status !== 0) throw new Error(`${program} ended with status ${status}`)
  return seconds
}

function median(numbers) {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]
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

  const runs = {
    encrypt: {
      ours: [process.execPath, [cli, "encrypt", "--age", "-r", recipient, plain]],
      age: ["age", ["-r", recipient, plain]],
    },
    decrypt: {
      ours: [process.execPath, [cli, "decrypt", "--no-yubikey", "-i", identity, sealed]],
      age: ["age", ["-d", "-i", identity, sealed]],
    },
  }
  const results = {}
  for (const [what, programs] of Object.entries(runs)) {
    const seconds = { ours: [], age: [] }
    for (let round = 0; round <= rounds; round++)
      for (const [who, [program, args]] of Object.entries(programs)) {
        const took = timed(program, args)
        // The first round warms the page cache for both.
        if (round > 0) seconds[who].push(took)
      }
    const [ours, age] = [median(seconds.ours), median(seconds.age)]
    results[what] = { ours, age, ratio: age / ours }
    const speed = (took) => `${took.toFixed(2)} s (${(bytes / took / 1e6).toFixed(0)} MB/s)`
    console.log(`${what}: ours ${speed(ours)}, age ${speed(age)}: ${(age / ours).toFixed(2)} times age's speed`)
  }
  if (process.env.BENCH_JSON) writeFileSync(process.env.BENCH_JSON, JSON.stringify(results))
} finally {
  rmSync(folder, { recursive: true, force: true })
}
