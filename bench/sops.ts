/** SOPS beside sops, as whole processes: `npm run bench -- sops`. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { X25519Identity } from "../src/age/x25519.ts"
import { encryptNew } from "../src/sops/encrypt.ts"
import { storeOf } from "../src/sops/format.ts"
import { recipientWrapper } from "../src/sops/recipient-wrapper.ts"
import { cli, hasPeer, inTurns, memory, milliseconds, type Row, ratio, report, timed } from "./measure.ts"

const folder = mkdtempSync(join(tmpdir(), "ts-age-yk-bench-sops-"))
const [own, other] = [X25519Identity.generate(), X25519Identity.generate()]
const keyFile = join(folder, "keys.txt")
const env = { SOPS_AGE_KEY_FILE: keyFile, HOME: folder }
const peer = hasPeer("sops")

/** Encrypts a text as YAML for one's own key. */
async function encrypted(text: string): Promise<Uint8Array> {
  const store = await storeOf("yaml")
  const groups = [[{ type: "age" as const, recipient: own.recipient.text, enc: "" }]]
  const wish = { groups, shamirThreshold: 0, selection: null, macOnlyEncrypted: false }
  const wrap = recipientWrapper({ env: {}, dialogue: null })
  return encryptNew(store.parse(Buffer.from(text)), { store, input: store }, wish, wrap, new Date())
}

/** A folder of small files, and a configuration that wants one more recipient. */
async function manyFiles(name: string, count: number): Promise<{ root: string; files: string[] }> {
  const root = join(folder, name)
  mkdirSync(root)
  const files: string[] = []
  for (let index = 0; index < count; index++) {
    const path = join(root, `file${index}.yaml`)
    writeFileSync(path, await encrypted(`user: person${index}\npassword: secret-${index}\nport: ${index}\n`))
    files.push(path)
  }
  const recipients = [own, other].map(({ recipient }) => recipient.text).join(",")
  writeFileSync(join(root, ".sops.yaml"), `creation_rules:\n  - age: ${recipients}\n`)
  return { root, files }
}

try {
  writeFileSync(keyFile, `${own.revealText()}\n`)
  const rows: Row[] = []

  const count = 500
  const ours = await manyFiles("ours", count)
  const updated = await timed([process.execPath, cli, "updatekeys", "--yes", "--no-yubikey", ...ours.files], {
    env,
    quiet: true,
  })
  const theirs = await manyFiles("theirs", count)
  const updatedBySops = peer
    ? await timed(["sops", "updatekeys", "-y", ...theirs.files], { env, cwd: theirs.root, quiet: true })
    : undefined
  rows.push({
    what: `updatekeys, ${count} files, a recipient added`,
    ours: milliseconds(updated),
    peer: milliseconds(updatedBySops),
    ratio: ratio(updated, updatedBySops),
    wanted: "1.5",
  })

  const rotated = await timed([process.execPath, cli, "rotate", "--no-yubikey", ...ours.files], {
    env,
    quiet: true,
  })
  let rotatedBySops: number | undefined
  if (peer) {
    rotatedBySops = 0
    for (const file of theirs.files) rotatedBySops += await timed(["sops", "rotate", "-i", file], { env, quiet: true })
  }
  rows.push({
    what: `rotate, ${count} files; sops in a loop`,
    ours: milliseconds(rotated),
    peer: milliseconds(rotatedBySops),
    ratio: ratio(rotated, rotatedBySops),
    wanted: "0.2",
  })

  for (const values of [1000, 10_000, 100_000]) {
    const path = join(folder, `values-${values}.yaml`)
    const lines = Array.from({ length: values }, (_, index) => `key${index}: value number ${index}\n`)
    writeFileSync(path, await encrypted(lines.join("")))
    const decrypt = [process.execPath, cli, "decrypt", "--no-yubikey", path] as const
    const took = await inTurns(
      {
        ours: () => timed(decrypt, { env, quiet: true }),
        ...(peer ? { sops: () => timed(["sops", "decrypt", path], { env, quiet: true }) } : {}),
      },
      values > 50_000 ? 2 : 5,
    )
    rows.push({
      what: `decrypt, ${values} values, ${memory(decrypt, env)} MiB`,
      ours: milliseconds(took.ours),
      peer: milliseconds(took.sops),
      ratio: ratio(took.ours, took.sops),
      wanted: values === 10_000 ? "1" : values === 100_000 ? "300 MiB" : "",
    })
  }
  report(rows)
} finally {
  rmSync(folder, { recursive: true })
}
