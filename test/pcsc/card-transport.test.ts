import { inReader, vectorCards } from "../cards.ts"
import { cardContract } from "../contract/card-transport.ts"
import { recorded, recording } from "./recorded.ts"

async function memoryCard() {
  const state = vectorCards().find((card) => card.serial === 27205443)
  if (state === undefined) throw new TypeError("the vectors lack YubiKey 27205443")
  return inReader(state).reader.connect()
}

cardContract("memory", async (title) => {
  const transport = await memoryCard()
  return process.env["RECORD_TRANSCRIPTS"] === undefined ? transport : recording(title, transport)
})

cardContract("a recorded transcript", (title) => Promise.resolve(recorded(title)))
