/** Virtual cards in the domain's words, and the vectors' own two. */
import { readFileSync } from "node:fs"
import {
  type CardState,
  importKey,
  loadCards,
  manualClock,
  newCard,
  VirtualCard,
  type VirtualOptions,
  type VirtualReader,
  virtualReader,
} from "../src/virtual/index.ts"

/** Reads a file of test/vectors. */
export function vector(path: string): Uint8Array {
  return new Uint8Array(readFileSync(new URL(`vectors/${path}`, import.meta.url)))
}

export function vectorText(path: string): string {
  return new TextDecoder().decode(vector(path))
}

/** The PIN of the vectors' cards. */
export const PIN = "123456"

/** The states of the two YubiKeys that everything in test/vectors/yubikey is encrypted to. */
export function vectorCards(): CardState[] {
  return loadCards(JSON.parse(vectorText("yubikey/cards.json")))
}

/** Two YubiKeys, 999 and 998, that one key was imported into: that of slot 82 of the vectors' 16169658, whose stub names neither. */
export function twins(): readonly [CardState, CardState] {
  const key = vectorCards().find(({ serial }) => serial === 16169658)?.keys["82"]
  if (key === undefined) throw new TypeError("the vectors have such a key")
  const privateKey = Uint8Array.from(Buffer.from(key.privateKey, "hex"))
  const twin = (serial: number): CardState =>
    importKey(newCard({ firmware: "5.7.1", serial, pin: PIN }), {
      slot: 0x82,
      privateKey,
      pinPolicy: "once",
      touchPolicy: "always",
    })
  return [twin(999), twin(998)]
}

/** A card in a reader, on a clock that the test drives. */
export type TestCard = Readonly<{ card: VirtualCard; reader: VirtualReader; log: string[] }>

/** Puts a state into a virtual reader. Touches are given at once unless the test says otherwise. */
export function inReader(state: CardState, options: VirtualOptions = {}, name?: string): TestCard {
  const log: string[] = []
  const card = new VirtualCard(state, {
    touch: "auto",
    clock: manualClock({ skipSleep: true }),
    log: (line) => log.push(line),
    ...options,
  })
  return { card, reader: virtualReader(card, name), log }
}
