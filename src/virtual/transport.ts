/** A virtual YubiKey in a virtual reader, without PC/SC: the same events, as the same failures. */
import type { CardTransport, Disposition, Reader } from "../pcsc/card-transport.ts"
import { CardBusy, CardRemoved, CardReset, CardUnresponsive } from "../pcsc/failures.ts"
import type { VirtualCard } from "./card.ts"
import { spoil } from "./faults.ts"

/** A reader that tests and drills can act upon. */
export type VirtualReader = Reader & {
  /** Pulls the key: an exchange under way fails with CardRemoved, and so does each later one until it is plugged in again. */
  unplug(): void
  plug(): void
  /** What pcscd does some seconds after the last program let go, and what any program may do: PIN and touch are forgotten. */
  powerCycle(): void
  /** How many connections are open. */
  readonly connections: number
  /** How many APDUs the card got since the reader was made. */
  readonly apdus: number
}

type Connection = { apdus: number; closed: boolean; wasReset: boolean; wasRemoved: boolean }

function signal(): { given: Promise<"pulled">; give: () => void } {
  let resolve: (value: "pulled") => void = () => undefined
  const given = new Promise<"pulled">((done) => {
    resolve = done
  })
  return { given, give: () => resolve("pulled") }
}

/**
 * Puts a card into a reader of its own.
 * Letting go of the last connection leaves the card with power, so its caches stay: `powerCycle` ends that.
 * @param name - for messages and `--reader`
 */
export function virtualReader(card: VirtualCard, name = `Virtual YubiKey ${card.serial}`): VirtualReader {
  const open = new Set<Connection>()
  let plugged = true
  let apdus = 0
  let pulled = signal()
  card.powerOn()

  const where = { reader: name }
  const resetOthers = (self: Connection | null): void => {
    card.reset()
    for (const other of open) if (other !== self) other.wasReset = true
  }
  const unplug = (): void => {
    plugged = false
    for (const connection of open) connection.wasRemoved = true
    card.powerOff()
    pulled.give()
  }

  const exchange = async (connection: Connection, command: Uint8Array): Promise<Uint8Array> => {
    if (connection.closed) throw new TypeError("the connection was already closed")
    if (connection.wasRemoved) throw new CardRemoved({ where })
    if (connection.wasReset) {
      // Like SCARD_W_RESET_CARD: told once, after which the program may go on with a card that has forgotten everything.
      connection.wasReset = false
      throw new CardReset({ where })
    }
    apdus++
    const fault = card.faults.take(++connection.apdus)
    switch (fault?.kind) {
      case "removed":
        unplug()
        throw new CardRemoved({ where })
      case "reset":
        resetOthers(connection)
        throw new CardReset({ where })
      case "busy":
        throw new CardBusy(undefined, { where })
      case "unresponsive":
        throw new CardUnresponsive(undefined, { where })
      case "slow":
        if ((await Promise.race([card.clock.sleep(fault.ms ?? 0), pulled.given])) === "pulled")
          throw new CardRemoved({ where })
        break
      case "short":
      case "garbage":
        return spoil(fault.kind, await untilPulled(card.transmit(command)))
      case undefined:
    }
    return untilPulled(card.transmit(command))
  }
  const untilPulled = async (answer: Promise<Uint8Array>): Promise<Uint8Array> => {
    const first = await Promise.race([answer, pulled.given])
    if (first === "pulled") throw new CardRemoved({ where })
    return first
  }

  return {
    name,
    connect(): Promise<CardTransport> {
      if (!plugged) return Promise.reject(new CardRemoved({ where }))
      if (card.faults.take(0) !== null) return Promise.reject(new CardBusy(undefined, { where }))
      const connection: Connection = { apdus: 0, closed: false, wasReset: false, wasRemoved: false }
      open.add(connection)
      return Promise.resolve({
        transmit: (command) => exchange(connection, command),
        close: (disposition: Disposition) => {
          if (!connection.closed && !connection.wasRemoved && disposition === "reset") resetOthers(connection)
          connection.closed = true
          open.delete(connection)
          return Promise.resolve()
        },
      })
    },
    unplug,
    plug() {
      plugged = true
      pulled = signal()
      card.powerOn()
    },
    powerCycle: () => resetOthers(null),
    get connections() {
      return open.size
    },
    get apdus() {
      return apdus
    },
  }
}
