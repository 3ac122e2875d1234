import { expect, it } from "vitest"
import { traced } from "../../src/apdu/trace.ts"
import type { CardTransport } from "../../src/pcsc/card-transport.ts"

const canary = Buffer.from("CANARY").toString("hex")

/** A card that answers everything with the canary. */
const card: CardTransport = {
  transmit: () => Promise.resolve(Uint8Array.from(Buffer.from(`${canary}9000`, "hex"))),
  close: () => Promise.resolve(),
}

async function trace(...commands: readonly string[]): Promise<string[]> {
  const lines: string[] = []
  const transport = traced(card, (line) => lines.push(line))
  for (const command of commands) await transport.transmit(Uint8Array.from(Buffer.from(command, "hex")))
  return lines
}

it.each([
  { what: "VERIFY", command: `0020008008${canary}ffff` },
  { what: "CHANGE REFERENCE DATA", command: `0024008010${canary}` },
  { what: "RESET RETRY COUNTER", command: `002c008010${canary}` },
  { what: "GENERAL AUTHENTICATE, whose answer may be a shared secret", command: `0087118247${canary}` },
  { what: "SET MANAGEMENT KEY", command: `00ffffff1b${canary}` },
  { what: "IMPORT ASYMMETRIC KEY", command: `00fe118222${canary}` },
  { what: "GET DATA of the object that may hold the management key", command: "00cb3fff055c035fc10900" },
  { what: "a command that nobody has thought about", command: `00ee000006${canary}` },
])("shows nothing of $what, nor of its answer", async ({ command }) => {
  const lines = await trace(command, "00c0000000")
  expect(lines.length).toBe(4)
  expect(lines.join("\n")).not.toContain(canary)
  expect(lines[1]).toBe("< 9000 [6 bytes]")
})

it("shows SELECT and GET METADATA whole", async () => {
  expect(await trace("00a4040009a0000003080000100000")).toEqual([
    "> 00a40400 09a0000003080000100000",
    `< 9000 ${canary}`,
  ])
})

it("shows the rest of an answer as it showed its beginning", async () => {
  expect((await trace("00f7008200", "00c0000000"))[3]).toContain(canary)
})
