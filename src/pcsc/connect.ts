/** A connected card through pcsclite: exclusive where nobody else is connected, shared otherwise. */
import type { CardTransport, Disposition } from "./card-transport.ts"
import { CardBusy, CardRemoved } from "./failures.ts"
import { findCardHolder } from "./holder.ts"
import { type NativeReader, PCSC, pcscCode, pcscFailure } from "./native.ts"

/** Largest response to one APDU: extended length, and the status word. */
const responseLimit = 65_538

/** How long a card that somebody else holds for himself is waited for: agents let go after one operation. Milliseconds. */
const patience = [50, 100, 200, 400] as const

/**
 * Connects to the card in a reader. pcsclite has no transactions, so the connection is exclusive where it can be; where somebody
 * else is connected it is shared, and the caller must be ready to start over (CardReset, or a lost PIN).
 * @throws CardBusy with its holder, CardRemoved, CardUnresponsive, NoCardService
 */
export async function connectCard(reader: NativeReader): Promise<CardTransport> {
  const protocols = reader.SCARD_PROTOCOL_T0 | reader.SCARD_PROTOCOL_T1
  for (let attempt = 0; ; attempt++) {
    for (const share of [reader.SCARD_SHARE_EXCLUSIVE, reader.SCARD_SHARE_SHARED]) {
      const result = await connectOnce(reader, share, protocols)
      if ("protocol" in result) return cardTransport(reader, result.protocol)
      if (pcscCode(result.error) !== PCSC.sharingViolation)
        throw pcscFailure(result.error).within({ reader: reader.name })
    }
    const pause = patience[attempt]
    if (pause === undefined) break
    await new Promise((resolve) => setTimeout(resolve, pause))
  }
  const holder = await findCardHolder(process.pid)
  throw new CardBusy(holder ?? undefined, { where: { reader: reader.name } })
}

function connectOnce(
  reader: NativeReader,
  share: number,
  protocol: number,
): Promise<{ protocol: number } | { error: unknown }> {
  return new Promise((resolve) => {
    reader.connect({ share_mode: share, protocol }, (error, chosen) => {
      resolve(error ? { error } : { protocol: chosen })
    })
  })
}

function cardTransport(reader: NativeReader, protocol: number): CardTransport {
  let open = true
  return {
    async transmit(command) {
      if (!open) throw new CardRemoved({ where: { reader: reader.name } })
      const sent = Buffer.from(command)
      try {
        return await new Promise<Uint8Array>((resolve, reject) => {
          reader.transmit(sent, responseLimit, protocol, (error, response) => {
            if (error) reject(pcscFailure(error).within({ reader: reader.name }))
            else resolve(response)
          })
        })
      } finally {
        // It may have held a PIN; the module's own copy is beyond our reach.
        sent.fill(0)
      }
    },
    async close(disposition: Disposition) {
      if (!open) return
      open = false
      await new Promise<void>((resolve) => {
        // A card that is gone, or was reset, cannot be let go of any more; there is nothing to report.
        reader.disconnect(disposition === "reset" ? reader.SCARD_RESET_CARD : reader.SCARD_LEAVE_CARD, () => resolve())
      })
    },
  }
}
