/** Kills a ceremony, finishes or undoes what it left, and looks whether everything is all-old or all-new. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { basename, join } from "node:path"
import { X25519Identity } from "../../src/age/x25519.ts"
import { leftovers, secretsOf } from "./repository.ts"

const root = `${process.cwd()}/`
const vectors = join(root, "test/vectors/yubikey")
const preload = join(root, "test/ceremony/kill-at.mjs")

/** When a ceremony dies: at a call that changes the disk, or after some milliseconds. */
export type Death = Readonly<{ atCall: number } | { afterMs: number }>

const newcomer = X25519Identity.generate().recipient.text

/** The ceremonies that can die. The first makes files fit a `.sops.yaml` that was changed before; the others change it themselves. */
export const ceremonies = {
  rekey: ["rekey"],
  "host add": ["host", "add", "nova", "--age", newcomer, "--like", "lena"],
  "host remove": ["host", "remove", "lena"],
  "key replace": ["key", "replace", "lena", "--age", newcomer, "--no-proof", "a rehearsal"],
} as const
export type CeremonyName = keyof typeof ceremonies

const unattended = ["--yes", "--no-yubikey"]

/** A folder with a small repository whose host lena is to go, or another to come, ready to be copied for each death. */
export type Stage = Disposable &
  Readonly<{
    ceremony: CeremonyName
    template: string
    programs: string
    calls: number
    milliseconds: number
    old: ReadonlyMap<string, Buffer>
  }>

function run(
  programs: string,
  folder: string,
  args: readonly string[],
  env: Record<string, string> = {},
): ChildProcess {
  return spawn(process.execPath, ["--import", preload, join(programs, "cli.js"), ...args], {
    cwd: folder,
    env: {
      PATH: process.env["PATH"],
      HOME: folder,
      SOPS_AGE_KEY_FILE: join(vectors, "provision-key.txt"),
      KILL_AT: "-1",
      ...env,
    },
    stdio: "ignore",
  })
}

function ended(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => child.once("close", (code) => resolve(code)))
}

/** What a ceremony replaces: the secrets, and `.sops.yaml` where it changes that. */
function replacedBy(ceremony: CeremonyName, folder: string): Map<string, Buffer> {
  const secrets = secretsOf(folder)
  return ceremony === "rekey" ? secrets : secrets.set(".sops.yaml", readFileSync(join(folder, ".sops.yaml")))
}

/** Makes the stage, and runs one ceremony to its end to see how long it is. */
export async function setStage(ceremony: CeremonyName): Promise<Stage> {
  const template = mkdtempSync(join(tmpdir(), "ts-age-yk-death-"))
  for (const path of [
    ".sops.yaml",
    "secrets/app0.yaml",
    "secrets/app1.yaml",
    "secrets/app.env",
    "secrets/app.json",
    "secrets/blob.bin",
  ])
    cpSync(join(vectors, "repo", path), join(template, path), { recursive: true })
  const git = (...args: readonly string[]): void => {
    execFileSync("git", ["-C", template, "-c", "user.name=Test", "-c", "user.email=test@example.org", ...args], {
      stdio: "ignore",
    })
  }
  git("init")
  git("add", "--all")
  git("commit", "--message", "begin")
  if (ceremony === "rekey") {
    const config = readFileSync(join(template, ".sops.yaml"), "utf8").split("\n")
    writeFileSync(join(template, ".sops.yaml"), config.filter((line) => !line.includes("lena")).join("\n"))
  }
  const old = replacedBy(ceremony, template)
  // A copy: the programs may be built anew while a thousand ceremonies die.
  const programs = join(root, "node_modules/.cache", basename(template))
  cpSync(join(root, "dist"), programs, { recursive: true })
  const trial = `${template}-trial`
  cpSync(template, trial, { recursive: true })
  const started = performance.now()
  const status = await ended(
    run(programs, trial, [...ceremonies[ceremony], ...unattended], { KILL_AT: "0", COUNT_INTO: join(trial, "calls") }),
  )
  if (status !== 0) throw new TypeError(`the ceremony itself fails with ${status}`)
  const calls = Number(readFileSync(join(trial, "calls"), "utf8"))
  const milliseconds = performance.now() - started
  rmSync(trial, { recursive: true })
  return {
    ceremony,
    template,
    programs,
    calls,
    milliseconds,
    old,
    [Symbol.dispose]: () => {
      rmSync(template, { recursive: true, force: true })
      rmSync(programs, { recursive: true, force: true })
    },
  }
}

/**
 * One death and what comes after it.
 * @returns what is wrong, or null
 */
export async function die(stage: Stage, death: Death, wish: "resume" | "abort", name: string): Promise<string | null> {
  const { programs, ceremony } = stage
  const folder = `${stage.template}-${name}`
  cpSync(stage.template, folder, { recursive: true })
  try {
    const args = [...ceremonies[ceremony], ...unattended]
    const child = run(programs, folder, args, "atCall" in death ? { KILL_AT: String(death.atCall) } : {})
    if ("afterMs" in death) setTimeout(() => child.kill("SIGKILL"), death.afterMs)
    const first = await ended(child)
    const status = await ended(run(programs, folder, ["rekey", "status"]))
    if (status !== 0 && status !== 8) return `rekey status gives ${status}`
    if (status === 8) {
      const refused = await ended(run(programs, folder, ["rekey", ...unattended]))
      if (refused !== 8) return `a new rekey over a half-done one gives ${refused}`
      const finished = await ended(run(programs, folder, ["rekey", wish]))
      if (finished !== 0) return `rekey ${wish} gives ${finished}`
    }
    const state = stateOf(stage, folder)
    if (state === "mixed") return `after ${wish}, some files are old and some are new`
    if (first === 0 && state !== "new") return "a ceremony that ended well left old files"
    if (leftovers(folder).length > 0 && status === 8) return `left over: ${leftovers(folder).join(", ")}`
    const due = await ended(run(programs, folder, ["rekey", "--dry-run", "--no-yubikey"]))
    if (due !== (ceremony === "rekey" && state === "old" ? 3 : 0)) return `then rekey --dry-run gives ${due}`
    return await opensStill(programs, folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function stateOf(stage: Stage, folder: string): "old" | "new" | "mixed" {
  const now = replacedBy(stage.ceremony, folder)
  const kinds = new Set([...stage.old].map(([path, bytes]) => (now.get(path)?.equals(bytes) === true ? "old" : "new")))
  const [kind] = kinds
  return kinds.size === 1 && kind !== undefined ? kind : "mixed"
}

/** Whatever happened, the provisioning key opens what is there. One file stands for all: they are all-old or all-new. */
async function opensStill(programs: string, folder: string): Promise<string | null> {
  const path = "secrets/app0.yaml"
  const status = await ended(run(programs, folder, ["decrypt", "--no-yubikey", "-o", join(folder, "plain"), path]))
  return status === 0 ? null : `${path} does not open any more (${status})`
}
