/**
 * How long programs take to start, ours and their peers: node scripts/run-ts.js bench/startup.ts [--rounds N]
 * Ours are measured against `node -e 0`, which is what Node itself costs; medians of processes that take turns.
 */
import { execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import {
  cli,
  env,
  hasPeer,
  inTurns,
  milliseconds,
  type Program,
  plugin,
  ratio,
  report,
  timed,
  vectors,
} from "./measure.ts"

const { values } = parseArgs({ options: { rounds: { type: "string", default: "21" } } })
const folder = mkdtempSync(join(tmpdir(), "startup-"))
const node = process.execPath
const provisioning = join(vectors, "provision-key.txt")
const sopsFile = join(vectors, "repo/secrets/app0.yaml")
const hostKey = join(vectors, "hosts/electra/ssh_host_ed25519_key")
const yubiKey = "age1yubikey1qwt50d05nh5vutpdzmlg5wn80xq5negm4uj9ghv0snvdd3yysf5yw3rhl3t"
/** A client that wants one file key wrapped: it is answered before it has to say more. */
const conversation = `-> add-recipient ${yubiKey}\n\n-> wrap-file-key\n${"A".repeat(22)}\n-> done\n\n`

function firstAnswer(program: Program): () => Promise<number> {
  return () => timed([...program, "--age-plugin=recipient-v1"], { input: conversation, until: "output" })
}

try {
  const key = join(folder, "key.txt")
  const file = join(folder, "secret.age")
  execFileSync(node, [cli, "keygen", "-o", key], { env, stdio: "ignore" })
  const recipient = /age1\w+/.exec(readFileSync(key, "utf8"))?.[0] ?? ""
  execFileSync(node, [cli, "encrypt", "--age", "-r", recipient, "-o", file, provisioning], { env, stdio: "ignore" })
  const times = await inTurns(
    {
      bare: () => timed([node, "-e", "0"]),
      version: () => timed([node, cli, "--version"]),
      plugin: firstAnswer([node, plugin]),
      age: () => timed([node, cli, "decrypt", "--no-yubikey", "-i", key, file]),
      sops: () => timed([node, cli, "decrypt", "--no-yubikey", "-i", provisioning, sopsFile]),
      host: () => timed([node, cli, "decrypt", "--no-yubikey", "-i", hostKey, sopsFile]),
      ...(hasPeer("age-plugin-yubikey") ? { peerPlugin: firstAnswer(["age-plugin-yubikey"]) } : {}),
      ...(hasPeer("age") ? { peerAge: () => timed(["age", "-d", "-i", key, file]) } : {}),
      ...(hasPeer("sops")
        ? { peerSops: () => timed(["sops", "decrypt", sopsFile], { env: { SOPS_AGE_KEY_FILE: provisioning } }) }
        : {}),
    },
    Number(values.rounds),
  )
  const row = (what: string, ours: number | undefined, peer: number | undefined, wanted = "") => ({
    what,
    ours: `${milliseconds(ours)}, node and ${((ours ?? 0) - (times.bare ?? 0)).toFixed(1)}`,
    peer: milliseconds(peer),
    ratio: ratio(ours, peer),
    wanted,
  })
  report([
    { what: "node -e 0", ours: milliseconds(times.bare) },
    row("ts-age-yk --version", times.version, undefined, "node and 25"),
    row("plugin: first answer", times.plugin, times.peerPlugin, "node and 60"),
    row("decrypt: age file, software key", times.age, times.peerAge),
    row("decrypt: SOPS file, software key", times.sops, times.peerSops, "node and 30"),
    row("decrypt: SOPS file, host key", times.host, times.peerSops, "node and 30"),
  ])
} finally {
  rmSync(folder, { recursive: true, force: true })
}
