/** SSH private keys as age identities: for the stanzas that name them, and as the age key that ssh-to-age makes of them. */
import { Failure, type Where } from "../failure.ts"
import type { Dialogue } from "./dialogue.ts"
import type { Asks, Identity, Match } from "./identity.ts"
import { matchStanzas } from "./match.ts"
import { askPassphrase, passphraseNeeded } from "./passphrase.ts"
import { openSshEd25519Stanza, parseSshEd25519Stanza } from "./ssh-ed25519.ts"
import type { SshKeyFile, SshPrivateKey } from "./ssh-private-key.ts"
import { type SshPublicKey, sshTag } from "./ssh-public-key.ts"
import { openSshRsaStanza, parseSshRsaStanza } from "./ssh-rsa.ts"
import { sshPrivateToAge, sshPublicToAge } from "./ssh-to-age.ts"
import type { FileKey, Stanza } from "./stanza.ts"

const asksNothing: ReadonlySet<Asks> = new Set()
const asksPassphrase: ReadonlySet<Asks> = new Set(["passphrase"])
const types = ["ssh-ed25519", "ssh-rsa"] as const

/** @throws StanzaMalformed */
function tagOf(stanza: Stanza): Uint8Array {
  return stanza.args[0] === "ssh-rsa" ? parseSshRsaStanza(stanza).tag : parseSshEd25519Stanza(stanza).tag
}

/** Whether a stanza names the key; a key that is not known yet may be named by any. @throws StanzaMalformed */
function names(stanza: Stanza, key: SshPublicKey | null): boolean {
  const tag = tagOf(stanza)
  return key === null || Buffer.from(tag).equals(sshTag(key))
}

/** A key file that is opened once, when a file first wants it; a wrong passphrase is not asked for again. */
class UnlockedOnce {
  readonly #file: SshKeyFile
  readonly #label: string
  readonly #dialogue: Dialogue | null
  readonly #where: Where
  #key: Promise<SshPrivateKey> | null = null

  constructor(file: SshKeyFile, label: string, dialogue: Dialogue | null, where: Where) {
    this.#file = file
    this.#where = where
    this.#label = label
    this.#dialogue = dialogue
  }

  open(): Promise<SshPrivateKey> {
    this.#key ??= this.#open()
    return this.#key
  }

  /** Failures name the key: whoever catches them knows the file that was to be decrypted, and would name that. */
  async #open(): Promise<SshPrivateKey> {
    try {
      return await this.#unlock()
    } catch (failure) {
      throw failure instanceof Failure ? failure.within(this.#where) : failure
    }
  }

  async #unlock(): Promise<SshPrivateKey> {
    if (!this.#file.encrypted) return this.#file.open(null)
    if (this.#dialogue === null) throw passphraseNeeded()
    using passphrase = await askPassphrase(this.#dialogue, `Passphrase for ${this.#label}`)
    return await this.#file.open(passphrase)
  }
}

class SshIdentity implements Identity {
  readonly label: string
  readonly #publicKey: SshPublicKey | null
  readonly #asks: ReadonlySet<Asks>
  readonly #key: UnlockedOnce

  constructor(file: SshKeyFile, label: string, key: UnlockedOnce) {
    this.label = label
    this.#publicKey = file.publicKey
    this.#asks = file.encrypted ? asksPassphrase : asksNothing
    this.#key = key
  }

  match(stanzas: readonly Stanza[]): Match {
    const wanted = this.#publicKey === null ? types : [this.#publicKey.type]
    const matches = wanted.map((type) =>
      matchStanzas(stanzas, type, (stanza) => names(stanza, this.#publicKey), this.#asks),
    )
    return (
      matches.find((match) => match.fits === "broken") ??
      matches.find((match) => match.fits === "maybe") ?? { fits: "no" }
    )
  }

  /** @throws StanzaMalformed, StanzaUndecryptable, PassphraseRefused, IdentityInvalid */
  async unwrapFileKey(stanzas: readonly Stanza[]): Promise<FileKey | null> {
    const match = this.match(stanzas)
    if (match.fits === "broken") throw match.failure
    if (match.fits === "no") return null
    const key = await this.#key.open()
    const stanza = stanzas.find((candidate) => candidate.args[0] === key.type && names(candidate, key.publicKey))
    if (stanza === undefined) return null
    return key.type === "ssh-rsa"
      ? openSshRsaStanza(stanza, key.key, this.label)
      : openSshEd25519Stanza(stanza, key.publicKey, key.seed, this.label)
  }
}

class ConvertedIdentity implements Identity {
  readonly label: string
  readonly recipients?: readonly string[]
  readonly #asks: ReadonlySet<Asks>
  readonly #key: UnlockedOnce

  constructor(file: SshKeyFile, label: string, key: UnlockedOnce) {
    this.label = label
    if (file.publicKey !== null) this.recipients = [sshPublicToAge(file.publicKey).text]
    this.#asks = file.encrypted ? asksPassphrase : asksNothing
    this.#key = key
  }

  match(stanzas: readonly Stanza[]): Match {
    return matchStanzas(stanzas, "X25519", () => true, this.#asks)
  }

  /** @throws StanzaMalformed, PassphraseRefused, IdentityInvalid */
  async unwrapFileKey(stanzas: readonly Stanza[]): Promise<FileKey | null> {
    if (this.match(stanzas).fits === "no") return null
    const key = await this.#key.open()
    return key.type === "ssh-ed25519" ? sshPrivateToAge(key).unwrapFileKey(stanzas) : null
  }
}

/**
 * The identities that an SSH private key is: one for `ssh-ed25519` or `ssh-rsa` stanzas and, unless it is known to be RSA, the age key
 * that ssh-to-age makes of it. They ask for the passphrase together once, and only when a file may be for them.
 * @param label - what prompts and failures call the key
 * @param dialogue - null when nobody can be asked
 * @param where - the place that failures name, where the label is not a file's name
 */
export function sshIdentities(
  file: SshKeyFile,
  label: string,
  dialogue: Dialogue | null,
  where: Where = { file: label },
): Identity[] {
  const key = new UnlockedOnce(file, label, dialogue, where)
  const named = new SshIdentity(file, label, key)
  if (file.publicKey?.type === "ssh-rsa") return [named]
  return [named, new ConvertedIdentity(file, `${label}, as an age key`, key)]
}
