import { spawnSync } from "node:child_process"
import { expect, it } from "vitest"

const dist = new URL("../../dist/", import.meta.url).pathname
/** What pcsclite leaves behind now and then: a handle that nobody lets go of. */
const lostHandle = "data:text/javascript,setInterval(() => undefined, 1e6)"

it.each([
  { program: "cli.js", args: ["--help"], status: 0 },
  { program: "cli.js", args: ["nonsense"], status: 2 },
  { program: "plugin.js", args: ["--help"], status: 0 },
])("$program $args ends when it is done, with all that it printed, whatever is left behind", (run) => {
  const args = ["--import", lostHandle, `${dist}${run.program}`, ...run.args]
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8", timeout: 15_000 })
  expect({ status, signal }).toEqual({ status: run.status, signal: null })
  expect(stdout + stderr).toMatch(/\n$/)
})
