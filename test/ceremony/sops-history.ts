/** Repositories with a past: files that are really encrypted, changed as sops changes them, and committed. */
import { execFileSync } from "node:child_process"
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { X25519Identity } from "../../src/age/x25519.ts"
import { UnlockSession } from "../../src/keyring/unlock-session.ts"
import { parseSetValue, setValue, unsetValue } from "../../src/sops/change.ts"
import { IvStash } from "../../src/sops/cipher.ts"
import { type OpenedParts, openDataKey, openParts, wrapDataKey } from "../../src/sops/data-key.ts"
import { encryptAgain, encryptNew } from "../../src/sops/encrypt.ts"
import { decryptFile, type EncryptedFile, readEncrypted } from "../../src/sops/file.ts"
import { formatOfName, storeOf } from "../../src/sops/format.ts"
import { parseKeyPath } from "../../src/sops/key-path.ts"
import type { KeyGroup } from "../../src/sops/metadata.ts"
import { recipientWrapper } from "../../src/sops/recipient-wrapper.ts"
import { rotateFile } from "../../src/sops/rotate.ts"
import { sessionOpener } from "../../src/sops/session-opener.ts"
import type { Documents } from "../../src/sops/tree.ts"
import { applyKeys, planKeys } from "../../src/sops/update-keys.ts"

const now = new Date("2026-07-01T12:00:00Z")
const wrap = recipientWrapper({ env: {}, dialogue: null })

/** Names of keys, or groups of them. */
export type Who = readonly string[] | readonly (readonly string[])[]

function isGroups(who: Who): who is readonly (readonly string[])[] {
  return Array.isArray(who[0])
}

export class SopsHistory implements Disposable {
  readonly root = realpathSync(mkdtempSync(join(tmpdir(), "ts-age-yk-history-")))
  readonly #identities = new Map<string, X25519Identity>()
  #clock = 0

