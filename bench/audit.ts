/**
 * `audit` over long histories, as a whole process: `npm run build && node scripts/run-ts.js bench/audit.ts [QUICK]`. Prints one line a
 * repository: how often its commits change how much, the time, the memory.
 *
 * The files look like SOPS files and their ciphertexts are random: the audit opens nothing.
 */
import { spawn, spawnSync } from "node:child_process"
import { randomBytes } from "node:crypto"
import { once } from "node:events"
import { mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { X25519Identity } from "../src/age/x25519.ts"

const cli = join(process.cwd(), "dist/cli.js")
const folder = mkdtempSync(join(tmpdir(), "ts-age-yk-bench-audit-"))
const files = 50
const values = 20
const keys = ["admin", "backup", "electra", "lena", "vega", "nova"].map((name) => ({
  name,
  recipient: X25519Identity.generate().recipient.text,
}))

const base64 = (length: number): string => randomBytes(length).toString("base64")
const sealed = (length: number): string =>
  `ENC[AES256_GCM,data:${base64(length)},iv:${base64(32)},tag:${base64(16)},type:str]`

/** A file's state: ciphertexts and wrapped keys, of which a change replaces some. */
type File = { values: string[]; wraps: string[] }

function wrapped(): string {
  const lines = base64(320).match(/.{1,64}/g) ?? []
  return ["-----BEGIN AGE ENCRYPTED FILE-----", ...lines, "-----END AGE ENCRYPTED FILE-----"].join("\n            ")
}

function newFile(): File {
  return { values: Array.from({ length: values }, (_, index) => sealed(12 + index)), wraps: keys.map(wrapped) }
}

function fileText(file: File, recipients: readonly string[]): string {
  const lines = file.values.map((value, index) => `value_${index}: ${value}\n`)
  const age = recipients.map(
    (recipient, index) =>
      `        - enc: |\n            ${file.wraps[index] ?? ""}\n          recipient: ${recipient}\n`,
  )
  return `${lines.join("")}sops:\n    age:\n${age.join("")}    lastmodified: "2026-07-01T12:00:00Z"\n    mac: ${sealed(128)}\n    version: 3.13.3\n`
}

const configText = (recipients: readonly string[]): string => {
  const used = keys.filter(({ recipient }) => recipients.includes(recipient))
  const anchors = used.map(({ name, recipient }) => `  - &${name} ${recipient}\n`).join("")
  return `keys:\n${anchors}creation_rules:\n  - path_regex: secrets/.*\n    key_groups:\n      - age: [${used.map(({ name }) => `*${name}`).join(", ")}]\n`
}

/** Which files a commit changes: `all` gives every file a new data key, else one value of one file is set. */
type History = Readonly<{ name: string; commits: number; rekeyEvery: number }>

async function make({ name, commits, rekeyEvery }: History): Promise<string> {
  const root = join(folder, name)
  mkdirSync(root)
  spawnSync("git", ["-C", root, "init", "--quiet", "--initial-branch=main"])
  const importer = spawn("git", ["-C", root, "fast-import", "--quiet"], { stdio: ["pipe", "inherit", "inherit"] })
  const write = async (text: string): Promise<void> => {
    if (!importer.stdin.write(text)) await once(importer.stdin, "drain")
  }
  const content = (path: string, text: string): string =>
    `M 100644 inline ${path}\ndata ${Buffer.byteLength(text)}\n${text}\n`
  const state = Array.from({ length: files }, newFile)
  for (let commit = 0; commit < commits; commit++) {
    // lena leaves half way.
    const recipients = keys
      .filter((key) => key.name !== "lena" || commit < commits / 2)
      .map(({ recipient }) => recipient)
    const all = commit === 0 || commit % rekeyEvery === 0 || commit === Math.ceil(commits / 2)
    await write(
      `commit refs/heads/main\ncommitter B <b@example.org> ${1_700_000_000 + commit * 3600} +0000\ndata 1\nc\n`,
    )
    await write(content(".sops.yaml", configText(recipients)))
    for (const [index, file] of state.entries()) {
      if (!all && index !== commit % files) continue
      if (all) state[index] = newFile()
      else file.values[commit % values] = sealed(12 + (commit % values))
      await write(content(`secrets/file${index}.yaml`, fileText(state[index] ?? file, recipients)))
    }
  }
  importer.stdin.end()
  await once(importer, "close")
  spawnSync("git", ["-C", root, "reset", "--quiet", "--hard"])
  spawnSync("git", ["-C", root, "gc", "--quiet"])
  return root
}

function measure(root: string, ...args: readonly string[]): { seconds: number; megabytes: number; open: number } {
  const env: NodeJS.ProcessEnv = { ...process.env, HOME: folder }
  delete env["NODE_EXTRA_CA_CERTS"]
  const started = performance.now()
  const { stdout, stderr } = spawnSync("/usr/bin/time", ["-v", process.execPath, cli, "audit", "--json", ...args], {
    cwd: root,
    env,
    encoding: "utf8",
    maxBuffer: 1 << 28,
  })
  const seconds = (performance.now() - started) / 1000
  const megabytes = Number(/Maximum resident set size \(kbytes\): (\d+)/.exec(stderr)?.[1] ?? "0") / 1024
  return { seconds, megabytes, open: stdout.split('"state": "open"').length - 1 }
}

const histories: History[] = [
  { name: "a value a commit, all files every 100", commits: 250, rekeyEvery: 100 },
  { name: "a value a commit, all files every 100 ", commits: 1000, rekeyEvery: 100 },
  { name: "every file in every commit", commits: 250, rekeyEvery: 1 },
  { name: "every file in every commit ", commits: 500, rekeyEvery: 1 },
  { name: "every file in every commit  ", commits: 1000, rekeyEvery: 1 },
]

try {
  for (const history of process.argv.includes("QUICK") ? histories.slice(0, 2) : histories) {
    const root = await make(history)
    const { seconds, megabytes, open } = measure(root)
    console.log(
      `audit, ${history.commits} commits x ${files} files, ${history.name.trim()}: ${seconds.toFixed(2)} s, ${Math.round(megabytes)} MiB, ${open} open`,
    )
    rmSync(root, { recursive: true })
  }
} finally {
  rmSync(folder, { recursive: true })
}
