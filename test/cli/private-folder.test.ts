/** Where plaintext is while an editor or a command has it, and what is left of it whatever ends the process: nothing. */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  type StatsFs,
  statSync,
  writeFileSync,
} from "node:fs"
import { statfs } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { generateX25519Identity, identityToRecipient } from "age-encryption"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { inPrivateFolder } from "../../src/cli/private-folder.ts"
import { processWorld } from "../../src/cli/process-world.ts"

const program = fileURLToPath(new URL("../../dist/cli.js", import.meta.url))
vi.mock("node:fs/promises", async (original) => {
  const real = await original<{ statfs: typeof statfs }>()
  return { ...real, statfs: vi.fn<(path: string) => Promise<StatsFs>>(real.statfs) }
})

let folder: string
let env: Record<string, string>
const started: ChildProcess[] = []
const path = (name: string): string => join(folder, name)
const decrypted = async (): Promise<string> => {
  const child = spawn(process.execPath, [program, "decrypt", path("s.yaml")], { env })
  let out = ""
  child.stdout.on("data", (data: Buffer) => (out += data.toString()))
  await once(child, "close")
  return out
}

/** A program that says where the file is, and waits until it is told to change it. */
const editor = `#!/bin/sh
echo $$ > "$HOME/pid"
echo "$1" > "$HOME/where.new"
mv "$HOME/where.new" "$HOME/where"
while [ ! -e "$HOME/go" ]; do sleep 0.05; done
echo "a: 2" > "$1"
`

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "private-folder-"))
  const identity = await generateX25519Identity()
  writeFileSync(
    path(".sops.yaml"),
    `creation_rules:\n  - {path_regex: 'yaml$', age: "${await identityToRecipient(identity)}"}\n`,
  )
  writeFileSync(path("s.yaml"), "a: 1\n")
  writeFileSync(path("editor"), editor)
  chmodSync(path("editor"), 0o755)
  env = { PATH: process.env["PATH"] ?? "", HOME: folder, SOPS_AGE_KEY: identity, EDITOR: path("editor") }
  await once(spawn(process.execPath, [program, "encrypt", "--in-place", path("s.yaml")], { env }), "close")
})

afterEach(() => {
  for (const child of started.splice(0)) child.kill("SIGKILL")
  if (existsSync(path("pid"))) {
    try {
      process.kill(Number(readFileSync(path("pid"), "utf8")), "SIGKILL")
    } catch {
      // It has ended, as it should.
    }
  }
  rmSync(folder, { recursive: true, force: true })
})

/** Starts a command, and waits until the plaintext is a file. */
async function start(args: readonly string[]): Promise<{ child: ChildProcess; file: string }> {
  const child = spawn(process.execPath, [program, ...args], { env, stdio: "ignore" })
  started.push(child)
  const file = await vi.waitFor(() => readFileSync(path("where"), "utf8").trim(), { timeout: 10_000 })
  return { child, file }
}

async function exit(child: ChildProcess): Promise<readonly [number | null, NodeJS.Signals | null]> {
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit")
  return [child.exitCode, child.signalCode]
}

describe.skipIf(process.platform === "win32")("the plaintext", () => {
  it("is in a folder in memory, for its owner alone", async () => {
    const { child, file } = await start(["edit", path("s.yaml")])
    expect(readFileSync(file, "utf8")).toBe("a: 1\n")
    expect([statSync(file).mode & 0o777, statSync(dirname(file)).mode & 0o777]).toEqual([0o600, 0o700])
    if (process.platform === "linux") expect(file).toMatch(/^\/dev\/shm\//)
    writeFileSync(path("go"), "")
    expect(await exit(child)).toEqual([0, null])
    expect(existsSync(dirname(file))).toBe(false)
    expect(await decrypted()).toBe("a: 2\n")
  })

  it.each(["SIGTERM", "SIGHUP"] as const)("goes with the editor, to which %s is passed on", async (signal) => {
    const before = readFileSync(path("s.yaml"), "utf8")
    const { child, file } = await start(["edit", path("s.yaml")])
    child.kill(signal)
    expect(await exit(child)).toEqual([1, null])
    expect(existsSync(dirname(file))).toBe(false)
    expect(readFileSync(path("s.yaml"), "utf8")).toBe(before)
    expect(() => process.kill(Number(readFileSync(path("pid"), "utf8")), 0)).toThrow("ESRCH")
  })

  it.each(["SIGINT", "SIGQUIT"] as const)("stays where it is when %s is meant for the editor", async (signal) => {
    const { child, file } = await start(["edit", path("s.yaml")])
    child.kill(signal)
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(existsSync(file)).toBe(true)
    writeFileSync(path("go"), "")
    expect(await exit(child)).toEqual([0, null])
    expect(await decrypted()).toBe("a: 2\n")
  })

  it.each([
    ["edit", ["edit"], []],
    ["exec-file", ["exec-file"], ['"$EDITOR" {}']],
  ] as const)("is gone after SIGKILL of %s", async (_, command, rest) => {
    const { child, file } = await start([...command, path("s.yaml"), ...rest])
    child.kill("SIGKILL")
    await exit(child)
    await vi.waitFor(() => expect(existsSync(dirname(file))).toBe(false), { timeout: 5000 })
  })

  it("is on a disk only with a warning", async () => {
    const disk = Object.assign(await statfs(folder), { type: 0xef53 })
    vi.mocked(statfs).mockResolvedValue(disk)
    let said = ""
    const world = { ...processWorld(), env: { XDG_RUNTIME_DIR: folder }, err: (text: string) => void (said += text) }
    const used = await inPrivateFolder(world, (place) => place.write("f", Buffer.from("x")))
    expect(used.startsWith(folder)).toBe(true)
    expect(said).toContain(`no folder in memory can be written to: while it is open, the plaintext is in ${folder}`)
    expect(readdirSync(folder).filter((name) => name.startsWith("ts-age-yk-"))).toEqual([])
  })
})
