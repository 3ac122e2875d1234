/** Several cards described in one short document: test/vectors/yubikey/cards.json, and what people write by hand. */
import { type CardState, importKey, newCard } from "./card-state.ts"
import { CardFileInvalid } from "./failures.ts"
import { parsePinPolicy, parseTouchPolicy } from "./state-file.ts"

type Path = readonly (string | number)[]

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}

function field(value: Record<string, unknown>, name: string, path: Path): string {
  const content = value[name]
  if (typeof content !== "string") throw new CardFileInvalid("expected text", { keyPath: [...path, name] })
  return content
}

/**
 * Makes the cards that a document names: `{ pin, puk, keys: [{ serial, firmware, slot, privateKey, pinPolicy, touchPolicy }] }`,
 * slot and P-256 private key in hex. Other fields are left alone. Keys with the same serial are on one card. They stand for keys that
 * age-plugin-yubikey made, which it does on the card; one that is there twice cannot have been.
 * @returns the cards in the order in which their serials come up
 * @throws CardFileInvalid, FirmwareUnknown, KeyRefused, PinUnusable
 */
export function loadCards(json: unknown): CardState[] {
  if (!isRecord(json)) throw new CardFileInvalid("expected an object with keys")
  const list = json["keys"]
  if (!Array.isArray(list)) throw new CardFileInvalid("expected a list", { keyPath: ["keys"] })
  const pin = field(json, "pin", [])
  const puk = field(json, "puk", [])
  const cards = new Map<number, CardState>()
  list.forEach((entry: unknown, index) => {
    const path = ["keys", index]
    if (!isRecord(entry)) throw new CardFileInvalid("expected an object", { keyPath: path })
    const serial = entry["serial"]
    if (typeof serial !== "number" || !Number.isInteger(serial) || serial < 0 || serial > 0xffffffff)
      throw new CardFileInvalid("expected a serial number", { keyPath: [...path, "serial"] })
    const firmware = field(entry, "firmware", path)
    const card = cards.get(serial) ?? newCard({ firmware, serial, pin, puk })
    if (card.firmware !== firmware)
      throw new CardFileInvalid("another key of this card has another firmware", { keyPath: [...path, "firmware"] })
    const key = cardKey(entry, path)
    const twins =
      list.filter((other: unknown) => isRecord(other) && other["privateKey"] === entry["privateKey"]).length > 1
    cards.set(serial, importKey(card, { ...key, origin: twins ? "imported" : "generated" }))
  })
  return [...cards.values()]
}

function cardKey(entry: Record<string, unknown>, path: Path) {
  const slot = field(entry, "slot", path)
  const privateKey = field(entry, "privateKey", path)
  if (!/^[0-9a-f]{2}$/i.test(slot)) throw new CardFileInvalid("expected a slot in hex", { keyPath: [...path, "slot"] })
  if (!/^[0-9a-f]{64}$/i.test(privateKey))
    throw new CardFileInvalid("expected 32 bytes in hex", { keyPath: [...path, "privateKey"] })
  return {
    slot: Number.parseInt(slot, 16),
    privateKey: Uint8Array.from(Buffer.from(privateKey, "hex")),
    pinPolicy: parsePinPolicy(entry["pinPolicy"], [...path, "pinPolicy"]),
    touchPolicy: parseTouchPolicy(entry["touchPolicy"], [...path, "touchPolicy"]),
  }
}
