/**
 * Every place that an identity may come from, in their order; nothing else reads `SOPS_AGE_*`. The places and names are sops'
 * (age/keysource.go), and the host's own key besides.
 */
import { spawn } from "node:child_process"
import { join } from "node:path"
import type { Dialogue } from "../age/dialogue.ts"
import type { Identity, Match } from "../age/identity.ts"
import { EncryptedIdentityFile, type ParsedIdentity, parseIdentities, readIdentityFile } from "../age/identity-file.ts"
import type { PluginText } from "../age/plugin-name.ts"
import { sshIdentities } from "../age/ssh-identity.ts"
import { readSshPrivateKey } from "../age/ssh-private-key.ts"
import type { FileKey, Stanza } from "../age/stanza.ts"
import { explain, Failure } from "../failure.ts"
import { readBytes } from "../read-file.ts"
import { ReadFailed } from "../replace-file.ts"
import { parseStub, type Stub } from "../yubikey/stub.ts"
import { IdentitySourceFailed } from "./failures.ts"

export type SourceOptions = Readonly<{
  /** Files that the person named. */
  files: readonly string[]
  env: Readonly<Record<string, string | undefined>>
  home: string
  platform: NodeJS.Platform
  /** The host's SSH key, used where it is readable. */
  hostKey: string
  /** Who is asked for passphrases; null: nobody. */
  dialogue: () => Dialogue | null
  /** Makes one identity of all those of another plugin. */
  plugin: (plugins: readonly [PluginText, ...PluginText[]]) => Identity
  /** Which recipient is being opened, for `SOPS_AGE_KEY_CMD`. */
  recipient?: () => string | undefined
}>

/** What was found. `warnings`: places that nobody named in this run and that cannot be used, a line each. */
export type Found = Readonly<{ identities: readonly Identity[]; stubs: readonly Stub[]; warnings: readonly string[] }>

/** Collects identities on the way through the places. */
class Collection {
  readonly identities: Identity[] = []
  readonly stubs: Stub[] = []
  readonly warnings: string[] = []
  /** Identities of other plugins, by plugin: one process serves them all. */
  readonly #plugins = new Map<string, [PluginText, ...PluginText[]]>()
  readonly options: SourceOptions

  constructor(options: SourceOptions) {
    this.options = options
  }

  /** Takes one identity of a file: a YubiKey's stub is kept as a hint, since YubiKeys are found by what is on them. */
  add(parsed: ParsedIdentity): void {
    if (parsed.kind === "plugin" && parsed.plugin.name !== "yubikey") {
      const others = this.#plugins.get(parsed.plugin.name)
      if (others === undefined) this.#plugins.set(parsed.plugin.name, [parsed.plugin])
      else others.push(parsed.plugin)
      return
    }
    const identity = this.realise(parsed)
    if (identity !== null) this.identities.push(identity)
  }