  constructor() {
    this.git("init", "--quiet", "--initial-branch=main")
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true, force: true })
  }

  identity(name: string): X25519Identity {
    const identity = this.#identities.get(name) ?? X25519Identity.generate()
    this.#identities.set(name, identity)
    return identity
  }

  /** The recipient of a name. */
  key(name: string): string {
    return this.identity(name).recipient.text
  }

  nameOf(key: string): string {
    return [...this.#identities.keys()].find((name) => this.key(name) === key) ?? key
  }

  git(...args: readonly string[]): string {
    const date = new Date(Date.UTC(2026, 0, 1) + this.#clock * 86_400_000).toISOString()
    return execFileSync(
      "git",
      ["-C", this.root, "-c", "user.name=Test", "-c", "user.email=test@example.org", ...args],
      {
        encoding: "utf8",
        stdio: ["ignore", "pipe", "pipe"],
        env: { ...process.env, GIT_COMMITTER_DATE: date, GIT_AUTHOR_DATE: date },
      },
    )
  }

  /** Commits all that is there. @returns the commit */
  commit(subject: string): string {
    this.#clock += 1
    this.git("add", "--all")
    this.git("commit", "--quiet", "--allow-empty", "--message", subject)
    return this.git("rev-parse", "HEAD").trim()
  }

  write(path: string, content: string | Uint8Array): void {
    mkdirSync(dirname(join(this.root, path)), { recursive: true })
    writeFileSync(join(this.root, path), content)
  }

  read(path: string): Uint8Array {
    return readFileSync(join(this.root, path))
  }

  /** Writes `.sops.yaml`: each key by its name, and one rule for each pattern. */
  config(rules: Readonly<Record<string, Who>>, { named = true, more = "" } = {}): void {
    const names = [...new Set(Object.values(rules).flatMap((who) => (isGroups(who) ? who.flat() : [...who])))]
    const key = (name: string): string => (named ? `*${name}` : this.key(name))
    const rule = ([pattern, who]: [string, Who]): string =>
      isGroups(who)
        ? `  - path_regex: ${pattern}\n${more}    shamir_threshold: 2\n    key_groups:\n${who.map((group) => `      - age: [${group.map(key).join(", ")}]\n`).join("")}`
        : `  - path_regex: ${pattern}\n${more}    key_groups:\n      - age: [${who.map((name) => key(name)).join(", ")}]\n`
    const anchors = named ? `keys:\n${names.map((name) => `  - &${name} ${this.key(name)}\n`).join("")}` : ""
    this.write(".sops.yaml", `${anchors}creation_rules:\n${Object.entries(rules).map(rule).join("")}`)
  }

  #groups(who: Who): KeyGroup[] {
    const groups = isGroups(who) ? who : [who]
    return groups.map((group) => group.map((name) => ({ type: "age", recipient: this.key(name), enc: "" })))
  }

  async encrypt(path: string, text: string, who: Who): Promise<void> {
    const store = await storeOf(formatOfName(path))
    const documents = store.parse(Buffer.from(text))
    const wish = {
      groups: this.#groups(who),
      shamirThreshold: isGroups(who) ? 2 : 0,
      selection: null,
      macOnlyEncrypted: false,
    }
    this.write(path, await encryptNew(documents, { store, input: store }, wish, wrap, now))
  }

  async #open<T>(
    path: string,
    work: (bytes: Uint8Array, file: EncryptedFile, session: UnlockSession) => Promise<T>,
  ): Promise<T> {
    const bytes = this.read(path)
    const file = await readEncrypted(bytes, formatOfName(path))
    await using session = new UnlockSession({ identities: [...this.#identities.values()], yubiKeys: null })
    return await work(bytes, file, session)
  }

  async #change(path: string, change: (documents: Documents) => Documents): Promise<void> {
    await this.#open(path, async (bytes, file, session) => {
      using key = await openDataKey(file.metadata, await sessionOpener(file.metadata, session))
      const ivs = new IvStash()
      const documents = change(await decryptFile(file, key, { ivs }))
      this.write(path, await encryptAgain(bytes, file, documents, key, { ivs, now }))
    })
  }

  /** `sops set`: the data key stays, and so does every other value's ciphertext. */
  async set(path: string, keyPath: string, value: string): Promise<void> {
    await this.#change(path, ([document, ...rest]) => [
      setValue(document!, parseKeyPath(keyPath), parseSetValue(value)).document,
      ...rest,
    ])
  }

  async unset(path: string, keyPath: string): Promise<void> {
    await this.#change(path, ([document, ...rest]) => [unsetValue(document!, parseKeyPath(keyPath)), ...rest])
  }

  /** `sops updatekeys`: other recipients, the same data key. */
  async rewrap(path: string, who: Who): Promise<void> {
    await this.#open(path, async (bytes, file, session) => {
      const wish = {
        groups: this.#groups(who).map((group) =>
          group.flatMap((key) => (key.type === "age" ? [{ type: "age" as const, name: key.recipient }] : [])),
        ),
        shamirThreshold: 0,
      }
      const parts: OpenedParts = await openParts(file.metadata, await sessionOpener(file.metadata, session))
      this.write(path, await applyKeys(bytes, file, planKeys(file.metadata, wish), parts, wrap))
    })
  }

  /** `sops updatekeys` as sops has it: the old data key, wrapped anew for all. */
  async wrapAgain(path: string, who: Who): Promise<void> {
    await this.#open(path, async (bytes, file, session) => {
      using key = await openDataKey(file.metadata, await sessionOpener(file.metadata, session))
      const ivs = new IvStash()
      const documents = await decryptFile(file, key, { ivs })
      const groups = await wrapDataKey(key, this.#groups(who), 0, wrap)
      this.write(path, await encryptAgain(bytes, file, documents, key, { ivs, now, change: { groups } }))
    })
  }

  /** All ciphertexts new under the old data key, as by a program that keeps no IVs. */
  async reseal(path: string): Promise<void> {
    await this.#open(path, async (bytes, file, session) => {
      using key = await openDataKey(file.metadata, await sessionOpener(file.metadata, session))
      const documents = await decryptFile(file, key)
      this.write(path, await encryptAgain(bytes, file, documents, key, { ivs: new IvStash(), now }))
    })
  }

  /** `sops rotate`: a new data key, and so new ciphertexts all over. */
  async rotate(path: string, who: Who): Promise<void> {
    await this.#open(path, async (bytes, file, session) => {
      using key = await openDataKey(file.metadata, await sessionOpener(file.metadata, session))
      const documents = await decryptFile(file, key)
      const to = { groups: this.#groups(who), shamirThreshold: isGroups(who) ? 2 : 0 }
      this.write(path, await rotateFile(bytes, file, documents, to, wrap, now))
    })
  }
}
