/**
 * The ceremony on many files, as whole processes: `node scripts/run-ts.js bench/rekey.ts`. Beside `sops updatekeys` where it does the same.
 */
import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { p256KeyPair } from "#primitives"
import { X25519Identity } from "../src/age/x25519.ts"
import { importKey, newCard, writeCardFile } from "../src/virtual/index.ts"
import { YubiKeyRecipient } from "../src/yubikey/recipient.ts"
import { cli, env, hasPeer, memory, type Program, type Row, ratio, report } from "./measure.ts"
import { makeRepository, secretFiles, writeConfig } from "./repository.ts"

const folder = mkdtempSync(join(tmpdir(), "ts-age-yk-bench-rekey-"))
const privateKey = new Uint8Array(32).fill(0x21)
const yubiKey = new YubiKeyRecipient(p256KeyPair(privateKey).publicPoint, "piv-p256").text
const [software, leaver, joiner] = [X25519Identity.generate(), X25519Identity.generate(), X25519Identity.generate()]

async function repository(name: string, count: number): Promise<string> {
  const root = join(folder, name)
  await makeRepository(root, count, [yubiKey, software.recipient.text, leaver.recipient.text])
  return root
}

type Figure = Readonly<{ seconds: number; output: string }>

/** A whole process in a repository; 3 is a plan with something to do. */
function run(root: string, [command, ...args]: Program, more: Readonly<Record<string, string>> = {}): Figure {
  const started = performance.now()
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd: root,
    env: { ...env, HOME: folder, ...more },
    encoding: "utf8",
    maxBuffer: 1 << 28,
  })
  if (status !== 0 && status !== 3) throw new TypeError(`${command} ${args.join(" ")} ended with ${status}: ${stderr}`)
  return { seconds: (performance.now() - started) / 1000, output: stdout + stderr }
}

function rekeyed(root: string, args: readonly string[], more: Readonly<Record<string, string>> = {}): Figure {
  return run(root, [process.execPath, cli, "rekey", ...args], more)
}

const seconds = (figure: Figure): string => `${figure.seconds.toFixed(2)} s`

try {
  const rows: Row[] = []
  const keyFile = join(folder, "software.txt")
  writeFileSync(keyFile, `${software.revealText()}\n`)
  const softwareEnv = { SOPS_AGE_KEY_FILE: keyFile }
  const joined = [yubiKey, software.recipient.text, leaver.recipient.text, joiner.recipient.text]
  for (const [count, wanted] of [
    [100, ""],
    [500, "4 s"],
  ] as const) {
    const root = await repository(`software-${count}`, count)
    const rotate = rekeyed(root, ["--rotate", "--yes", "--no-yubikey"], softwareEnv)
    rows.push({ what: `rekey --rotate, ${count} files, software key`, ours: seconds(rotate), wanted })
  }

  const ours = await repository("ours", 500)
  writeConfig(ours, joined)
  const one = rekeyed(ours, ["--yes", "--no-yubikey"], softwareEnv)
  const theirs = await repository("theirs", 500)
  writeConfig(theirs, joined)
  const peer = hasPeer("sops") ? run(theirs, ["sops", "updatekeys", "-y", ...secretFiles(500)], softwareEnv) : undefined
  rows.push({
    what: "rekey, 500 files, a recipient added; sops updatekeys",
    ours: seconds(one),
    peer: peer === undefined ? "" : seconds(peer),
    ratio: ratio(one.seconds, peer?.seconds),
  })

  const cardFile = join(folder, "card.json")
  const state = importKey(newCard({ firmware: "5.7.1", serial: 21, pin: "123456" }), {
    slot: 0x82,
    privateKey,
    pinPolicy: "once",
    touchPolicy: "cached",
  })
  await writeCardFile(cardFile, state)
  const withCard = await repository("card", 500)
  writeConfig(withCard, joined)
  const card = rekeyed(withCard, ["--yes"], {
    TS_AGE_YK_READER: `virtual:${cardFile}?ecdh-delay=100`,
    TS_AGE_YK_PIN_COMMAND: "echo 123456",
  })
  rows.push({
    what: "rekey, 500 files, a recipient added, virtual YubiKey, 100 ms a key agreement",
    ours: seconds(card),
    wanted: `${(1.02 * 500 * 0.1 + 1.5).toFixed(1)} s`,
  })

  for (const [count, wanted] of [
    [1000, ""],
    [5000, "2 s, 300 MiB"],
  ] as const) {
    const root = await repository(`many-${count}`, count)
    writeConfig(root, [yubiKey, software.recipient.text])
    const args = ["--dry-run", "--no-yubikey"]
    const plan = rekeyed(root, args, softwareEnv)
    rows.push({
      what: `rekey --dry-run, ${count} files`,
      ours: `${seconds(plan)}, ${memory([process.execPath, cli, "rekey", ...args], { HOME: folder, ...softwareEnv }, root)} MiB`,
      wanted,
    })
  }
  report(rows)
} finally {
  rmSync(folder, { recursive: true })
}
