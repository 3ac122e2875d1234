/** `ts-age-yk keygen`: an age key in software, as age-keygen makes it. */
import type { Command } from "commander"
import { HybridIdentity } from "../../age/hybrid.ts"
import { X25519Identity } from "../../age/x25519.ts"
import { once, writeOutput } from "../output.ts"
import type { World } from "../world.ts"

export function define(command: Command, world: World, done: (status: number) => void): void {
  command
    .option("--pq", "a post-quantum hybrid key (age 1.3 and newer)")
    .option("-o, --output <FILE>", "write to FILE, readable by you alone; it must not exist yet")
    .action(async (options: { pq?: true; output?: string }) => {
      const { text: key, recipient } = options.pq === true ? await hybridKey() : x25519Key()
      const created = world
        .now()
        .toISOString()
        .replace(/\.\d+Z$/, "Z")
      const text = `# created: ${created}\n# public key: ${recipient}\n${key}\n`
      await refuseToOverwrite(options.output)
      await writeOutput(once(Buffer.from(text)), options.output, world)
      if (options.output !== undefined || !world.outIsTerminal) world.err(`Public key: ${recipient}\n`)
      done(0)
    })
}

async function refuseToOverwrite(path: string | undefined): Promise<void> {
  if (path === undefined || path === "-") return
  const [{ stat }, { WrongUsage }] = await Promise.all([import("node:fs/promises"), import("../failures.ts")])
  if ((await stat(path).catch(() => null)) !== null)
    throw new WrongUsage("exists, and a key in it would be lost", { where: { file: path }, hint: "name a new file" })
}

type KeyText = Readonly<{ text: string; recipient: string }>

function x25519Key(): KeyText {
  const identity = X25519Identity.generate()
  return { text: identity.revealText(), recipient: identity.recipient.text }
}

async function hybridKey(): Promise<KeyText> {
  const identity = HybridIdentity.generate()
  return { text: identity.revealText(), recipient: (await identity.recipient()).text }
}
