// Preloaded into a ceremony's process: it dies by SIGKILL at the KILL_AT-th call that changes the disk. Without KILL_AT it counts them,
// and writes the number to COUNT_INTO.
import fs from "node:fs"
import { syncBuiltinESMExports } from "node:module"

const at = Number(process.env.KILL_AT ?? "0")
let calls = 0

function step() {
  if (++calls === at) process.kill(process.pid, "SIGKILL")
}

function watch(object, names) {
  for (const name of names) {
    const real = object[name]
    object[name] = function (...args) {
      step()
      return real.apply(this, args)
    }
  }
}

const handle = await fs.promises.open("/dev/null")
watch(Object.getPrototypeOf(handle), ["writeFile", "writev", "write", "chmod", "chown", "sync"])
await handle.close()
watch(fs.promises, ["rename", "link", "rm", "unlink", "mkdir", "rmdir", "copyFile", "writeFile"])
syncBuiltinESMExports()

if (at === 0) process.on("exit", () => fs.writeFileSync(process.env.COUNT_INTO ?? "/dev/null", String(calls)))
