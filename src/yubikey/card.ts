/** A YubiKey in a reader: its connection, and the P-256 keys in its slots. It is opened once for all files of a run. */
import type { CardTransport, Reader } from "../pcsc/card-transport.ts"
import { CardReset } from "../pcsc/failures.ts"
import type { PinPolicy, SlotMetadata, TouchPolicy } from "../piv/metadata.ts"
import type { Pin } from "../piv/pin.ts"
import { PivSession } from "../piv/session.ts"
import type { Slot } from "../piv/slots.ts"
import { recipientTag } from "./piv-p256.ts"
import { readSlotCertificate } from "./slot-certificate.ts"

/** A P-256 key on a card. A policy that nothing tells is null, and is met as the strictest. */
export type CardKey = Readonly<{
  slot: Slot
  /** 65 bytes uncompressed. */
  point: Uint8Array
  /** 4 bytes, as in stubs. */
  tag: Uint8Array
  pinPolicy: PinPolicy | null
  touchPolicy: TouchPolicy | null
  /** Null where the card does not tell. One that was generated is on this card alone. */
  origin: SlotMetadata["origin"]
}>

/** Another program may reset the card more than once, but not for ever. */
const mostRestarts = 3

export class YubiKeyCard implements AsyncDisposable {
  readonly reader: string
  readonly #connect: () => Promise<CardTransport>
  #session: PivSession | null = null
  #serial: number | null | undefined
  #metadata: "unknown" | "supported" | "unsupported" = "unknown"
  readonly #keys = new Map<Slot, CardKey | null>()
  /** Whether this connection has seen the PIN verified. */
  pinVerified = false
  #pin: Pin | null = null
  /** Tries left when the kept PIN was shown to a card that was reset before it said what it thinks of it; else null. */
  unprovenAt: number | null = null

  private constructor(reader: Reader, wrap: (transport: CardTransport) => CardTransport) {
    this.reader = reader.name
    this.#connect = async () => wrap(await reader.connect())
  }

  /**
   * Connects to the card in a reader and selects the PIV application.
   * @param wrap - stands between us and the card: a trace
   * @throws CardBusy, CardRemoved, AppletMissing
   */
  static async open(
    reader: Reader,
    wrap: (transport: CardTransport) => CardTransport = (transport) => transport,
  ): Promise<YubiKeyCard> {
    const card = new YubiKeyCard(reader, wrap)
    await card.use(() => Promise.resolve())
    return card
  }

  /**
   * Lends the selected application to `work`; when another program resets the card meanwhile, it starts over.
   * @throws whatever `work` throws, with the reader in its place
   */
  async use<T>(work: (session: PivSession) => Promise<T>): Promise<T> {
    for (let restart = 0; ; restart++) {
      try {
        this.#session ??= await this.#select()
        return await work(this.#session)
      } catch (failure) {
        if (!(failure instanceof CardReset) || restart === mostRestarts) throw failure
        await this.#let("leave")
      }
    }
  }

  async #select(): Promise<PivSession> {
    const transport = await this.#connect()
    try {
      return await PivSession.select(transport)
    } catch (failure) {
      await transport.close("leave")
      throw failure
    }
  }

  async #let(disposition: "leave" | "reset"): Promise<void> {
    const session = this.#session
    this.#session = null
    this.pinVerified = false
    await session?.close(disposition)
  }

  /** Selects the application again, since another program may have selected its own in between. */
  async reselect(): Promise<void> {
    this.pinVerified = false
    await this.use((session) => session.select())
  }

  /**
   * The serial number as the card tells it; null where it has none. On a YubiKey before 5.0 asking loses the PIN.
   */
  async serial(): Promise<number | null> {
    if (this.#serial === undefined) {
      this.#serial = await this.use((session) => session.serial())
    }
    return this.#serial
  }

  /** The serial number if it was asked for, or costs one APDU and no PIN. */
  async serialIfCheap(): Promise<number | null> {
    if (this.#serial === undefined && this.#metadata !== "supported") return null
    return this.serial()
  }

  /** The P-256 key in a slot, or null: none, or of another kind. Asked once. */
  async key(slot: Slot): Promise<CardKey | null> {
    const known = this.#keys.get(slot)
    if (known !== undefined) return known
    const key = await this.use((session) => this.#readKey(session, slot))
    this.#keys.set(slot, key)
    return key
  }

  async #readKey(session: PivSession, slot: Slot): Promise<CardKey | null> {
    if (this.#metadata !== "unsupported") {
      const metadata = await session.slotMetadata(slot)
      if (metadata === "none") return null
      if (metadata !== "unsupported") {
        this.#metadata = "supported"
        const { algorithm, publicKey, pinPolicy, touchPolicy, origin } = metadata
        if (algorithm !== "ECCP256" || publicKey === null || !("point" in publicKey)) return null
        const { point } = publicKey
        return { slot, point, tag: recipientTag(point), pinPolicy, touchPolicy, origin }
      }
      this.#metadata = "unsupported"
    }
    const der = await session.getCertificate(slot)
    if (der === null) return null
    const { point, pinPolicy, touchPolicy } = readSlotCertificate(der)
    return point === null ? null : { slot, point, tag: recipientTag(point), pinPolicy, touchPolicy, origin: null }
  }

  /**
   * Keeps a PIN, so that nobody is asked for it twice in a run.
   * @param unprovenAt - the tries that were left, where the card was reset before it answered; null: the card has taken it
   */
  keepPin(pin: Pin, unprovenAt: number | null): void {
    if (this.#pin !== pin) this.#pin?.[Symbol.dispose]()
    this.#pin = pin
    this.unprovenAt = unprovenAt
  }

  /** Zeroes a PIN that the card has refused, kept or not. */
  forgetPin(pin: Pin): void {
    if (this.#pin === pin) this.#pin = null
    this.unprovenAt = null
    pin[Symbol.dispose]()
  }

  get pin(): Pin | null {
    return this.#pin
  }

  /** Forgets the PIN and lets go of the card; "leave" keeps the card's own PIN and touch caches. */
  async close(disposition: "leave" | "reset" = "leave"): Promise<void> {
    this.#pin?.[Symbol.dispose]()
    this.#pin = null
    await this.#let(disposition)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
