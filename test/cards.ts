/** Virtual cards in the domain's words, and the vectors' own two. */
import { readFileSync } from "node:fs"
import {
  type CardState,
  loadCards,
  manualClock,
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
