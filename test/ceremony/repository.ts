/** Repositories for ceremonies: the vectors' own in a folder of git, and a run over it with virtual cards and software keys. */
import { execFileSync } from "node:child_process"
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Identity } from "../../src/age/identity.ts"
import { readIdentityFile } from "../../src/age/identity-file.ts"
import { sshIdentities } from "../../src/age/ssh-identity.ts"
import { X25519Identity } from "../../src/age/x25519.ts"
import { prepareRekey } from "../../src/ceremony/prepare.ts"
import { type CeremonyOptions, type Outcome, rekey } from "../../src/ceremony/rekey.ts"
import { readRepository } from "../../src/ceremony/repository.ts"
import { RunAttendant } from "../../src/keyring/attendant.ts"
import { UnlockSession } from "../../src/keyring/unlock-session.ts"
import { YubiKeys } from "../../src/keyring/yubikeys.ts"
import { decryptSops } from "../../src/sops/decrypt.ts"
import { recipientWrapper } from "../../src/sops/recipient-wrapper.ts"
import { inReader, type TestCard, vector, vectorCards, vectorText } from "../cards.ts"
import { rightPin } from "../keyring/run.ts"

const vectors = new URL("../vectors/yubikey/", import.meta.url).pathname

/** A repository that is removed when the test is over. */
export type TestRepository = Disposable &
  Readonly<{
    root: string
    config: () => string
    edit: (change: (text: string) => string) => void
    commit: (message: string) => void
  }>

export function vectorRepository(): TestRepository {
  const root = mkdtempSync(join(tmpdir(), "ts-age-yk-ceremony-"))
  cpSync(join(vectors, "repo"), root, { recursive: true })
  const git = (...args: readonly string[]): void => {
    execFileSync("git", ["-C", root, "-c", "user.name=Test", "-c", "user.email=test@example.org", ...args], {
      stdio: "ignore",
    })
  }
  git("init", "--initial-branch=main")
  const path = join(root, ".sops.yaml")
  const repository: TestRepository = {
    root,
    config: () => readFileSync(path, "utf8"),
    edit: (change) => writeFileSync(path, change(readFileSync(path, "utf8"))),
    commit: (message) => {
      git("add", "--all")
      git("commit", "--allow-empty", "--message", message)
    },
    [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }),
  }
  repository.commit("begin")
  return repository
}

/** Host keys of the vectors, as identities. */
export function host(name: "electra" | "lena" | "vega"): Identity[] {
  const file = readIdentityFile(vector(`yubikey/hosts/${name}/ssh_host_ed25519_key`))
  if (file.kind !== "ssh") throw new TypeError("no SSH key")
  return sshIdentities(file.key, name, null)
}

export function provisionKey(): X25519Identity {
  return X25519Identity.parse(vectorText("yubikey/provision-key.txt").trim())
}

/** One of the vectors' YubiKeys. */
export function card(serial: number): TestCard {
  const state = vectorCards().find((candidate) => candidate.serial === serial)
  if (state === undefined) throw new TypeError(`no card ${serial}`)
  return inReader(state)
}

export type Keys = Readonly<{ identities?: readonly Identity[]; cards?: readonly TestCard[] }>

export function sessionWith({ identities = [], cards = [] }: Keys): {
  session: UnlockSession
  attendant: RunAttendant
} {
  const attendant = new RunAttendant(rightPin, () => () => undefined)
  const yubiKeys = new YubiKeys({ readers: () => Promise.resolve(cards.map(({ reader }) => reader)), attendant })
  return { session: new UnlockSession({ identities, yubiKeys: cards.length === 0 ? null : yubiKeys }), attendant }
}

/** Everything of a ceremony up to its start. */
export async function prepare(
  root: string,
  keys: Keys,
  { rotateAll = false } = {},
): Promise<CeremonyOptions & AsyncDisposable> {
  const { session, attendant } = sessionWith(keys)
  return {
    ...(await prepareRekey(await readRepository(root), session, { rotateAll })),
    session,
    tallies: () => attendant.tallies,
    wrap: recipientWrapper({ env: {}, dialogue: null }),
    version: "test",
    now: () => new Date("2026-07-01T12:00:00Z"),
    [Symbol.asyncDispose]: () => session[Symbol.asyncDispose](),
  }
}

/** A whole ceremony. */
export async function ceremony(
  root: string,
  keys: Keys,
  options: { rotateAll?: boolean } & Partial<CeremonyOptions> = {},
): Promise<Outcome> {
  const { rotateAll = false, ...changes } = options
  await using prepared = await prepare(root, keys, { rotateAll })
  return await rekey({ ...prepared, ...changes })
}

/** The secrets of a repository: path and bytes. */
export function secretsOf(root: string): Map<string, Buffer> {
  const entries = readdirSync(join(root, "secrets"), { recursive: true, encoding: "utf8" })
  const files = entries.map((entry) => join("secrets", entry)).filter((path) => statSync(join(root, path)).isFile())
  return new Map(files.sort().map((path) => [path, readFileSync(join(root, path))]))
}

/** What a file decrypts to with some keys; null when it does not. */
export async function plaintextOf(root: string, path: string, keys: Keys): Promise<string | null> {
  const { session } = sessionWith(keys)
  try {
    return Buffer.from(await decryptSops(readFileSync(join(root, path)), session, { path })).toString("latin1")
  } catch {
    return null
  } finally {
    await session[Symbol.asyncDispose]()
  }
}

/** Names of files that a ceremony leaves when it is cut short. */
export function leftovers(root: string): string[] {
  const entries = readdirSync(root, { recursive: true, encoding: "utf8" })
  return entries.filter((entry) => /\.rekey-|journal\.json|\.tmp$/.test(entry))
}
