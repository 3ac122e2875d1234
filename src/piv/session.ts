/**
 * The PIV application, selected on a card: this file is the table of contents, a line a command.
 * [800-73-4]: NIST SP 800-73-4 part 2. [yubico]: Yubico's PIV, OTP and management extensions.
 */
import { type Exchange, exchangeWith, send } from "../apdu/exchange.ts"
import { SW } from "../apdu/status.ts"
import type { CardTransport } from "../pcsc/card-transport.ts"
import type { Secret } from "../secret.ts"
import type { Algorithm, PublicKey } from "./algorithms.ts"
import { AppletMissing, PinBlocked, PinRejected } from "./failures.ts"
import { type Capabilities, capabilities, type Firmware } from "./firmware.ts"
import * as keys from "./keys.ts"
import * as management from "./management-key.ts"
import * as metadata from "./metadata.ts"
import * as objects from "./objects.ts"
import * as pins from "./pin.ts"
import type { Slot } from "./slots.ts"

/**
 * All nine bytes of the PIV application's name: every card takes them, and some refuse the five that YubiKeys are content with.
 * [800-73-4] part 1, 2.2
 */
const pivApplication = Uint8Array.of(0xa0, 0, 0, 0x03, 0x08, 0, 0, 0x10, 0)
/** [yubico] the OTP application, which alone tells the serial before firmware 5. */
const otpApplication = Uint8Array.of(0xa0, 0, 0, 0x05, 0x27, 0x20, 0x01, 0x01)

async function selectApplication(exchange: Exchange, name: Uint8Array): Promise<boolean> {
  const { sw } = await exchange({ ins: 0xa4, p1: 0x04, p2: 0, data: name })
  return sw === SW.ok
}

export class PivSession {
  readonly #transport: CardTransport
  #exchange: Exchange
  #firmware: Firmware | null | undefined

  private constructor(transport: CardTransport, exchange: Exchange) {
    this.#transport = transport
    this.#exchange = exchange
  }

  /**
   * Selects the application.
   * @throws AppletMissing
   * @see [800-73-4] part 2, 3.1.1 SELECT
   */
  static async select(transport: CardTransport): Promise<PivSession> {
    const session = new PivSession(transport, exchangeWith(transport))
    await session.select()
    return session
  }

