import { mkdtemp, readFile, stat, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { explain } from "../../src/failure.ts"
import { ReadFailed } from "../../src/replace-file.ts"
import {
  CardFileInvalid,
  firmwareProfiles,
  importKey,
  newCard,
  openCardFile,
  parseCard,
  readCardFile,
  writeCardFile,
} from "../../src/virtual/index.ts"
import { fuzzRuns } from "../fuzz-runs.ts"
import { hex, pin } from "./selected.ts"

const key = { slot: 0x82, privateKey: hex("22".repeat(32)), pinPolicy: "once", touchPolicy: "cached" } as const
const card = importKey(newCard({ firmware: "5.4.3", serial: 4_000_000_000, pin: "314159" }), key)

async function file(): Promise<string> {
  return join(await mkdtemp(join(tmpdir(), "card-")), "card.json")
}

/** The card as JSON with one value replaced, or taken out. */
function changed(path: readonly string[], value: unknown, within: object = card): unknown {
  const [name = "", ...rest] = path
  const fields = new Map<string, unknown>(Object.entries(within))
  const old = fields.get(name)
  const next = rest.length > 0 && typeof old === "object" && old !== null ? changed(rest, value, old) : value
  if (next === undefined) fields.delete(name)
  else fields.set(name, next)
  return Object.fromEntries(fields)
}

describe("a card's file", () => {
  it.each(firmwareProfiles)("keeps a $firmware as it is, for its owner only", async ({ firmware }) => {
    const path = await file()
    const state = newCard({ firmware })
    await writeCardFile(path, state)
    expect(await readCardFile(path)).toEqual(state)
    expect((await stat(path)).mode & 0o777).toBe(0o600)
  })

  it("has each change before the card answers", async () => {
    const path = await file()
    await writeCardFile(path, card)
    const opened = await openCardFile(path)
    await opened.transmit(hex("00a4040005a000000308"))
    await opened.transmit(hex(pin.wrong))
    expect((await readCardFile(path)).pin.triesLeft).toBe(2)
  })

  it("is not written by what changes nothing", async () => {
    const path = await file()
    await writeCardFile(path, card)
    let writes = 0
    const onChange = () => {
      writes++
      return Promise.resolve()
    }
    const opened = await openCardFile(path, { onChange })
    await opened.transmit(hex("00a4040005a000000308"))
    await opened.transmit(hex("0020008008 333134313539ffff"))
    expect(writes).toBe(0)
  })

  it("that is not there, or no JSON, is told apart", async () => {
    const path = await file()
    await expect(readCardFile(path)).rejects.toThrow(ReadFailed)
    await writeFile(path, "{ 314159 }")
    const failure = await readCardFile(path).catch((cause: unknown) => cause)
    expect(failure).toBeInstanceOf(CardFileInvalid)
    expect(explain(failure as CardFileInvalid).text).toContain("it is not JSON")
  })
})

describe("parseCard", () => {
  it.each([
    { what: "another kind", path: ["kind"], value: "YubiKey" },
    { what: "another version", path: ["version"], value: 2 },
    { what: "an unknown firmware", path: ["firmware"], value: "5.4.4" },
    { what: "a serial number that is too large", path: ["serial"], value: 2 ** 32 },
    { what: "a field too many", path: ["colour"], value: "black" },
    { what: "a field too few", path: ["objects"], value: undefined },
    { what: "a PIN that is too long", path: ["pin", "value"], value: "123456789" },
    { what: "more tries left than there are", path: ["pin", "triesLeft"], value: 4 },
    { what: "a management key of the wrong length", path: ["managementKey", "key"], value: "00" },
    { what: "a key in no slot", path: ["keys", "98"], value: card.keys["82"] },
    { what: "a key that is none", path: ["keys", "82", "privateKey"], value: "00".repeat(32) },
    { what: "an unknown policy", path: ["keys", "82", "pinPolicy"], value: "sometimes" },
    { what: "an object without a name", path: ["objects", "7e"], value: "00" },
    { what: "an object in upper case", path: ["objects", "5fc102"], value: "AB" },
  ])("refuses $what, and says where", ({ path, value }) => {
    const failure = ((): unknown => {
      try {
        return parseCard(changed(path, value))
      } catch (cause) {
        return cause
      }
    })()
    expect(failure).toBeInstanceOf(CardFileInvalid)
    expect((failure as CardFileInvalid).where.keyPath).toEqual(path)
  })

  it("says no secret of what it refuses", () => {
    const secret = "5ec7e7".repeat(11)
    for (const path of [
      ["keys", "82", "privateKey"],
      ["managementKey", "key"],
      ["pin", "value"],
    ])
      try {
        parseCard(changed(path, secret))
        expect.unreachable()
      } catch (failure) {
        expect(JSON.stringify([String(failure), explain(failure as CardFileInvalid)])).not.toContain("5ec7e7")
      }
  })

  it("reads any JSON into that very card, or refuses it", () => {
    const leaf = fc.oneof(fc.jsonValue(), fc.constantFrom(0, -1, 2 ** 40, "", "00", null, {}, []))
    const paths = [
      ["pin"],
      ["pin", "value"],
      ["keys"],
      ["keys", "82"],
      ["keys", "82", "algorithm"],
      ["objects"],
      ["serial"],
    ]
    const mutated = fc.tuple(fc.constantFrom(...paths), leaf).map(([path, value]) => changed(path, value))
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), mutated), (json) => {
        try {
          expect(parseCard(json)).toEqual(json)
        } catch (failure) {
          expect(failure).toBeInstanceOf(CardFileInvalid)
        }
      }),
      { numRuns: fuzzRuns },
    )
  })
})

it("the file is JSON that a person can read", async () => {
  const path = await file()
  await writeCardFile(path, card)
  expect(await readFile(path, "utf8")).toMatch(/^{\n {2}"kind": "virtual YubiKey",\n/)
})
