/** The passphrase recipient type. [C2SP age]: C2SP/age.md, "The scrypt recipient type". */
import { scrypt } from "node:crypto"
import { randomBytes } from "#primitives"
import { concat } from "../apdu/tlv.ts"
import { encodeBase64 } from "./base64.ts"
import { StanzaMalformed, WorkFactorTooHigh } from "./failures.ts"
import { openFileKey, sealedFileKeyLength, sealFileKey } from "./file-key.ts"
import { checkCompany } from "./header.ts"
import type { Asks, Identity, Match, Recipient } from "./identity.ts"
import { matchStanzas } from "./match.ts"
import type { Passphrase } from "./passphrase.ts"
import { binaryArgument, expectShape, type FileKey, type Stanza } from "./stanza.ts"

const type = "scrypt"
const saltLength = 16
const saltPrefix = new TextEncoder().encode("age-encryption.org/v1/scrypt")

/** Work factor (base-two logarithm) of new files: about a second, 256 MiB. */
const defaultWorkFactor = 18
/** Highest work factor that is accepted: 16 times as much; `age` has the same limit. */
const highestWorkFactor = 22

const asksPassphrase: ReadonlySet<Asks> = new Set(["passphrase"])

/** Derives a wrap key off the main thread. @param logN - base-two logarithm of N */
function deriveKey(passphrase: Passphrase, salt: Uint8Array, logN: number): Promise<Uint8Array> {
  const cost = 2 ** logN
  // [C2SP age]: r = 8, p = 1. Node's default memory limit of 32 MiB would end at a work factor of 14.
  const options = { N: cost, r: 8, p: 1, maxmem: 128 * 8 * (cost + 16) + (1 << 20) }
  const copy = passphrase.use((bytes) => bytes.slice())
  return new Promise((resolve, reject) => {
    scrypt(copy, concat(saltPrefix, salt), 32, options, (error, key) => {
      copy.fill(0)
      if (error === null) resolve(new Uint8Array(key.buffer, key.byteOffset, key.length))
      else reject(error)
    })
  })
}

/** A passphrase to encrypt to. It shares its file with nobody. */
export class ScryptRecipient implements Recipient {
  readonly text = "a passphrase"
  /** One that no other recipient has: [C2SP age-plugin] `labels`. */
  readonly labels: readonly string[] = [encodeBase64(randomBytes(16))]
  readonly #passphrase: Passphrase
  readonly #logN: number

  /** @param logN - base-two logarithm of the work factor, 1 to 22 */
  constructor(passphrase: Passphrase, logN = defaultWorkFactor) {
    if (!Number.isInteger(logN) || logN < 1 || logN > highestWorkFactor)
      throw new RangeError(`"logN" expected 1 to ${highestWorkFactor}, got ${logN}`)
    this.#passphrase = passphrase
    this.#logN = logN
  }

  async wrapFileKey(fileKey: FileKey): Promise<Stanza[]> {
    const salt = randomBytes(saltLength)
    const wrapKey = await deriveKey(this.#passphrase, salt, this.#logN)
    return [{ args: [type, encodeBase64(salt), String(this.#logN)], body: sealFileKey(wrapKey, fileKey) }]
  }
}

/** The scrypt stanza of a file, if it has one; then it has no other. @throws StanzaMalformed, WorkFactorTooHigh */
function parse(
  stanzas: readonly Stanza[],
  highest: number,
): { salt: Uint8Array; logN: number; body: Uint8Array } | null {
  checkCompany(stanzas)
  const stanza = stanzas.find((candidate) => candidate.args[0] === type)
  if (stanza === undefined) return null
  expectShape(stanza, 2, sealedFileKeyLength)
  const salt = binaryArgument(stanza, 1, saltLength)
  const digits = stanza.args[2] ?? ""
  if (!/^[1-9][0-9]*$/.test(digits)) throw new StanzaMalformed(type, "the work factor is not a decimal number above 0")
  if (digits.length > 2 || Number(digits) > highest) throw new WorkFactorTooHigh(digits, highest)
  return { salt, logN: Number(digits), body: stanza.body }
}

/** A passphrase to decrypt with, given or asked for when a file turns out to want one. */
export class ScryptIdentity implements Identity {
  readonly label: string
  readonly #passphrase: () => Promise<Passphrase>
  readonly #highest: number

  /**
   * @param passphrase - is called once a file; the owner of what it returns disposes of it
   * @param highest - base-two logarithm of the highest work factor that is accepted
   */
  constructor(passphrase: () => Promise<Passphrase>, label = "passphrase", highest = highestWorkFactor) {
    this.label = label
    this.#passphrase = passphrase
    this.#highest = highest
  }

  match(stanzas: readonly Stanza[]): Match {
    return matchStanzas(stanzas, type, () => parse(stanzas, this.#highest) !== null, asksPassphrase)
  }

  /** @throws StanzaMalformed, WorkFactorTooHigh, and what asking for the passphrase throws */
  async unwrapFileKey(stanzas: readonly Stanza[]): Promise<FileKey | null> {
    const parsed = parse(stanzas, this.#highest)
    if (parsed === null) return null
    const passphrase = await this.#passphrase()
    return openFileKey(await deriveKey(passphrase, parsed.salt, parsed.logN), parsed.body)
  }
}
