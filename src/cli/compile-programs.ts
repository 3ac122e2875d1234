/**
 * Compiles the programs for this machine's Node, and keeps what V8 made: run by the build, and by npm after it installed the package.
 * V8 compiles a function when it is first called, so what starts most often is done once: a SOPS file is made, and decrypted with an age
 * key and with a host's.
 */
import { generateKeyPairSync } from "node:crypto"
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Readable } from "node:stream"
import { wireString } from "../age/ssh-wire.ts"
import { concat } from "../apdu/tlv.ts"
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
  let printed = ""
  const world = {
    env: {},
    home: folder,
    platform: process.platform,
    hostKey: join(folder, "ssh_host_ed25519_key"),
    out: (content: string | Uint8Array) => {
      printed = Buffer.from(content).toString()
      return Promise.resolve()
    },
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
    const host = hostKey()
    writeFileSync(world.hostKey, host.file)
    writeFileSync(`${world.hostKey}.pub`, host.publicLine)
    await run(["ssh-to-age", "-i", `${world.hostKey}.pub`])
    await run(["encrypt", "-r", recipient, "-r", printed.trim(), "-o", file, plain])
    await run(["decrypt", "--no-yubikey", "-i", key, file])
    await run(["decrypt", "--no-yubikey", file])
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** The key of no host, as OpenSSH keeps it. [PROTOCOL.key] */
function hostKey(): { file: string; publicLine: string } {
  const text = (value: string): Uint8Array => wireString(Buffer.from(value))
  const { d = "", x = "" } = generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" })
  const [seed, point] = [Buffer.from(d, "base64url"), Buffer.from(x, "base64url")]
  const publicKey = concat(text("ssh-ed25519"), wireString(point))
  const fields = concat(new Uint8Array(8), publicKey, wireString(concat(seed, point)), text(""))
  const padding = Uint8Array.from({ length: -fields.length & 7 }, (_, index) => index + 1)
  const head = concat(Buffer.from("openssh-key-v1\0"), text("none"), text("none"), text(""), Uint8Array.of(0, 0, 0, 1))
  const bytes = concat(head, wireString(publicKey), wireString(concat(fields, padding)))
  const base64 = Buffer.from(bytes).toString("base64")
  return {
    file: `-----BEGIN OPENSSH PRIVATE KEY-----\n${base64}\n-----END OPENSSH PRIVATE KEY-----\n`,
    publicLine: `ssh-ed25519 ${Buffer.from(publicKey).toString("base64")}\n`,
  }
}
