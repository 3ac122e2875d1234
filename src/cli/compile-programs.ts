/**
 * Compiles the programs for this machine's Node, and keeps what V8 made: run by the build, and by npm after it installed the package.
 * V8 compiles a function when it is first called, so what starts most often is done once: a SOPS file is made and decrypted.
 */
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Readable } from "node:stream"
import { compiledFile, type Programs, readScript, runScript } from "./load-programs.ts"

const script = readScript(undefined)
await rehearse(runScript(script, createRequire(import.meta.url)))
// Others may start meanwhile, and find the whole or nothing.
const beside = `${compiledFile}.${process.pid}`
writeFileSync(beside, script.createCachedData())
renameSync(beside, compiledFile)

async function rehearse({ runCli }: Programs): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "ts-age-yk-compile-"))
  const key = join(folder, "key.txt")
  const plain = join(folder, "plain.yaml")
  const file = join(folder, "secret.yaml")
  const world = {
    env: {},
    home: folder,
    platform: process.platform,
    hostKey: join(folder, "ssh_host_ed25519_key"),
    out: () => Promise.resolve(),
    err: () => undefined,
    outIsTerminal: false,
    errIsTerminal: false,
    input: () => Readable.from([]),
    inputIsTerminal: false,
    terminal: () => null,
    readDescriptor: () => Promise.resolve(""),
    now: () => new Date(),
  }
  const run = async (argv: readonly string[]): Promise<void> => {
    const status = await runCli(argv, world)
    if (status !== 0) throw new TypeError(`ts-age-yk ${argv[0] ?? ""} ended with ${status}`)
  }
  try {
    writeFileSync(
      plain,
      "# a comment\nuser: somebody\nlist:\n  - 1\n  - true\n  - text: |\n      of two\n      lines\n",
    )
    await run(["keygen", "-o", key])
    const recipient = /age1\w+/.exec(readFileSync(key, "utf8"))?.[0] ?? ""
    await run(["encrypt", "-r", recipient, "-o", file, plain])
    await run(["decrypt", "--no-yubikey", "-i", key, file])
  } finally {
    rmSync(folder, { recursive: true })
  }
}
