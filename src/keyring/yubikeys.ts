/**
 * The YubiKeys that are connected, as one identity. A key is found by its tag on whatever card is here: the serial in a stub is a
 * hint, since the same key may live on two. No card is touched for a file that has no stanza of ours.
 */
import type { Attempt } from "../age/failures.ts"
import type { Identity, Match } from "../age/identity.ts"
import type { FileKey, Stanza } from "../age/stanza.ts"
import { Failure, slotText } from "../failure.ts"
import type { CardTransport, Reader } from "../pcsc/card-transport.ts"
import { CardRemoved, NoCard } from "../pcsc/failures.ts"
import { AppletMissing, ObjectMalformed } from "../piv/failures.ts"
import { KEY_SLOTS, type Slot } from "../piv/slots.ts"
import { type CardKey, YubiKeyCard } from "../yubikey/card.ts"
import { CertificateMalformed, YubiKeyAbsent } from "../yubikey/failures.ts"
import { type Attendant, agreeWithKey, type KeyInQuestion } from "../yubikey/key-use.ts"
import { isFor, type KeyStanza, keyStanzas, unwrapKeyStanza } from "../yubikey/stanzas.ts"
import type { Stub } from "../yubikey/stub.ts"

export type YubiKeysOptions = Readonly<{
  /** The readers that hold a card now; asked when a card is wanted. */
  readers: () => Promise<Reader[]>
  /** What identity files say of keys; hints where to look, and names for what is absent. */
  stubs?: readonly Stub[]
  /** Only stubs' keys count; a key that no stub names is left alone. */
  stubsOnly?: boolean
  /** Only these YubiKeys. */
  serials?: readonly number[]
  attendant: Attendant & { readonly keyed?: boolean }
  /** Stands between us and each card: a trace. */
  wrap?: (transport: CardTransport) => CardTransport
}>

/** A key that would open a file, and what it would ask. */
export type KeyPreview = Readonly<{ serial: number | null; slot: Slot } & Pick<CardKey, "pinPolicy" | "touchPolicy">>

/** What was found for a file: a key on a card, and the stanza that it fits. */
type Fit = Readonly<{ card: YubiKeyCard; key: CardKey; stanza: KeyStanza; stub: Stub | undefined }>

export class YubiKeys implements Identity, AsyncDisposable {
  readonly label = "YubiKeys"
  readonly #options: YubiKeysOptions
  readonly #stubs: readonly Stub[]
  #cards: Promise<{ cards: YubiKeyCard[]; failures: Attempt[] }> | undefined

  constructor(options: YubiKeysOptions) {
    this.#options = options
    this.#stubs = options.stubs ?? []
  }

