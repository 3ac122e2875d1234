/** A card with its PIV application selected, spoken to in hex. */
import { type CardState, newCard, VirtualCard, type VirtualOptions } from "../../src/virtual/index.ts"

export type Selected = { card: VirtualCard; send: (apdu: string) => Promise<string> }

export function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.replaceAll(" ", ""), "hex"))
}

export async function selected(
  state: CardState | { firmware: string } = { firmware: "5.7.1" },
  options: VirtualOptions = {},
): Promise<Selected> {
  const card = new VirtualCard("kind" in state ? state : newCard(state), options)
  card.powerOn()
  const send = async (apdu: string) => Buffer.from(await card.transmit(hex(apdu))).toString("hex")
  await send("00a4040005a000000308")
  return { card, send }
}

export const pin = { right: "0020008008313233343536ffff", wrong: "0020008008393939393939ffff", status: "00200080" }

/** Authenticates with the factory's management key, 3DES or AES-192, by the external way. */
export async function authenticate({ card, send }: Selected): Promise<void> {
  const { createCipheriv } = await import("node:crypto")
  const { algorithm, key } = card.state.managementKey
  const [reference, cipher] = algorithm === "3des" ? ["03", "des-ede3-ecb"] : ["0a", "aes-192-ecb"]
  const asked = await send(`0087${reference}9b047c028100`)
  const challenge = asked.slice(8, -4)
  const machine = createCipheriv(cipher, hex(key), null)
  machine.setAutoPadding(false)
  const response = Buffer.concat([machine.update(hex(challenge)), machine.final()]).toString("hex")
  const length = (value: number) => value.toString(16).padStart(2, "0")
  const inner = `82${length(response.length / 2)}${response}`
  const outer = `7c${length(inner.length / 2)}${inner}`
  const answer = await send(`0087${reference}9b${length(outer.length / 2)}${outer}`)
  if (answer !== "9000") throw new TypeError(`the management key was refused: ${answer}`)
}

/** GENERATE of a key: algorithm and policies in hex. */
export function generateCommand(slot: string, algorithm = "11", pinPolicy = "00", touchPolicy = "00"): string {
  const policies = `${pinPolicy === "00" ? "" : `aa01${pinPolicy}`}${touchPolicy === "00" ? "" : `ab01${touchPolicy}`}`
  const body = `8001${algorithm}${policies}`
  const length = (value: number) => value.toString(16).padStart(2, "0")
  return `004700${slot}${length(body.length / 2 + 2)}ac${length(body.length / 2)}${body}`
}

/** ECDSA signature of a digest of 32 times 11 with a P-256 key. */
export function signCommand(slot: string): string {
  return `008711${slot}26 7c24 8200 8120 ${"11".repeat(32)}`
}
