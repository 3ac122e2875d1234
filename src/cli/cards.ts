/** Opens the cards that a command is about, and lets go of them afterwards. */
import { Failure } from "../failure.ts"
import type { Reader } from "../pcsc/card-transport.ts"
import { NoCard } from "../pcsc/failures.ts"
import { AppletMissing } from "../piv/failures.ts"
import { YubiKeyCard } from "../yubikey/card.ts"
import { WrongUsage } from "./failures.ts"
import type { ReaderOptions } from "./options.ts"
import { chooseReaders, chooseTrace } from "./readers.ts"
import type { World } from "./world.ts"

/** An open card, and its serial number as it says it. */
export type OpenCard = Readonly<{ card: YubiKeyCard; serial: number | null }>

/**
 * Opens the card in a reader.
 * @param lone - whether there is no other reader: readers may hold cards of all kinds, and only a lone one must be a YubiKey
 * @returns null for a card that is not chosen
 */
async function openChosen(reader: Reader, lone: boolean, options: ReaderOptions): Promise<OpenCard | null> {
  let card: YubiKeyCard | undefined
  try {
    card = await YubiKeyCard.open(reader, chooseTrace(options).wrap)
    const serial = await card.serial()
    if (options.serial === undefined || (serial !== null && options.serial.includes(serial))) return { card, serial }
    await card.close()
    return null
  } catch (failure) {
    await card?.close()
    if (!(failure instanceof Failure)) throw failure
    if (failure instanceof AppletMissing && !lone) return null
    throw failure.within({ reader: reader.name })
  }
}

/**
 * Lends each chosen card to `work`, one after the other.
 * @throws NoCard when there is none; what opening the only one throws
 */
export async function withEachCard(
  options: ReaderOptions,
  world: World,
  work: (open: OpenCard) => Promise<void>,
): Promise<void> {
  const readers = await chooseReaders(options, world.env)()
  let seen = 0
  for (const reader of readers) {
    const open = await openChosen(reader, readers.length === 1, options)
    if (open === null) continue
    seen++
    try {
      await work(open)
    } catch (failure) {
      throw failure instanceof Failure ? failure.within({ reader: reader.name }) : failure
    } finally {
      await open.card.close()
    }
  }
  if (seen === 0) throw absent(options)
}

function absent(options: ReaderOptions): NoCard {
  const [serial] = options.serial ?? []
  return serial === undefined ? new NoCard() : new NoCard({ where: { serial } })
}

/**
 * Lends the one chosen card to `work`.
 * @throws WrongUsage when several are connected and none was named
 */
export async function withOneCard<T>(
  options: ReaderOptions,
  world: World,
  work: (open: OpenCard) => Promise<T>,
  disposition: "leave" | "reset" = "leave",
): Promise<T> {
  const readers = await chooseReaders(options, world.env)()
  const fitting: OpenCard[] = []
  try {
    for (const reader of readers) {
      const open = await openChosen(reader, readers.length === 1, options)
      if (open !== null) fitting.push(open)
    }
    const [only] = fitting
    if (only === undefined) throw absent(options)
    if (fitting.length > 1)
      throw new WrongUsage(
        `${fitting.length} YubiKeys are connected: ${fitting.map(({ serial }) => serial).join(", ")}`,
        {
          hint: "name one with --serial",
        },
      )
    return await work(only)
  } finally {
    for (const { card } of fitting) await card.close(disposition)
  }
}
