import { spawn } from "node:child_process"
import { describe, expect, it } from "vitest"
import { secretsOf, vectorRepository } from "../ceremony/repository.ts"

const cli = new URL("../../dist/cli.js", import.meta.url).pathname
const keyFile = new URL("../vectors/yubikey/provision-key.txt", import.meta.url).pathname

/** Runs a rekey at a terminal of its own (script(1)), and types an answer when it is asked. */
function rekeyAtTerminal(
  folder: string,
  answers: readonly string[],
): Promise<{ status: number | null; screen: string }> {
  const command = `"${process.execPath}" "${cli}" rekey --no-yubikey`
  const child = spawn("script", ["--quiet", "--return", "--command", command, "/dev/null"], {
    cwd: folder,
    env: { PATH: process.env["PATH"], HOME: folder, TERM: "xterm", SOPS_AGE_KEY_FILE: keyFile },
    stdio: ["pipe", "pipe", "inherit"],
  })
  const left = [...answers]
  let screen = ""
  let asked = 0
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    screen += text
    const questions = screen.split("carry out this plan?").length - 1
    while (asked < questions) {
      asked++
      child.stdin.write(`${left.shift() ?? ""}\r`)
    }
  })
  return new Promise((resolve, reject) => {
    child.once("error", reject)
    child.once("close", (status) => resolve({ status, screen }))
  })
}

describe.skipIf(process.platform !== "linux")("the question whether to carry out a plan", () => {
  it.each(["1", "y", "yes", "Y"])("is taken by %s", async (answer) => {
    using repository = vectorRepository()
    repository.edit((text) => text.replaceAll(/.*lena.*\n/g, ""))
    const { status, screen } = await rekeyAtTerminal(repository.root, [answer])
    expect(status).toBe(0)
    expect(screen).toContain("12 files replaced")
  })

  it.each(["2", "n", "no"])("is refused by %s, and nothing is changed", async (answer) => {
    using repository = vectorRepository()
    repository.edit((text) => text.replaceAll(/.*lena.*\n/g, ""))
    const before = secretsOf(repository.root)
    const { status } = await rekeyAtTerminal(repository.root, [answer])
    expect(status).toBe(1)
    expect(secretsOf(repository.root)).toEqual(before)
  })

  it("is asked again after an answer that is neither, on a line of its own", async () => {
    using repository = vectorRepository()
    repository.edit((text) => text.replaceAll(/.*lena.*\n/g, ""))
    const { status, screen } = await rekeyAtTerminal(repository.root, ["perhaps", "n"])
    expect(status).toBe(1)
    expect(screen.split("\r\u001b[Kcarry out this plan?").length).toBe(3)
  })
})