  found(): Found {
    const plugins = [...this.#plugins.values()].map((plugins) => this.options.plugin(plugins))
    return { identities: [...this.identities, ...plugins], stubs: this.stubs, warnings: this.warnings }
  }

  realise(parsed: ParsedIdentity): Identity | null {
    if (parsed.kind === "native") return parsed.identity
    if (parsed.plugin.name !== "yubikey") return this.options.plugin([parsed.plugin])
    const stub = parseStub(parsed.plugin.text)
    if (stub !== null) this.stubs.push(stub)
    return null
  }

  addFile(bytes: Uint8Array, name: string): void {
    const file = readIdentityFile(bytes, name)
    switch (file.kind) {
      case "identities":
        for (const parsed of file.identities) this.add(parsed)
        break
      case "ssh":
        this.identities.push(...sshIdentities(file.key, name, this.options.dialogue()))
        break
      case "encrypted":
        this.identities.push(
          new EncryptedIdentityFile(file.bytes, name, this.options.dialogue(), (parsed) => this.realise(parsed)),
        )
    }
  }

  /** A place that nobody named in this run may be missing or broken: that is worth a line, and no more. */
  optional(path: string, missing: "silent" | "told"): void {
    try {
      this.addFile(readBytes(path), path)
    } catch (failure) {
      if (!(failure instanceof Failure)) throw failure
      if (!(failure instanceof ReadFailed) || missing === "told")
        this.warnings.push(explain(failure.within({ file: path })).text)
    }
  }
}

/**
 * Finds all identities.
 * @throws ReadFailed, IdentityInvalid, StubMalformed for what the person named
 */
export function findIdentities(options: SourceOptions): Found {
  const collection = new Collection(options)
  const { env, home } = options
  for (const path of options.files) addNamedFile(collection, path)
  const sshKey = env["SOPS_AGE_SSH_PRIVATE_KEY_FILE"]
  if (sshKey !== undefined && sshKey !== "") collection.optional(sshKey, "told")
  else for (const name of ["id_ed25519", "id_rsa"]) collection.optional(join(home, ".ssh", name), "silent")
  addText(collection, "SOPS_AGE_KEY")
  const keyFile = env["SOPS_AGE_KEY_FILE"]
  if (keyFile !== undefined && keyFile !== "") collection.optional(keyFile, "told")
  for (const name of ["SOPS_AGE_KEY_CMD", "SOPS_AGE_SSH_PRIVATE_KEY_CMD"] as const) {
    const command = env[name]
    if (command !== undefined && command !== "")
      collection.identities.push(new CommandIdentity(name, command, collection))
  }
  const configuration = configurationFolder(options)
  if (configuration !== null) collection.optional(join(configuration, "sops", "age", "keys.txt"), "silent")
  collection.optional(options.hostKey, "silent")
  return collection.found()
}

function addNamedFile(collection: Collection, path: string): void {
  const bytes = readBytes(path)
  try {
    collection.addFile(bytes, path)
  } catch (failure) {
    throw failure instanceof Failure ? failure.within({ file: path }) : failure
  }
}

function addText(collection: Collection, name: string): void {
  const text = collection.options.env[name]
  if (text === undefined || text === "") return
  try {
    // sops 3.13 takes several keys on a line. Comments stay on theirs: a variable may hold a whole file of keys.
    const lines = text.replaceAll(/^(?!#).*/gm, (line) => line.replaceAll(/[, \t]+/g, "\n"))
    for (const parsed of parseIdentities(lines, name)) collection.add(parsed)
  } catch (failure) {
    if (!(failure instanceof Failure)) throw failure
    collection.warnings.push(explain(failure.within({ option: name })).text)
  }
}

/** Go's os.UserConfigDir, with XDG_CONFIG_HOME on macOS too, as sops has it. */
function configurationFolder({ env, home, platform }: SourceOptions): string | null {
  if (platform === "win32") return env["AppData"] ?? env["APPDATA"] ?? null
  const named = env["XDG_CONFIG_HOME"]
  if (named !== undefined && named !== "") return named
  return platform === "darwin" ? join(home, "Library", "Application Support") : join(home, ".config")
}

/** Longest output of a key command, in bytes. */
const commandLimit = 1 << 20

/** Keys that a command prints. It is run when nothing cheaper opened the file, and once for each recipient that is asked about. */
class CommandIdentity implements Identity {
  readonly label: string
  readonly #command: string
  readonly #collection: Collection
  readonly #runs = new Map<string, Promise<readonly Identity[]>>()

  constructor(label: string, command: string, collection: Collection) {
    this.label = label
    this.#command = command
    this.#collection = collection
  }

  match(): Match {
    return { fits: "maybe", asks: new Set(["plugin"]) }
  }

  async unwrapFileKey(stanzas: readonly Stanza[]): Promise<FileKey | null> {
    const recipient = this.#collection.options.recipient?.() ?? ""
    const run = this.#runs.get(recipient) ?? this.#run(recipient)
    this.#runs.set(recipient, run)
    for (const identity of await run) {
      if (identity.match(stanzas).fits === "no") continue
      const fileKey = await identity.unwrapFileKey(stanzas)
      if (fileKey !== null) return fileKey
    }
    return null
  }

  async #run(recipient: string): Promise<readonly Identity[]> {
    const { env, dialogue } = this.#collection.options
    const text = await runCommand(this.label, this.#command, {
      ...env,
      ...(recipient === "" ? {} : { SOPS_AGE_RECIPIENT: recipient }),
    })
    if (this.label === "SOPS_AGE_SSH_PRIVATE_KEY_CMD")
      return sshIdentities(readSshPrivateKey(text), this.label, dialogue(), { option: this.label })
    return parseIdentities(text, this.label).flatMap((parsed) => this.#collection.realise(parsed) ?? [])
  }
}

function runCommand(name: string, command: string, env: Record<string, string | undefined>): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, { shell: true, env, stdio: ["ignore", "pipe", "inherit"] })
    let text = ""
    child.stdout.setEncoding("utf8")
    child.stdout.on("data", (part: string) => {
      text += part
      if (text.length > commandLimit) child.kill()
    })
    child.on("error", (cause) => {
      reject(new IdentitySourceFailed(name, "it cannot be run", { cause }))
    })
    child.on("close", (status, signal) => {
      if (status === 0) resolve(text)
      else
        reject(
          new IdentitySourceFailed(
            name,
            status === null ? `it was ended by ${signal ?? "a signal"}` : `exit status ${status}`,
          ),
        )
    })
  })
}
