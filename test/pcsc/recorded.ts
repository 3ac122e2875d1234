/** A card that says what a card said once: commands must come as they were recorded. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname } from "node:path"
import type { CardTransport } from "../../src/pcsc/card-transport.ts"

/** Commands and responses in hex, in order. */
type Transcript = readonly (readonly [command: string, response: string])[]

function file(title: string): URL {
  return new URL(`../vectors/transcripts/${title.replaceAll(/[^a-z0-9]+/gi, "-").toLowerCase()}.json`, import.meta.url)
}

/** Plays a recording back. */
export function recorded(title: string): CardTransport {
  const transcript = JSON.parse(readFileSync(file(title), "utf8")) as Transcript
  let position = 0
  return {
    transmit(command) {
      const [expected, response] = transcript[position++] ?? []
      const got = Buffer.from(command).toString("hex")
      if (expected !== got)
        return Promise.reject(new TypeError(`recording ${title}: expected ${expected ?? "the end"}, got ${got}`))
      return Promise.resolve(Uint8Array.from(Buffer.from(response ?? "", "hex")))
    },
    close: () => Promise.resolve(),
  }
}

/** Records what goes over to a card, for `recorded`. */
export function recording(title: string, transport: CardTransport): CardTransport {
  const transcript: [string, string][] = []
  return {
    async transmit(command) {
      const sent = Buffer.from(command).toString("hex")
      const response = await transport.transmit(command)
      transcript.push([sent, Buffer.from(response).toString("hex")])
      return response
    },
    async close(disposition) {
      const path = file(title)
      if (!existsSync(dirname(path.pathname))) mkdirSync(dirname(path.pathname))
      writeFileSync(path, `[\n${transcript.map((pair) => `  ${JSON.stringify(pair)}`).join(",\n")}\n]\n`)
      await transport.close(disposition)
    },
  }
}
