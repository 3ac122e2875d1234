/** Our plugin as its clients meet it: the real handler behind the real protocol, with virtual YubiKeys in memory. */
import { describe, expect, it } from "vitest"
import { parseHeader, verifyHeader } from "../../src/age/header.ts"
import type { Stanza } from "../../src/age/stanza.ts"
import { yubiKeyHandler } from "../../src/cli/yubikey-handler.ts"
import type { PinSource } from "../../src/keyring/pin-source.ts"
import { Connection, type Output } from "../../src/plugin/connection.ts"
import { bodyText, type Command, command } from "../../src/plugin/framing.ts"
import { answerForPerson } from "../../src/plugin/remote-dialogue.ts"
import { servePlugin } from "../../src/plugin/serve.ts"
import { Secret } from "../../src/secret.ts"
import { systemClock } from "../../src/virtual/index.ts"
import { YubiKeyRecipient } from "../../src/yubikey/recipient.ts"
import { inReader, PIN, type TestCard, twins, vector, vectorCards, vectorText } from "../cards.ts"
import { person, type ScriptedPerson } from "../dialogue.ts"

const nano = 16169658
const nfc = 27205443
const [nanoCard, nfcCard] = [nano, nfc].map((serial) => {
  const state = vectorCards().find((card) => card.serial === serial)
  if (state === undefined) throw new TypeError(`the vectors have ${serial}`)
  return state
}) as [ReturnType<typeof vectorCards>[number], ReturnType<typeof vectorCards>[number]]

const stubs = vectorText("yubikey/identities.txt")
  .split("\n")
  .filter((line) => line.startsWith("AGE-PLUGIN-YUBIKEY-"))
const anyKey = "AGE-PLUGIN-YUBIKEY-18S3VSX"

/** One direction of a conversation. */
function pipe(): { input: AsyncGenerator<Uint8Array>; output: Output; end: () => void } {
  const waiting: Uint8Array[] = []
  let wake: () => void = () => undefined
  let ended = false
  async function* read(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const piece = waiting.shift()
      if (piece !== undefined) yield piece
      else if (ended) return
      else
        await new Promise<void>((resolve) => {
          wake = resolve
        })
    }
  }
  return {
    input: read(),
    output: (bytes) => {
      waiting.push(bytes.slice())
      wake()
      return Promise.resolve()
    },
    end: () => {
      ended = true
      wake()
    },
  }
}

type Spoken = Readonly<{
  /** Which files were opened with a key that the file's MAC proves. */
  opened: number[]
  /** `error` commands: arguments and text. */
  errors: string[]
  stanzas: string[]
}>
type Session = Readonly<{
  cards?: readonly TestCard[]
  identities?: readonly string[]
  recipients?: readonly string[]
  files?: readonly string[]
  /** In place of a file's own stanzas. */
  stanzas?: Readonly<Record<number, readonly Stanza[]>>
  dialogue?: ScriptedPerson
  pins?: PinSource
  machine?: "identity-v1" | "recipient-v1"
}>

/** Speaks with the plugin as a client does. */
async function speak({
  cards = [],
  identities = [],
  recipients = [],
  files = [],
  stanzas = {},
  dialogue = person(),
  pins,
  machine = "identity-v1",
}: Session): Promise<Spoken> {
  const handler = yubiKeyHandler({
    readers: () => Promise.resolve(cards.map(({ reader }) => reader)),
    pins: pins ?? null,
  })
  const [toPlugin, toClient] = [pipe(), pipe()]
  const served = servePlugin(machine, toPlugin.input, toClient.output, handler)
  const client = new Connection(toClient.input, toPlugin.output)
  for (const recipient of recipients) await client.send(command("add-recipient", [recipient]))
  for (const identity of identities) await client.send(command("add-identity", [identity]))
  const headers = files.map((name) => parseHeader(vector(`yubikey/age/${name}.age`)).header)
  for (const [index, header] of headers.entries())
    for (const { args, body } of stanzas[index] ?? header.stanzas)
      await client.send(command("recipient-stanza", [String(index), ...args], body))
  if (machine === "recipient-v1") await client.send(command("wrap-file-key", [], new Uint8Array(16)))
  await client.done()

  const spoken = { opened: [] as number[], errors: [] as string[], stanzas: [] as string[] }
  await client.answer(async (got: Command) => {
    const answered = await answerForPerson(got, "yubikey", dialogue)
    if (answered !== null) return answered
    if (got.name === "error") spoken.errors.push(`${got.args.join(" ")}: ${bodyText(got)}`)
    else if (got.name === "recipient-stanza") spoken.stanzas.push(got.args.slice(0, 2).join(" "))
    else if (got.name === "file-key") {
      const file = Number(got.args[0])
      verifyHeader(headers[file]!, Secret.owning("file key", got.body))
      spoken.opened.push(file)
    } else return null
    return command("ok")
  })
  toPlugin.end()
  await served
  return spoken
}