  match(stanzas: readonly Stanza[]): Match {
    try {
      const ours = keyStanzas(stanzas)
      if (ours.length === 0) return { fits: "no" }
      if (this.#options.stubsOnly === true && this.#fittingStubs(ours).length === 0) return { fits: "no" }
      return { fits: "maybe", asks: new Set(["PIN", "touch"]) }
    } catch (failure) {
      if (failure instanceof Failure) return { fits: "broken", failure }
      throw failure
    }
  }

  async unwrapFileKey(stanzas: readonly Stanza[]): Promise<FileKey | null> {
    const { fileKey, attempts } = await this.open(stanzas)
    const failed = attempts.find((attempt) => attempt.outcome === "failed")
    if (fileKey === null && failed?.outcome === "failed") throw failed.failure
    return fileKey
  }

  /**
   * Opens a file key, and says what became of each YubiKey that it was tried with.
   * @throws StanzaMalformed
   */
  async open(stanzas: readonly Stanza[]): Promise<{ fileKey: FileKey | null; attempts: Attempt[] }> {
    const ours = keyStanzas(stanzas)
    const stubs = this.#fittingStubs(ours)
    if (ours.length === 0 || (this.#options.stubsOnly === true && stubs.length === 0))
      return { fileKey: null, attempts: [] }
    const { cards, failures } = await this.#connected()
    const attempts = [...failures]
    const fits = await this.#fits(cards, ours, stubs, attempts)
    for (const fit of fits) {
      const question = await this.#question(fit, cards.length)
      const identity = `${question.serial === null ? `reader ${question.reader}` : `YubiKey ${question.serial}`}, slot ${slotText(fit.key.slot)}`
      try {
        const fileKey = await unwrapKeyStanza(fit.stanza, fit.key.point, (point) =>
          agreeWithKey({ card: fit.card, key: fit.key, question, attendant: this.#options.attendant }, point),
        )
        if (fileKey !== null) return { fileKey, attempts }
        attempts.push({ identity, outcome: "not for it" })
      } catch (failure) {
        if (!(failure instanceof Failure)) throw failure
        attempts.push({ identity, outcome: "failed", failure })
        if (failure instanceof CardRemoved) await this.#drop(fit.card)
      }
    }
    for (const stub of stubs.filter((wanted) => !fits.some((fit) => fit.stub === wanted))) {
      const where = { serial: stub.serial, slot: stub.slot }
      if (fits.some((fit) => sameTag(fit.key.tag, stub.tag))) continue
      attempts.push({
        identity: `YubiKey ${stub.serial}, slot ${slotText(stub.slot)}`,
        outcome: "failed",
        failure: new YubiKeyAbsent({ where }),
      })
    }
    if (fits.length === 0)
      for (const card of cards) attempts.push({ identity: await this.#cardName(card), outcome: "not for it" })
    if (cards.length === 0 && failures.length === 0 && stubs.length === 0)
      attempts.push({ identity: this.label, outcome: "failed", failure: new NoCard() })
    return { fileKey: null, attempts }
  }

  async #cardName(card: YubiKeyCard): Promise<string> {
    const serial = await card.serialIfCheap()
    return serial === null ? `YubiKey in reader ${card.reader}` : `YubiKey ${serial}`
  }

  /**
   * Tells which key here would open a file, without asking for a PIN or a touch.
   * @returns null when none of those that are connected would; serial null where the card does not tell it
   */
  async preview(stanzas: readonly Stanza[]): Promise<KeyPreview | null> {
    const ours = keyStanzas(stanzas)
    if (ours.length === 0) return null
    const { cards } = await this.#connected()
    const [fit] = await this.#fits(cards, ours, this.#fittingStubs(ours), [])
    if (fit === undefined) return null
    const { pinPolicy, touchPolicy, slot } = fit.key
    return { serial: await fit.card.serial(), slot, pinPolicy, touchPolicy }
  }

  /** Looks for readers again at the next file, and keeps the cards that are open. */
  async lookAgain(): Promise<void> {
    const before = await this.#cards
    this.#cards = this.#connect(before?.cards ?? [])
  }

  /** Forgets the PINs, and lets go of the cards with their own caches left as they are. */
  async [Symbol.asyncDispose](): Promise<void> {
    const connected = await this.#cards?.catch(() => null)
    this.#cards = undefined
    for (const card of connected?.cards ?? []) await card.close()
  }

  #fittingStubs(stanzas: readonly KeyStanza[]): Stub[] {
    return this.#stubs.filter((stub) => stanzas.some((stanza) => isFor(stanza, stub.tag)))
  }

  #connected(): Promise<{ cards: YubiKeyCard[]; failures: Attempt[] }> {
    this.#cards ??= this.#connect([])
    return this.#cards
  }

  async #connect(open: readonly YubiKeyCard[]): Promise<{ cards: YubiKeyCard[]; failures: Attempt[] }> {
    const cards = [...open]
    const failures: Attempt[] = []
    let readers: Reader[] = []
    try {
      readers = await this.#options.readers()
    } catch (failure) {
      if (!(failure instanceof Failure)) throw failure
      failures.push({ identity: this.label, outcome: "failed", failure })
    }
    for (const reader of readers.filter(({ name }) => !open.some((card) => card.reader === name))) {
      try {
        const card = await YubiKeyCard.open(reader, this.#options.wrap)
        if (await this.#wanted(card)) cards.push(card)
        else await card.close()
      } catch (failure) {
        if (!(failure instanceof Failure)) throw failure
        // A reader may hold any card; one without PIV is none of ours.
        if (failure instanceof AppletMissing && readers.length > 1) continue
        failures.push({
          identity: `reader ${reader.name}`,
          outcome: "failed",
          failure: failure.within({ reader: reader.name }),
        })
      }
    }
    return { cards, failures }
  }

  /** Forgets a card that has gone, so that the next one in its reader is not taken for it. */
  async #drop(card: YubiKeyCard): Promise<void> {
    const { cards } = await this.#connected()
    cards.splice(cards.indexOf(card), 1)
    await card.close()
  }

  async #wanted(card: YubiKeyCard): Promise<boolean> {
    const { serials } = this.#options
    if (serials === undefined || serials.length === 0) return true
    const serial = await card.serial()
    return serial !== null && serials.includes(serial)
  }

  /**
   * The keys here that fit, the one that asks least of a person first. The slots that stubs name are looked into first, on all cards;
   * only where none of them fits are all slots gone through, until one does.
   */
  async #fits(
    cards: readonly YubiKeyCard[],
    stanzas: readonly KeyStanza[],
    stubs: readonly Stub[],
    attempts: Attempt[],
  ): Promise<Fit[]> {
    const readable = new Set(cards)
    const fitsAt = async (slots: Iterable<Slot>): Promise<Fit[]> => {
      const fits: Fit[] = []
      for (const slot of slots)
        for (const card of readable) {
          try {
            const key = await card.key(slot)
            const stanza = key === null ? undefined : stanzas.find((candidate) => isFor(candidate, key.tag))
            if (key === null || stanza === undefined) continue
            const stub = stubs.find((named) => sameTag(named.tag, key.tag))
            if (stub !== undefined || this.#options.stubsOnly !== true) fits.push({ card, key, stanza, stub })
          } catch (failure) {
            if (!(failure instanceof Failure)) throw failure
            // A certificate that somebody else broke says nothing of the slots beside it.
            if (!(failure instanceof CertificateMalformed || failure instanceof ObjectMalformed)) readable.delete(card)
            failure.within({ reader: card.reader, slot })
            attempts.push({ identity: `reader ${card.reader}`, outcome: "failed", failure })
          }
        }
      return fits
    }
    let fits = await fitsAt(new Set(stubs.map((stub) => stub.slot)))
    for (const slot of KEY_SLOTS) {
      if (fits.length > 0) break
      fits = await fitsAt([slot])
    }
    return fits.sort((a, b) => burden(a) - burden(b))
  }

  /**
   * How prompts call the key. A stub's serial serves where it can be no other YubiKey's: one card, one stub, and a key that was not
   * imported, since such a key may have a twin. Where a mistake could send a PIN to the wrong YubiKey, the card is asked. A firmware
   * that does not say where its keys come from is taken at the stub's word: asking it for its serial can cost a PIN.
   */
  async #question({ card, key, stub }: Fit, cards: number): Promise<KeyInQuestion> {
    const alone = cards === 1 && this.#options.attendant.keyed !== true
    const twins = this.#stubs.filter((other) => stub !== undefined && sameTag(other.tag, stub.tag)).length > 1
    const named = stub?.slot === key.slot && key.origin !== "imported" && !twins
    const asked = (): Promise<number | null> => (alone && stub === undefined ? card.serialIfCheap() : card.serial())
    const serial = alone && named ? stub.serial : await asked()
    return { serial, reader: card.reader, slot: key.slot }
  }
}

/** What a key asks of a person, as a number to sort by: a PIN that is known and a touch that is not wanted come first. */
function burden({ card, key }: Fit): number {
  const pin = key.pinPolicy === "never" || card.pinVerified || card.pin !== null ? 0 : 4
  const touch = key.touchPolicy === "never" ? 0 : key.touchPolicy === "cached" ? 1 : 2
  return pin + touch
}

function sameTag(a: Uint8Array, b: Uint8Array): boolean {
  return a.every((byte, index) => byte === b[index])
}
