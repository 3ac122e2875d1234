/**
 * `audit` over long histories, as a whole process. How often commits change how much is in the name of each row; a key is removed half way.
 *
 * The files look like SOPS files and their ciphertexts are random: the audit opens nothing.
 */
import { spawn, spawnSync } from "node:child_process"
import { randomBytes } from "node:crypto"
import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { X25519Identity } from "../src/age/x25519.ts"
import { cli, env, memory, type Row, report } from "./measure.ts"

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

async function make({ commits, rekeyEvery }: History): Promise<string> {
  const root = mkdtempSync(join(folder, "repository-"))
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

function audited(root: string): string {
  const command = [process.execPath, cli, "audit", "--json"] as const
  const own = { ...env, HOME: folder }
  const started = performance.now()
  const { status } = spawnSync(command[0], command.slice(1), { cwd: root, env: own, maxBuffer: 1 << 28 })
  const seconds = (performance.now() - started) / 1000
  if (status !== 0) throw new RangeError(`audit ended with ${status ?? "a signal"}`)
  return `${seconds.toFixed(2)} s, ${memory(command, { HOME: folder }, root)} MiB`
}

const histories: History[] = [
  { name: "one value a commit, all files every 100th", commits: 250, rekeyEvery: 100 },
  { name: "one value a commit, all files every 100th", commits: 500, rekeyEvery: 100 },
  { name: "one value a commit, all files every 100th", commits: 1000, rekeyEvery: 100 },
  { name: "all files in every commit", commits: 250, rekeyEvery: 1 },
  { name: "all files in every commit", commits: 500, rekeyEvery: 1 },
  { name: "all files in every commit", commits: 1000, rekeyEvery: 1 },
]

try {
  const rows: Row[] = []
  for (const history of histories) {
    const root = await make(history)
    rows.push({
      what: `audit, ${history.commits} commits x ${files} files, ${history.name}`,
      ours: audited(root),
      wanted: history.commits === 1000 ? "10 s, 300 MiB" : "",
    })
    rmSync(root, { recursive: true })
  }
  report(rows)
} finally {
  rmSync(folder, { recursive: true })
}
