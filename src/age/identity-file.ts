/** Files of identities: age's own, SSH private keys, and age's own behind a passphrase. */
import { Failure } from "../failure.ts"
import type { Dialogue } from "./dialogue.ts"
import { IdentityInvalid, PassphraseRefused } from "./failures.ts"
import { decryptBytes, isAgeFile, readAgeFile } from "./file.ts"
import { HybridIdentity } from "./hybrid.ts"
import type { Asks, Identity, Match } from "./identity.ts"
import { openOrNull } from "./open.ts"
import { askPassphrase, passphraseNeeded } from "./passphrase.ts"
import { type PluginText, parsePluginIdentity } from "./plugin-name.ts"
import { ScryptIdentity } from "./scrypt.ts"
import { looksLikeSshPrivateKey, readSshPrivateKey, type SshKeyFile } from "./ssh-private-key.ts"
import type { FileKey, Stanza } from "./stanza.ts"
import { X25519Identity } from "./x25519.ts"

/** What a line says. A plugin's identity is data here: who is asked for it is decided above. */
export type ParsedIdentity = Readonly<
  { kind: "native"; identity: X25519Identity | HybridIdentity } | { kind: "plugin"; plugin: PluginText }
>

/** What a file holds. */
export type IdentityFile = Readonly<
  | { kind: "identities"; identities: readonly ParsedIdentity[] }
  | { kind: "ssh"; key: SshKeyFile }
  | { kind: "encrypted"; bytes: Uint8Array }
>

/**
 * Reads an identity as text: `AGE-SECRET-KEY-1…`, `AGE-SECRET-KEY-PQ-1…`, `AGE-PLUGIN-NAME-1…`.
 * @param label - what prompts and failures call it
 * @throws IdentityInvalid, without the text
 */
export function parseIdentity(text: string, label?: string): ParsedIdentity {
  if (text.startsWith("AGE-SECRET-KEY-PQ-1")) return { kind: "native", identity: HybridIdentity.parse(text, label) }
  if (text.startsWith("AGE-SECRET-KEY-1")) return { kind: "native", identity: X25519Identity.parse(text, label) }
  const plugin = parsePluginIdentity(text)
  if (plugin !== null) return { kind: "plugin", plugin }
  if (text.startsWith("AGE-PLUGIN-")) throw new IdentityInvalid("identity is not valid Bech32: mistyped, or cut short")
  if (text.startsWith("age1"))
    throw new IdentityInvalid("a recipient stands where an identity is expected", {
      hint: "a recipient encrypts; decrypting takes the identity that belongs to it",
    })
  throw new IdentityInvalid("not an identity", {
    hint: "identities begin with AGE-SECRET-KEY-1 or AGE-PLUGIN-, or are an SSH private key",
  })
}

/**
 * Reads the lines of an identity file; comments begin with `#`.
 * @throws IdentityInvalid with the line, and without its text
 */
export function parseIdentities(text: string, label?: string): ParsedIdentity[] {
  return text.split("\n").flatMap((raw, index) => {
    const content = raw.trim()
    if (content === "" || content.startsWith("#")) return []
    try {
      return [parseIdentity(content, label)]
    } catch (failure) {
      throw failure instanceof IdentityInvalid ? failure.within({ line: index + 1 }) : failure
    }
  })
}

/**
 * Finds out what a file of identities is, and reads it. An encrypted one stays closed.
 * @param label - what prompts and failures call the identities of the file
 * @throws IdentityInvalid
 */
export function readIdentityFile(bytes: Uint8Array, label?: string): IdentityFile {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8")
  if (isAgeFile(bytes)) return { kind: "encrypted", bytes }
  if (looksLikeSshPrivateKey(text)) return { kind: "ssh", key: readSshPrivateKey(text) }
  const identities = parseIdentities(text, label)
  if (identities.length === 0) throw new IdentityInvalid("no identity in the file")
  return { kind: "identities", identities }
}

const asksPassphrase: ReadonlySet<Asks> = new Set(["passphrase"])

/** A passphrase-protected identity file as one identity: it is opened once, when nothing cheaper opened a file. */
export class EncryptedIdentityFile implements Identity {
  readonly label: string
  readonly #bytes: Uint8Array
  readonly #dialogue: Dialogue | null
  readonly #realise: (identity: ParsedIdentity) => Identity | null
  #identities: Promise<readonly Identity[]> | null = null

  /**
   * @param label - the file's name
   * @param dialogue - null when nobody can be asked
   * @param realise - makes an identity of what the file holds; null for a plugin that is not there
   */
  constructor(
    bytes: Uint8Array,
    label: string,
    dialogue: Dialogue | null,
    realise: (identity: ParsedIdentity) => Identity | null,
  ) {
    this.#bytes = bytes
    this.label = label
    this.#dialogue = dialogue
    this.#realise = realise
  }

  match(): Match {
    return { fits: "maybe", asks: asksPassphrase }
  }

  /** @throws PassphraseRefused, IdentityInvalid, HeaderMalformed and the like of the identity file, what its identities throw */
  async unwrapFileKey(stanzas: readonly Stanza[]): Promise<FileKey | null> {
    this.#identities ??= this.#open()
    return openOrNull(await this.#identities, stanzas)
  }

  /** Failures name this file: whoever catches them knows the one that was to be decrypted, and would name that. */
  async #open(): Promise<readonly Identity[]> {
    try {
      return await this.#read()
    } catch (failure) {
      throw failure instanceof Failure ? failure.within({ file: this.label }) : failure
    }
  }

  async #read(): Promise<readonly Identity[]> {
    const dialogue = this.#dialogue
    const file = await readAgeFile(this.#bytes)
    await file.close()
    if (file.header.stanzas[0]?.args[0] !== "scrypt")
      throw new IdentityInvalid("identity file is encrypted to keys, and only a passphrase is supported there", {
        hint: "decrypt it with the key that it is encrypted to, and give the result as identity file",
      })
    if (dialogue === null) throw passphraseNeeded()
    using passphrase = await askPassphrase(dialogue, `Passphrase for ${this.label}`)
    const scrypt = new ScryptIdentity(() => Promise.resolve(passphrase), this.label)
    const plaintext = await decryptBytes(this.#bytes, async (stanzas) => {
      const fileKey = await scrypt.unwrapFileKey(stanzas)
      if (fileKey === null) throw new PassphraseRefused("wrong passphrase for the identity file")
      return fileKey
    })
    const parsed = parseIdentities(Buffer.from(plaintext).toString("utf8"), this.label)
    plaintext.fill(0)
    return parsed.flatMap((identity) => this.#realise(identity) ?? [])
  }
}
