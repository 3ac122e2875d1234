/** Commands over a repository of secrets, as a person types them in its folder, with keys in files and virtual YubiKeys in files. */
import { generateKeyPairSync } from "node:crypto"
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Identity } from "../../src/age/identity.ts"
import { sshIdentities } from "../../src/age/ssh-identity.ts"
import { readSshPrivateKey } from "../../src/age/ssh-private-key.ts"
import { ed25519PublicKey, sshPublicLine } from "../../src/age/ssh-public-key.ts"
import { sshPublicToAge } from "../../src/age/ssh-to-age.ts"
import { runProgram } from "../../src/cli/main.ts"
import { program } from "../../src/cli/program.ts"
import { vectorText } from "../cards.ts"
import { testWorld } from "../cli/world.ts"
import { leftovers, secretsOf, type TestRepository } from "./repository.ts"

export type Ran = Readonly<{ status: number; stdout: string; stderr: string }>

/** Runs a command in the repository's folder; the provisioning key of the vectors is at hand unless `env` says otherwise. */
export async function run(
  repository: Pick<TestRepository, "root">,
  args: readonly string[],
  env = withProvisionKey(),
): Promise<Ran> {
  const before = process.cwd()
  process.chdir(repository.root)
  try {
    const { world, output } = testWorld({ env: { PATH: process.env["PATH"], ...env }, home: repository.root })
    const status = await runProgram(args, world, program)
    return { status, ...output() }
  } finally {
    process.chdir(before)
  }
}

export function withProvisionKey(): Record<string, string> {
  return { SOPS_AGE_KEY: vectorText("yubikey/provision-key.txt").trim() }
}

/** All that a ceremony may change, to compare. */
export function stateOf(repository: TestRepository): unknown {
  const record = leftovers(repository.root)
  return { config: repository.config(), secrets: secretsOf(repository.root), record }
}

export type TestHost = Readonly<{
  line: string
  recipient: string
  publicFile: string
  privateFile: string
  identities: readonly Identity[]
}>

/** A new host's Ed25519 key, in files beside the repository's secrets, which git does not see. */
export function newHost(repository: TestRepository, name: string): TestHost {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519")
  const point = new Uint8Array(Buffer.from(publicKey.export({ format: "jwk" }).x ?? "", "base64url"))
  const key = ed25519PublicKey(point)
  const folder = join(repository.root, ".git", "hosts")
  mkdirSync(folder, { recursive: true })
  const privateFile = join(folder, name)
  const pem = String(privateKey.export({ type: "pkcs8", format: "pem" }))
  writeFileSync(privateFile, pem)
  writeFileSync(`${privateFile}.pub`, `${sshPublicLine(key)} root@${name}\n`)
  return {
    line: sshPublicLine(key),
    recipient: sshPublicToAge(key).text,
    publicFile: `${privateFile}.pub`,
    privateFile,
    identities: sshIdentities(readSshPrivateKey(pem), name, null),
  }
}

/** The events of the record that are of some kind. */
export function recorded(repository: TestRepository, event: string): Record<string, unknown>[] {
  let text = ""
  try {
    text = readFileSync(join(repository.root, ".sops-ceremonies.jsonl"), "utf8")
  } catch {
    return []
  }
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter((line) => line["event"] === event)
}
