/**
 * Slots of the PIV application. [800-73-4]: NIST SP 800-73-4 part 1, tables 2 and 4b; part 2, table 5. [yubico]: F9 and 5FFFxx.
 */

/** A key reference: 0x9a, 0x9c, 0x9d, 0x9e, 0x82 (first retired slot) to 0x95 (twentieth), 0xf9 (attestation). */
export type Slot = number

/** The twenty retired slots, which hold age keys. */
export const RETIRED_SLOTS: readonly Slot[] = Array.from({ length: 20 }, (_, index) => 0x82 + index)

/** Every slot in which a key of a person may be, the likeliest for age first. */
export const KEY_SLOTS: readonly Slot[] = [...RETIRED_SLOTS, 0x9d, 0x9a, 0x9c, 0x9e]

const primaryObjects: Readonly<Record<Slot, number>> = {
  0x9a: 0x5fc105,
  0x9c: 0x5fc10a,
  0x9d: 0x5fc10b,
  0x9e: 0x5fc101,
  0xf9: 0x5fff01,
}

/** Data objects of the card by their tags. */
export const OBJECT = {
  chuid: 0x5fc102,
  cardCapability: 0x5fc107,
  printed: 0x5fc109,
  keyHistory: 0x5fc10c,
  adminData: 0x5fff00,
} as const

/** The object that holds a slot's certificate. */
export function certificateObject(slot: Slot): number {
  const object = isRetired(slot) ? 0x5fc10d + (slot - 0x82) : primaryObjects[slot]
  if (object === undefined) throw new RangeError(`"slot" expected a PIV slot, got ${slot}`)
  return object
}

/** Whether it is one of the twenty retired slots. */
export function isRetired(slot: Slot): boolean {
  return slot >= 0x82 && slot <= 0x95
}

/** A retired slot as age-plugin-yubikey numbers it: 1 to 20. */
export function retiredNumber(slot: Slot): number {
  return slot - 0x81
}

/**
 * Reads a slot as people write it: `82`..`95`, `9a`, `9c`, `9d`, `9e` in hexadecimal, or 1..20 as age-plugin-yubikey numbers them.
 * @returns null when it is none
 */
export function parseSlot(text: string): Slot | null {
  if (/^([1-9]|1[0-9]|20)$/.test(text)) return 0x81 + Number(text)
  const slot = /^(0x)?[0-9a-f]{2}$/i.test(text) ? Number.parseInt(text.replace(/^0x/i, ""), 16) : Number.NaN
  return KEY_SLOTS.includes(slot) ? slot : null
}