  /** Selects again, after another application was, or another program did. The PIN may be lost by it. */
  async select(): Promise<void> {
    if (!(await selectApplication(this.#exchange, pivApplication))) throw new AppletMissing()
  }

  /** @returns the firmware of a YubiKey, or null for another maker's card. @see [yubico] GET VERSION */
  async firmware(): Promise<Firmware | null> {
    if (this.#firmware === undefined) {
      const { data, sw } = await this.#exchange({ ins: 0xfd, p1: 0, p2: 0 })
      const [major, minor, patch] = data
      this.#firmware =
        sw === SW.ok && major !== undefined && minor !== undefined && patch !== undefined ? [major, minor, patch] : null
    }
    return this.#firmware
  }

  /** What the firmware can do; asked once. */
  async capabilities(): Promise<Capabilities> {
    return capabilities(await this.firmware())
  }

  /**
   * From here on, long commands go in one piece. For cards at a USB port whose firmware is known to take that; a radio link may
   * not.
   */
  async useExtendedApdus(): Promise<void> {
    if ((await this.capabilities()).extendedApdus) this.#exchange = exchangeWith(this.#transport, "extended")
  }

  /**
   * The serial number, or null where the card has none or hides it. Before firmware 5 the OTP application must be asked, by which
   * the PIN is lost.
   * @see [yubico] GET SERIAL; OTP application, API request 10
   */
  async serial(): Promise<number | null> {
    const { data, sw } = await this.#exchange({ ins: 0xf8, p1: 0, p2: 0 })
    if (sw === SW.ok) return unsigned32(data)
    if (!(await selectApplication(this.#exchange, otpApplication))) {
      await this.select()
      return null
    }
    const answer = await this.#exchange({ ins: 0x01, p1: 0x10, p2: 0 })
    await this.select()
    return answer.sw === SW.ok ? unsigned32(answer.data) : null
  }

  pinStatus = (): Promise<pins.PinStatus> => pins.pinStatus(this.#exchange)
  verifyPin = (pin: pins.Pin): Promise<void> => pins.verifyPin(this.#exchange, pin)
  changePin = (what: "PIN" | "PUK", old: pins.Pin, next: pins.Pin): Promise<void> =>
    pins.changePin(this.#exchange, what, old, next)
  unblockPin = (puk: pins.Pin, next: pins.Pin): Promise<void> => pins.unblockPin(this.#exchange, puk, next)
  setPinRetries = (pin: number, puk: number): Promise<void> => pins.setPinRetries(this.#exchange, pin, puk)

  getObject = (object: number): Promise<Uint8Array | null> => objects.getObject(this.#exchange, object)
  putObject = (object: number, content: Uint8Array | null): Promise<void> =>
    objects.putObject(this.#exchange, object, content)
  getCertificate = (slot: Slot): Promise<Uint8Array | null> => objects.getCertificate(this.#exchange, slot)
  putCertificate = (slot: Slot, der: Uint8Array | null): Promise<void> =>
    objects.putCertificate(this.#exchange, slot, der)

  slotMetadata = (slot: Slot): Promise<metadata.SlotMetadata | "none" | "unsupported"> =>
    metadata.slotMetadata(this.#exchange, slot)
  pinMetadata = (): Promise<metadata.ReferenceMetadata | "unsupported"> =>
    metadata.referenceMetadata(this.#exchange, 0x80)
  pukMetadata = (): Promise<metadata.ReferenceMetadata | "unsupported"> =>
    metadata.referenceMetadata(this.#exchange, 0x81)
  managementKeyMetadata = (): ReturnType<typeof metadata.managementKeyMetadata> =>
    metadata.managementKeyMetadata(this.#exchange)

  generateKey = (slot: Slot, algorithm: Algorithm, policies: keys.KeyPolicies): Promise<PublicKey> =>
    keys.generateKey(this.#exchange, slot, algorithm, policies)
  importP256Key = (slot: Slot, scalar: Secret<"private key">, policies: keys.KeyPolicies): Promise<void> =>
    keys.importP256Key(this.#exchange, slot, scalar, policies)
  agreeOnSecret = (slot: Slot, point: Uint8Array): ReturnType<typeof keys.agreeOnSecret> =>
    keys.agreeOnSecret(this.#exchange, slot, point)
  signDigest = (slot: Slot, digest: Uint8Array): Promise<keys.Authenticated> =>
    keys.signDigest(this.#exchange, slot, digest)
  attestKey = (slot: Slot): Promise<Uint8Array | null> => keys.attestKey(this.#exchange, slot)
  moveKey = (from: Slot, to: Slot): Promise<void> => keys.moveKey(this.#exchange, from, to)
  deleteKey = (slot: Slot): Promise<void> => keys.deleteKey(this.#exchange, slot)

  managementAlgorithm = (): Promise<management.ManagementAlgorithm | null> =>
    management.managementAlgorithm(this.#exchange)
  authenticateManagement = (key: management.ManagementKey): Promise<management.ManagementAlgorithm> =>
    management.authenticateManagement(this.#exchange, key)
  setManagementKey = (
    algorithm: management.ManagementAlgorithm,
    key: management.ManagementKey,
    touch?: boolean,
  ): Promise<void> => management.setManagementKey(this.#exchange, algorithm, key, touch)

  /**
   * Destroys all keys, certificates and objects of the application, and puts PIN, PUK and management key back to the factory's.
   * The card wants PIN and PUK blocked first, so both are: by wrong tries, until none is left.
   * @see [yubico] RESET
   */
  async reset(): Promise<void> {
    // Eight zero bytes: nobody can have typed them as PIN or PUK.
    const wrong = (): pins.Pin => pins.pinFrom("\u0000".repeat(8))
    for (const [what, spend] of [
      ["PIN", () => this.verifyPin(wrong())],
      ["PUK", () => this.unblockPin(wrong(), wrong())],
    ] as const)
      await spendAllTries(what, spend)
    await send(this.#exchange, "RESET", { ins: 0xfb, p1: 0, p2: 0 })
  }

  /** Lets go of the card. "leave" keeps its PIN and touch caches; "reset" ends the authority that the management key gave. */
  close(disposition: "leave" | "reset"): Promise<void> {
    return this.#transport.close(disposition)
  }
}

/** No card has more tries than one hexadecimal digit counts, and those that do count higher answer 63CF for long. */
const mostTries = 255

async function spendAllTries(what: "PIN" | "PUK", spend: () => Promise<void>): Promise<void> {
  for (let attempt = 0; attempt <= mostTries; attempt++) {
    try {
      await spend()
    } catch (failure) {
      if (failure instanceof PinBlocked) return
      if (!(failure instanceof PinRejected)) throw failure
    }
  }
  throw new PinRejected(what, mostTries)
}

function unsigned32(bytes: Uint8Array): number | null {
  return bytes.length < 4 ? null : new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0)
}
