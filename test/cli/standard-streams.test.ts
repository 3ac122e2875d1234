/** The built program's standard output and standard error, as pipes, files and devices that each have their way to fail. */
import { spawnSync } from "node:child_process"
import { createHash, randomBytes } from "node:crypto"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { X25519Identity } from "../../src/age/x25519.ts"

const cli = new URL("../../dist/cli.js", import.meta.url).pathname
const folder = mkdtempSync(join(tmpdir(), "ts-age-yk-streams-"))
const plain = randomBytes(1_000_000)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Runs a script in which `$ours` decrypts. */
function shell(script: string) {
  const ours = `"${process.execPath}" "${cli}" decrypt --no-yubikey -i key.txt`
  const env = { PATH: process.env["PATH"], HOME: folder, node: process.execPath, ours }
  return spawnSync("bash", ["-c", script], { cwd: folder, env, maxBuffer: 1 << 24, timeout: 20_000 })
}

beforeAll(() => {
  const key = X25519Identity.generate()
  writeFileSync(join(folder, "key.txt"), key.revealText())
  writeFileSync(join(folder, "plain"), plain)
  const encrypt = [cli, "encrypt", "--age", "-r", key.recipient.text, "-o", "big.age", "plain"]
  expect(spawnSync(process.execPath, encrypt, { cwd: folder }).status).toBe(0)
  writeFileSync(join(folder, "small.json"), '{"a": 1}\n')
  const encryptSops = [cli, "encrypt", "-r", key.recipient.text, "-o", "small.enc.json", "small.json"]
  expect(spawnSync(process.execPath, encryptSops, { cwd: folder }).status).toBe(0)
})

describe("what is printed", () => {
  const digest = `${createHash("sha256").update(plain).digest("hex")}  -\n`

  it("arrives whole in a pipe that is read slowly", () => {
    expect(shell("eval $ours -o - big.age | (sleep 0.5; sha256sum)").stdout.toString()).toBe(digest)
  })

  it("arrives whole in a pipe that another program left not to wait", () => {
    // Node's own stream does so, to all that share the pipe: O_NONBLOCK is 04000, and the flags are octal.
    const other = `"$node" -e 'process.stdout.write(""); setInterval(() => undefined, 1e6)' & `
    const left = "until grep -q 'flags:.*[4-7]...$' /proc/self/fdinfo/1; do sleep 0.05; done; "
    const { stdout } = shell(`(${other} ${left} eval $ours -o - big.age; kill $!) | (sleep 1.5; sha256sum)`)
    expect(stdout.toString()).toBe(digest)
  })

  it("ends the program as SIGPIPE would, where nobody reads it any more", () => {
    const { stdout, stderr } = shell("eval $ours -o - big.age | head -c 1 > /dev/null; echo ${PIPESTATUS[0]}")
    expect(stdout.toString()).toBe("141\n")
    expect(stderr.toString()).toBe("")
  })

  it("is told to be lost, where there is no room for it", () => {
    const { status, stderr } = shell("eval $ours small.enc.json > /dev/full")
    expect(stderr.toString()).toMatch(/^ts-age-yk: .*no space left/)
    expect(status).toBe(1)
  })

  it("is the result even where standard error is closed or full", () => {
    expect(shell("eval $ours small.enc.json 2>&-").stdout.toString()).toBe('{\n\t"a": 1\n}\n')
    expect(shell("eval $ours none.json 2> /dev/full").status).toBe(1)
  })
})

it("a host's decrypt loads nothing of Node that it has no use for", () => {
  const list = "process.on('exit', () => process._rawDebug(process.moduleLoadList.join('\\n')))"
  writeFileSync(join(folder, "list.cjs"), list)
  const args = ["--require", "./list.cjs", cli, "decrypt", "--no-yubikey", "-i", "key.txt", "small.enc.json"]
  const { stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: "utf8" })
  const heavy = ["net", "tty", "child_process", "fs/promises"].map((name) => `NativeModule ${name}`)
  expect(stderr).toContain("NativeModule crypto")
  expect(stderr.split("\n").filter((line) => heavy.includes(line))).toEqual([])
})
