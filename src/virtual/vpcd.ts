/**
 * A virtual YubiKey in a real pcscd, through the vpcd driver of vsmartcard: the card connects to the reader by TCP. Each message is
 * a big-endian 16-bit length and as many bytes: one byte is a control (0 power off, 1 power on, 2 reset, 4 asks for the ATR, and
 * only that is answered), more are an APDU.
 */
import { connect, type Socket } from "node:net"
import type { VirtualCard } from "./card.ts"
import { VpcdUnreachable } from "./failures.ts"
import { spoil } from "./faults.ts"

/** Where vpcd listens; Debian's driver: 127.0.0.1, port 35963 for the first reader. */
export type VpcdAddress = Readonly<{ host: string; port: number }>

/** A card that sits in a vpcd reader. */
export type VpcdLink = {
  /** Takes the card out of the reader. */
  close(): Promise<void>
  /** Resolves when the card is out: by `close`, by a "removed" fault, or because pcscd ended; rejects when saving failed. */
  readonly closed: Promise<void>
}

const control = { off: 0, on: 1, reset: 2, atr: 4 } as const
/** How long the card stays out of the reader for a "reset": pcscd looks once in 400 ms. */
const awayMs = 800

/** Cuts the byte stream into messages. */
export function messageReader(onMessage: (message: Uint8Array) => void): (chunk: Uint8Array) => void {
  let pending: Buffer = Buffer.alloc(0)
  return (chunk) => {
    pending = Buffer.concat([pending, chunk])
    while (pending.length >= 2) {
      const length = pending.readUInt16BE(0)
      if (pending.length < 2 + length) return
      onMessage(Uint8Array.from(pending.subarray(2, 2 + length)))
      pending = pending.subarray(2 + length)
    }
  }
}

/** A message with its length in front, in one piece: written in two, each answer would wait 40 ms for a delayed ACK. */
export function frame(message: Uint8Array): Uint8Array {
  const framed = Buffer.alloc(2 + message.length)
  framed.writeUInt16BE(message.length, 0)
  framed.set(message, 2)
  return framed
}

function open(address: VpcdAddress): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ ...address, noDelay: true })
    socket.once("connect", () => resolve(socket))
    socket.once("error", (cause) => reject(new VpcdUnreachable(`${address.host}:${address.port}`, cause)))
  })
}

/**
 * Puts a card into the reader at `address`, and serves it until it is taken out. Faults of the kinds "busy" and "unresponsive" are
 * the PC/SC service's own doing and do not happen here; "reset" takes the card out and puts it back, which is the nearest thing.
 * @throws VpcdUnreachable when nobody listens there
 */
export async function serveVpcd(card: VirtualCard, address: VpcdAddress): Promise<VpcdLink> {
  let socket = await open(address)
  let closing = false
  let apdus = 0
  let finish: () => void = () => undefined
  let fail: (cause: unknown) => void = () => undefined
  const closed = new Promise<void>((resolve, reject) => {
    finish = resolve
    fail = reject
  })
  // Whoever does not look at `closed` is not to be brought down by it.
  closed.catch(() => undefined)

  const takeOut = (): void => {
    closing = true
    card.powerOff()
    socket.destroy()
  }
  const answer = async (from: Socket, command: Uint8Array): Promise<void> => {
    const fault = card.faults.take(++apdus)
    if (fault?.kind === "removed") {
      takeOut()
      return
    }
    if (fault?.kind === "reset") {
      card.powerOff()
      from.removeAllListeners("close").destroy()
      await new Promise((resolve) => setTimeout(resolve, awayMs))
      if (!closing) attend((socket = await open(address)))
      return
    }
    if (fault?.kind === "slow") await card.clock.sleep(fault.ms ?? 0)
    const response = await card.transmit(command)
    const spoiled = fault?.kind === "short" || fault?.kind === "garbage" ? spoil(fault.kind, response) : response
    if (!from.destroyed) from.write(frame(spoiled))
  }
  const attend = (to: Socket): void => {
    const read = messageReader((message) => {
      const [first] = message
      if (message.length !== 1) answer(to, message).catch(stop)
      else if (first === control.on) {
        apdus = 0
        card.powerOn()
      } else if (first === control.reset) card.reset()
      else if (first === control.off) card.powerOff()
      else if (first === control.atr) to.write(frame(card.atr))
    })
    to.on("data", read)
    to.on("error", () => undefined)
    to.once("close", () => {
      card.powerOff()
      finish()
    })
  }
  const stop = (cause: unknown): void => {
    takeOut()
    fail(cause)
  }
  attend(socket)
  return {
    closed,
    close: () => {
      takeOut()
      finish()
      return closed
    },
  }
}
