/** Disks that are full, folders that are read-only, and permissions that are missing: the file is as it was, and the message says what to do. */
import { execFileSync, spawnSync } from "node:child_process"
import { chmodSync, chownSync, cpSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterEach, beforeAll, describe, expect, it } from "vitest"
import { X25519Identity } from "../src/age/x25519.ts"
import { scratch } from "./harness.ts"

const program = new URL("../dist/cli.js", import.meta.url).pathname
const place = scratch()
const template = join(place, "template")
const [key, other] = [X25519Identity.generate(), X25519Identity.generate()]
const nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--groups=4242"]

type Ran = Readonly<{ status: number | null; stderr: string }>

function run(folder: string, args: readonly string[], as: readonly string[] = []): Ran {
  const [command = process.execPath, ...rest] = [...as, process.execPath, program, ...args]
  return spawnSync(command, rest, {
    cwd: folder,
    encoding: "utf8",
    env: {
      PATH: process.env["PATH"],
      HOME: "/nonexistent",
      SOPS_AGE_KEY: key.revealText(),
      SOPS_EDITOR: "sed -i s/old/new/",
    },
  })
}

const commands: readonly Readonly<{ args: readonly string[] }>[] = [
  ["set", "a.yaml", '["a"]', '"new"'],
  ["unset", "a.yaml", '["a"]'],
  ["edit", "a.yaml"],
  ["rotate", "a.yaml"],
  ["updatekeys", "--yes", "a.yaml"],
  ["encrypt", "--in-place", "plain.yaml"],
  ["decrypt", "--in-place", "a.yaml"],
  ["decrypt", "-o", "plain.yaml", "a.yaml"],
  ["rekey", "--yes"],
  ["host", "remove", "other", "--yes"],
].map((args) => ({ args }))

/** All that is in a folder, folders but for the ceremonies' empty one. */
function contentOf(folder: string): Map<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name !== "filler")
  return new Map(names.map((name) => [name, readFileSync(join(folder, name), "utf8")]))
}

const mounts: string[] = []

function mounted(...options: readonly string[]): string {
  const folder = join(place, `mount-${mounts.length}-${Date.now()}`)
  mkdirSync(folder)
  execFileSync("mount", [...options, folder])
  mounts.push(folder)
  return folder
}

beforeAll(() => {
  mkdirSync(template)
  chmodSync(place, 0o755)
  const [mine, theirs] = [key.recipient.text, other.recipient.text]
  writeFileSync(join(template, ".sops.yaml"), `creation_rules:\n  - age: ${mine},${theirs}\n`)
  writeFileSync(join(template, "a.yaml"), `a: old\nlong: ${"x".repeat(20_000)}\n`)
  expect(run(template, ["encrypt", "--in-place", "a.yaml"])).toMatchObject({ status: 0 })
  // Now another key is wanted, so that updatekeys, rekey and host have something to do.
  const third = X25519Identity.generate().recipient.text
  const keys = `keys:\n  - &mine ${mine}\n  - &other ${theirs}\n  - &third ${third}\n`
  writeFileSync(join(template, ".sops.yaml"), `${keys}creation_rules:\n  - age: [*mine, *third, *other]\n`)
  writeFileSync(join(template, "plain.yaml"), `a: old\nlong: ${"x".repeat(20_000)}\n`)
})

afterEach(() => {
  for (const folder of mounts.splice(0)) execFileSync("umount", [folder])
})

describe.each(commands)("$args", ({ args }) => {
  const before = (): Map<string, string> => contentOf(template)

  it("leaves all as it was on a disk that is full, and says to make room", () => {
    const folder = mounted("-t", "tmpfs", "-o", "size=128k", "none")
    cpSync(template, folder, { recursive: true })
    try {
      writeFileSync(join(folder, "filler"), Buffer.alloc(1 << 20))
    } catch {
      // It took what there was.
    }
    const { status, stderr } = run(folder, args)
    expect(stderr).toMatch(/: cannot be written: no space left on the device\n.*make room/)
    expect(stderr).not.toContain("fault in")
    expect(status).toBe(1)
    expect(contentOf(folder)).toEqual(before())
  })

  it("leaves all as it was where the file system is read-only, and says so", () => {
    const folder = mounted("--bind", template)
    execFileSync("mount", ["-o", "remount,ro,bind", folder])
    const { status, stderr } = run(folder, args)
    expect(stderr).toMatch(/the file system is read-only\n.*mount it to be written/)
    expect(stderr).not.toContain("fault in")
    expect(status).toBe(1)
    expect(contentOf(template)).toEqual(before())
  })

  it("leaves all as it was where somebody may read only, and says whose permissions to look at", () => {
    const folder = join(place, `readable-${args.join("-").replaceAll(/\W/g, "")}`)
    cpSync(template, folder, { recursive: true })
    const { status, stderr } = run(folder, args, nobody)
    expect(stderr).toMatch(/permission denied\n.*look at the permissions/)
    expect(stderr).not.toContain("fault in")
    expect(status).toBe(1)
    expect(contentOf(folder)).toEqual(before())
  })
})

describe("a file that is shared by its group", () => {
  it("is changed by whoever is of it, and stays the group's", () => {
    const folder = join(place, "shared")
    cpSync(template, folder, { recursive: true })
    for (const path of [folder, join(folder, "a.yaml")]) chownSync(path, 0, 4242)
    chmodSync(folder, 0o775)
    chmodSync(join(folder, "a.yaml"), 0o664)
    expect(run(folder, ["set", "a.yaml", '["a"]', '"new"'], nobody)).toMatchObject({ status: 0, stderr: "" })
    expect(statSync(join(folder, "a.yaml"))).toMatchObject({ gid: 4242, mode: 0o100664 })
  })
})
