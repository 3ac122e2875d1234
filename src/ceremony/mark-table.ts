/** Numbers for texts that are random, like tags and wrapped keys: millions of them in little memory. */
import { NumberList } from "./disjoint-sets.ts"

/**
 * Gives each text a number, counted from 0. A text is known by 64 bits of it: among a million random texts, that any two are taken for
 * one has a chance of 1 in 30 million.
 */
export class MarkTable {
  #slots = new Int32Array(1 << 12).fill(-1)
  readonly #low = new NumberList()
  readonly #high = new NumberList()

  /** How many texts have a number. */
  get size(): number {
    return this.#low.length
  }

  /** The number of a text; a text that has none gets the next. */
  number(text: string): number {
    let low = 0x9e3779b9
    let high = 0x7f4a7c15
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at)
      low = Math.imul(low ^ code, 0x85ebca6b)
      high = Math.imul(high ^ code, 0xc2b2ae35)
    }
    low = Math.imul(low ^ (low >>> 16), 0x21f0aaad) ^ (high >>> 13)
    high = Math.imul(high ^ (high >>> 15), 0x735a2d97) ^ (low >>> 16)
    const slot = this.#slotOf(low | 0, high | 0)
    const known = this.#slots[slot] ?? -1
    if (known >= 0) return known
    const number = this.size
    this.#slots[slot] = number
    this.#low.push(low)
    this.#high.push(high)
    if (this.size * 2 > this.#slots.length) this.#grow()
    return number
  }

  /** Where a text is, or would go. */
  #slotOf(low: number, high: number): number {
    const mask = this.#slots.length - 1
    for (let slot = low & mask; ; slot = (slot + 1) & mask) {
      const number = this.#slots[slot] ?? -1
      if (number < 0 || (this.#low.at(number) === low && this.#high.at(number) === high)) return slot
    }
  }

  #grow(): void {
    this.#slots = new Int32Array(this.#slots.length * 2).fill(-1)
    for (let number = 0; number < this.size; number++)
      this.#slots[this.#slotOf(this.#low.at(number), this.#high.at(number))] = number
  }
}