describe("the plugin opens", () => {
  it("many files in one session, with one PIN", async () => {
    const dialogue = person(PIN)
    const card = inReader(nanoCard)
    const files = ["piv-one", "empty", "mixed", "piv-two-armored"].filter((name) => name !== "piv-two-armored")
    const spoken = await speak({ cards: [card], identities: stubs, files, dialogue })
    expect(spoken).toEqual({ opened: [0, 1, 2], errors: [], stanzas: [] })
    expect(dialogue.asked).toEqual([`yubikey plugin: PIN for YubiKey ${nano} (slot 82)`])
    expect(card.log.filter((line) => line.startsWith("> 0020")).length).toBe(2)
  })

  it("what any YubiKey here can, for an identity without data", async () => {
    const cards = [inReader(nanoCard), inReader(nfcCard)]
    const spoken = await speak({ cards, identities: [anyKey], files: ["pin-never"] })
    expect(spoken).toEqual({ opened: [0], errors: [], stanzas: [] })
  })

  it("with the key that is here, in silence about the one that is not", async () => {
    const dialogue = person(PIN)
    const spoken = await speak({
      cards: [inReader(nfcCard)],
      identities: stubs,
      files: ["tag-and-piv-same-key"],
      dialogue,
    })
    expect(spoken).toEqual({ opened: [0], errors: [], stanzas: [] })
    expect(dialogue.told).toEqual([])
  })

  it.each([0, 1] as const)(
    "with the same key on another YubiKey, and calls it by its own serial number",
    async (index) => {
      const twin = twins()[index]
      const dialogue = person(PIN)
      const cards = [inReader(twin, { touch: 400, clock: systemClock })]
      const spoken = await speak({ cards, identities: stubs, files: ["piv-one"], dialogue })
      expect(spoken.opened).toEqual([0])
      expect(dialogue.asked).toEqual([`yubikey plugin: PIN for YubiKey ${twin.serial} (slot 82)`])
      expect(dialogue.told).toEqual([`yubikey plugin: touch YubiKey ${twin.serial} (slot 82)`])
    },
  )

  it("after a wrong PIN, asked again with the tries that are left", async () => {
    const dialogue = person("000000", PIN)
    const card = inReader(nanoCard)
    const spoken = await speak({ cards: [card], identities: stubs, files: ["piv-one"], dialogue })
    expect(spoken.opened).toEqual([0])
    expect(dialogue.asked[1]).toContain("wrong PIN, 2 tries left")
    expect(card.card.state.pin.triesLeft).toBe(3)
  })

  it("with the PIN of the environment, and asks nobody", async () => {
    const pins: PinSource = { from: "program", keyed: false, pin: () => Promise.resolve(PIN) }
    const spoken = await speak({ cards: [inReader(nanoCard)], identities: stubs, files: ["piv-one"], pins })
    expect(spoken.opened).toEqual([0])
  })

  it("and says which YubiKey wants a touch while it waits for one", async () => {
    const dialogue = person(PIN)
    const card = inReader(nanoCard, { touch: 450, clock: systemClock })
    const spoken = await speak({ cards: [card], identities: stubs, files: ["piv-one"], dialogue })
    expect(spoken.opened).toEqual([0])
    expect(dialogue.told).toEqual([`yubikey plugin: touch YubiKey ${nano} (slot 82)`])
  })
})

