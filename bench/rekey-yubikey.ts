/**
 * The ceremony on one virtual YubiKey behind a pcscd of its own, beside `sops updatekeys` with the Rust plugin on the same card; as root:
 * native-test/with-pcscd --one-reader node scripts/run-ts.js bench/rekey-yubikey.ts [--files N...]
 * PINs, touches and APDUs are counted at the card, and processes of the plugin where it is started.
 */
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { p256KeyPair } from "#primitives"
import { insert, type Outcome, run, runWithPin, scratch } from "../native-test/harness.ts"
import { X25519Identity } from "../src/age/x25519.ts"
import { importKey, newCard } from "../src/virtual/index.ts"
import { recipientTag } from "../src/yubikey/piv-p256.ts"
import { YubiKeyRecipient } from "../src/yubikey/recipient.ts"
import { encodeStub } from "../src/yubikey/stub.ts"
import { cli, hasPeer, programs, type Row, ratio, report } from "./measure.ts"
import { makeRepository, secretFiles, writeConfig } from "./repository.ts"

const { values } = parseArgs({
  options: { files: { type: "string", multiple: true, default: ["50", "100", "500"] } },
})
const folder = scratch()
const [pin, serial, slot, ecdhDelay] = ["123456", 27205443, 0x82, 100]
const privateKey = new Uint8Array(32).fill(0x21)
const { publicPoint } = p256KeyPair(privateKey)
const yubiKey = new YubiKeyRecipient(publicPoint, "piv-p256").text
const [stays, comes] = [X25519Identity.generate().recipient.text, X25519Identity.generate().recipient.text]
const card = importKey(newCard({ firmware: "5.4.3", serial, pin }), {
  slot,
  privateKey,
  pinPolicy: "once",
  touchPolicy: "cached",
})

const identities = join(folder, "identities.txt")
writeFileSync(identities, `${encodeStub({ serial, slot, tag: recipientTag(publicPoint) })}\n`)

/** The Rust plugin, with a line for each time that it is started. */
const started = join(folder, "started")
const counted = join(folder, "bin")
mkdirSync(counted)
writeFileSync(
  join(counted, "age-plugin-yubikey"),
  `#!/bin/sh\necho >> ${started}\nexec ${join(programs, "age-plugin-yubikey")} "$@"\n`,
)
chmodSync(join(counted, "age-plugin-yubikey"), 0o755)

const environment: Record<string, string> = {
  HOME: folder,
  PATH: `${counted}:${programs}:${process.env["PATH"] ?? ""}`,
  SOPS_AGE_KEY_FILE: identities,
}
// A certificate file alone costs Node 80 ms at its start.
delete process.env["NODE_EXTRA_CA_CERTS"]

/** `cardSeconds`: what the card took for its key agreements, which no client can take off. */
type Cost = Readonly<Record<"seconds" | "cardSeconds" | "pins" | "touches" | "processes" | "apdus", number>>

/** What it costs to add a recipient to all files of a repository, with a card that was just plugged in. */
async function cost(name: string, count: number, work: (root: string) => Promise<Outcome>): Promise<Cost> {
  const root = join(folder, name)
  await makeRepository(root, count, [yubiKey, stays])
  writeConfig(root, [yubiKey, stays, comes])
  const log: string[] = []
  let touches = 0
  let cardSeconds = 0
  let began = 0
  writeFileSync(started, "")
  const inserted = await insert(card, {
    ecdhDelay,
    log: (line) => {
      log.push(line)
      if (line.includes(" GENERAL AUTHENTICATE")) began = performance.now()
      else if (log.at(-2)?.includes(" GENERAL AUTHENTICATE") === true) cardSeconds += (performance.now() - began) / 1000
    },
    onTouch: () => {
      touches++
      return Promise.resolve(true)
    },
  })
  const start = performance.now()
  const { code, all } = await work(root)
  const seconds = (performance.now() - start) / 1000
  await inserted[Symbol.asyncDispose]()
  const changed = secretFiles(count).filter((path) => readFileSync(join(root, path), "utf8").includes(comes))
  if (code !== 0 || changed.length !== count)
    throw new TypeError(
      `${name} changed ${changed.length} of ${count} files and ended with ${code}: ${all.slice(-2000)}`,
    )
  return {
    seconds,
    cardSeconds,
    touches,
    pins: log.filter((line) => line.includes(" VERIFY [")).length,
    processes: readFileSync(started, "utf8").length,
    apdus: log.filter((line) => line.startsWith("> ")).length,
  }
}

function ours(cwd: string): Promise<Outcome> {
  const env = { ...environment, TS_AGE_YK_PIN_COMMAND: `echo ${pin}` }
  return run(process.execPath, [cli, "rekey", "--yes"], { cwd, env, seconds: 600 })
}

function theirs(cwd: string, count: number): Promise<Outcome> {
  return runWithPin(pin, "sops", ["updatekeys", "-y", ...secretFiles(count)], { cwd, env: environment, seconds: 600 })
}

const figures = ["pins", "touches", "processes", "apdus"] as const
const rows: Row[] = []
for (const count of values.files.map(Number)) {
  const mine = await cost(`ours-${count}`, count, ours)
  const peer =
    hasPeer("sops") && hasPeer("age-plugin-yubikey")
      ? await cost(`theirs-${count}`, count, (root) => theirs(root, count))
      : undefined
  const what = `rekey, ${count} files, one YubiKey`
  rows.push({
    what: `${what}; sops updatekeys and the Rust plugin`,
    ours: `${mine.seconds.toFixed(1)} s`,
    peer: peer === undefined ? "" : `${peer.seconds.toFixed(1)} s`,
    ratio: ratio(mine.seconds, peer?.seconds),
    wanted: `${(1.02 * mine.cardSeconds + 1.5).toFixed(1)} s`,
  })
  const names = { pins: "PINs", touches: "touches", processes: "processes of a plugin", apdus: "APDUs" }
  for (const figure of figures)
    rows.push({ what: `${what}: ${names[figure]}`, ours: String(mine[figure]), peer: peer?.[figure].toString() ?? "" })
}
rmSync(folder, { recursive: true, force: true })
report(rows)
