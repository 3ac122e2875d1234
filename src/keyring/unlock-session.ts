/**
 * One run's worth of unlocking: every identity that a person has, asked in the order that costs the person least. An identity that
 * cannot match is never asked.
 */
import { type Attempt, NoIdentityMatches } from "../age/failures.ts"
import type { Asks, Identity } from "../age/identity.ts"
import type { FileKey, Stanza } from "../age/stanza.ts"
import { Failure, type Where } from "../failure.ts"
import type { YubiKeys } from "./yubikeys.ts"

/** What a run unlocks with. `yubiKeys` is null where they are left alone. */
export type UnlockOptions = Readonly<{
  identities: readonly Identity[]
  yubiKeys: YubiKeys | null
  /**
   * Asks the person to plug in a key that would do, after everything else has failed.
   * @param wanted - lines that name what is absent
   * @returns whether it is worth looking again
   */
  plugIn?: (wanted: readonly string[]) => Promise<boolean>
}>

/** Added where a file says that it is for another recipient, which may be a slip of whoever wrote it: a last resort. */
const unnamed = 0.5

/** What opening by an identity costs a person; the dearest of what it asks counts. */
const costs: Readonly<Record<Asks, number>> = { plugin: 2, passphrase: 1, PIN: 3, touch: 3 }

export class UnlockSession implements AsyncDisposable {
  readonly #options: UnlockOptions

  /** Which recipient is being opened, where the caller knows: for identities that a command gives. */
  recipient: string | undefined

  constructor(options: UnlockOptions) {
    this.#options = options
  }

  /**
   * What opening would cost a person, as a number to sort by: 0 for nothing; null when no identity at hand can match.
   * Pure: nobody is asked, and no card is touched.
   * @param recipient - whom the file says that it is for, where it does: an identity of another recipient then comes later
   */
  cost(stanzas: readonly Stanza[], recipient?: string): number | null {
    const { candidates } = this.#candidates(stanzas)
    const [first] = candidates
    if (first === undefined) return null
    const named = candidates.find(
      ({ identity }) => recipient === undefined || (identity.recipients?.includes(recipient) ?? true),
    )
    return named?.cost ?? first.cost + unnamed
  }

  /** The identities at hand that ask nothing of anybody and belong to this recipient. */
  ownersOf(recipient: string): Identity[] {
    return this.#options.identities.filter((identity) => identity.recipients?.includes(recipient) === true)
  }

  /** The YubiKeys of the run, or null where they are left alone. */
  get yubiKeys(): YubiKeys | null {
    return this.#options.yubiKeys
  }

  #candidates(stanzas: readonly Stanza[]): {
    candidates: { identity: Identity; cost: number }[]
    attempts: Attempt[]
    broken: Failure | null
  } {
    const { identities, yubiKeys } = this.#options
    const attempts: Attempt[] = []
    const candidates: { identity: Identity; cost: number }[] = []
    for (const identity of yubiKeys === null ? identities : [...identities, yubiKeys]) {
      const match = identity.match(stanzas)
      if (match.fits === "broken") return { candidates: [], attempts, broken: match.failure }
      if (match.fits === "maybe")
        candidates.push({ identity, cost: Math.max(0, ...[...match.asks].map((ask) => costs[ask])) })
      else if (identity !== yubiKeys) attempts.push({ identity: identity.label, outcome: "not for it" })
    }
    candidates.sort((a, b) => a.cost - b.cost)
    return { candidates, attempts, broken: null }
  }

  /**
   * Opens the file key of one age header, by the identity that asks least.
   * @throws NoIdentityMatches with every attempt; the attempt's own failure when it was the only one that could have matched;
   *   StanzaMalformed
   */
  async open(stanzas: readonly Stanza[], where: Where = {}): Promise<FileKey> {
    const { candidates, attempts, broken } = this.#candidates(stanzas)
    if (broken !== null) throw broken.within(where)
    for (const { identity } of candidates) {
      const fileKey = await this.#tryOne(identity, stanzas, attempts)
      if (fileKey !== null) return fileKey
    }
    throw verdict(attempts, stanzas).within(where)
  }

  async #tryOne(identity: Identity, stanzas: readonly Stanza[], attempts: Attempt[]): Promise<FileKey | null> {
    const { yubiKeys } = this.#options
    if (yubiKeys !== null && identity === yubiKeys) return this.#tryYubiKeys(yubiKeys, stanzas, attempts)
    try {
      const fileKey = await identity.unwrapFileKey(stanzas)
      if (fileKey === null) attempts.push({ identity: identity.label, outcome: "not for it" })
      return fileKey
    } catch (failure) {
      if (!(failure instanceof Failure)) throw failure
      attempts.push({ identity: identity.label, outcome: "failed", failure })
      return null
    }
  }

  async #tryYubiKeys(yubiKeys: YubiKeys, stanzas: readonly Stanza[], attempts: Attempt[]): Promise<FileKey | null> {
    for (;;) {
      const opened = await yubiKeys.open(stanzas)
      if (opened.fileKey !== null) return opened.fileKey
      const failed = opened.attempts.filter((attempt) => attempt.outcome === "failed")
      const absent = failed.filter((attempt) => absences.has(attempt.failure.code))
      const again =
        absent.length > 0 &&
        absent.length === failed.length &&
        (await this.#options.plugIn?.(absent.map((attempt) => attempt.identity)))
      if (again !== true) {
        attempts.push(...opened.attempts)
        return null
      }
      await yubiKeys.lookAgain()
    }
  }

  /** Forgets PINs, and lets go of the cards with their caches left as they are. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#options.yubiKeys?.[Symbol.asyncDispose]()
  }
}

/** Failures that plugging a key in would mend. */
const absences: ReadonlySet<string> = new Set(["yubikey-absent", "no-card", "card-removed"])

/** One thing that went wrong is told as it is; several are told together. */
function verdict(attempts: readonly Attempt[], stanzas: readonly Stanza[]): Failure {
  const failed = attempts.flatMap((attempt) => (attempt.outcome === "failed" ? [attempt.failure] : []))
  const [only] = failed
  if (failed.length === 1 && only !== undefined && (attempts.length === 1 || !absences.has(only.code))) return only
  return new NoIdentityMatches(
    attempts,
    stanzas.map((stanza) => stanza.args[0] ?? ""),
  )
}