describe("the plugin does not open", () => {
  it("what is for nobody here, and says and asks nothing", async () => {
    const spoken = await speak({ cards: [inReader(nanoCard)], identities: stubs, files: ["not-for-us"] })
    expect(spoken).toEqual({ opened: [], errors: [], stanzas: [] })
  })

  it("anything when no YubiKey is here, and says which it was looking for", async () => {
    const dialogue = person()
    const spoken = await speak({ identities: stubs, files: ["piv-one"], dialogue })
    expect(spoken).toEqual({ opened: [], errors: [], stanzas: [] })
    expect(dialogue.told).toEqual([`yubikey plugin: YubiKey ${nano}, slot 82: not connected`])
  })

  it("anything when no YubiKey is here and any would do, and says so", async () => {
    const dialogue = person()
    expect(await speak({ identities: [anyKey], files: ["piv-one"], dialogue })).toMatchObject({
      opened: [],
      errors: [],
    })
    expect(dialogue.told).toEqual(["yubikey plugin: no YubiKey is connected"])
  })

  it("what is for a YubiKey that is not here while another is, and is silent about it", async () => {
    const dialogue = person()
    const spoken = await speak({ cards: [inReader(nfcCard)], identities: stubs, files: ["piv-one"], dialogue })
    expect(spoken).toEqual({ opened: [], errors: [], stanzas: [] })
    expect(dialogue.told).toEqual([])
  })

  it("a file with a malformed stanza, but the others", async () => {
    const malformed: Stanza = { args: ["piv-p256", "AAAA"], body: new Uint8Array(32) }
    const spoken = await speak({
      cards: [inReader(nanoCard)],
      identities: stubs,
      files: ["piv-one", "empty"],
      stanzas: { 0: [{ args: ["X25519", "x"], body: new Uint8Array(32) }, malformed] },
      dialogue: person(PIN),
    })
    expect(spoken.opened).toEqual([1])
    expect(spoken.errors.length).toBe(1)
    expect(spoken.errors[0]).toMatch(/^stanza 0 1: /)
  })

  it("anything with an identity that is broken, which it names by its place", async () => {
    const spoken = await speak({
      cards: [inReader(nanoCard)],
      identities: [stubs[0]!, `${stubs[1]!.slice(0, -1)}Q`],
      files: ["piv-one"],
    })
    expect(spoken.opened).toEqual([])
    expect(spoken.errors.map((error) => error.split(":")[0])).toEqual(["identity 1"])
  })

  it("a file whose PIN nobody gives, and names the identity that would have opened it", async () => {
    const card = inReader(nanoCard)
    const spoken = await speak({ cards: [card], identities: stubs, files: ["piv-one"], dialogue: person(null) })
    expect(spoken.opened).toEqual([])
    expect(spoken.errors.length).toBe(1)
    expect(spoken.errors[0]).toMatch(/^identity \d+: .*PIN is needed/)
    expect(card.card.state.pin.triesLeft).toBe(3)
  })
})

describe("the plugin encrypts", () => {
  const [first = ""] = [nanoCard].map(() => {
    const { recipient } = (JSON.parse(vectorText("yubikey/cards.json")) as { keys: [{ recipient: string }] }).keys[0]
    return recipient
  })

  it("to recipients of both kinds without a card", async () => {
    const tag = YubiKeyRecipient.parse(first).as("p256tag").text
    const spoken = await speak({ machine: "recipient-v1", recipients: [first, tag] })
    expect(spoken.stanzas).toEqual(["0 piv-p256", "0 p256tag"])
  })

  it("to the recipient of an identity whose YubiKey is here", async () => {
    const spoken = await speak({
      machine: "recipient-v1",
      identities: [stubs[0]!],
      cards: [inReader(nfcCard), inReader(nanoCard)],
    })
    expect(spoken).toEqual({ opened: [], errors: [], stanzas: ["0 piv-p256"] })
  })

  it("nothing when a recipient is broken or an identity's YubiKey is absent, and names each", async () => {
    const spoken = await speak({
      machine: "recipient-v1",
      recipients: [first, `${first.slice(0, -1)}q`],
      identities: [stubs[0]!],
    })
    expect(spoken.stanzas).toEqual([])
    expect(spoken.errors.map((error) => error.split(":")[0]).toSorted()).toEqual(["identity 0", "recipient 1"])
  })
})
