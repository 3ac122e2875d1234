import { describe, expect, it } from "vitest"
import { ByteSource } from "../../src/age/byte-source.ts"
import { RecipientInvalid, RecipientsDoNotMix, StanzaMalformed } from "../../src/age/failures.ts"
import type { Recipient } from "../../src/age/identity.ts"
import { ProtocolBroken, StateMachineUnknown } from "../../src/plugin/failures.ts"
import { bodyText, type Command, command, encodeCommand, readCommand } from "../../src/plugin/framing.ts"
import type { PluginHandler } from "../../src/plugin/handler.ts"
import { servePlugin } from "../../src/plugin/serve.ts"
import { Secret } from "../../src/secret.ts"
import { inPieces } from "../age/pieces.ts"

const key = new Uint8Array(16).fill(7)
const body = new Uint8Array(32)

/** Serves a client whose every word is known beforehand, and returns what it was told, as text. */
async function serve(machine: string, said: Uint8Array, handler: PluginHandler): Promise<string[]> {
  const written: Uint8Array[] = []
  await servePlugin(
    machine,
    inPieces(said, 11),
    (bytes) => {
      written.push(bytes)
      return Promise.resolve()
    },
    handler,
  )
  const source = new ByteSource(new Uint8Array(Buffer.concat(written)))
  const lines: string[] = []
  for (let got = await readCommand(source); got !== null; got = await readCommand(source))
    lines.push([got.name, ...got.args, ...(got.body.length === 0 ? [] : [`: ${bodyText(got)}`])].join(" "))
  return lines
}

const words = (...commands: Command[]): Uint8Array => new Uint8Array(Buffer.concat(commands.map(encodeCommand)))
const done = command("done")
const oks = (count: number): Command[] => Array.from({ length: count }, () => command("ok"))
const grease = command("x7-grease", ["1", "~"], "whatever")

function recipient(text: string, labels: readonly string[] = []): Recipient {
  return { text, labels, wrapFileKey: () => Promise.resolve([{ args: ["toy", text], body }]) }
}

const idle: PluginHandler = {
  recipients: () => Promise.resolve({ recipients: [] }),
  // eslint wants a yield in every generator, and this one has nothing to give.
  unwrap: () => ({ [Symbol.asyncIterator]: () => ({ next: () => Promise.resolve({ done: true, value: undefined }) }) }),
}

describe("recipient-v1", () => {
  const asked = words(
    command("add-recipient", ["one"]),
    grease,
    command("wrap-file-key", [], key),
    command("add-recipient", ["two"]),
    command("wrap-file-key", [], key),
    command("extension-labels"),
    done,
  )

  it("wraps every file key for every recipient, after the labels", async () => {
    const handler: PluginHandler = {
      ...idle,
      recipients: (texts) => Promise.resolve({ recipients: texts.map((text) => recipient(text, ["b", "a"])) }),
    }
    expect(await serve("recipient-v1", new Uint8Array([...asked, ...words(...oks(5))]), handler)).toEqual([
      "labels a b",
      ...[0, 1].flatMap((file) =>
        ["one", "two"].map((text) => `recipient-stanza ${file} toy ${text} : ${bodyText(command("", [], body))}`),
      ),
      "done",
    ])
  })

  it("sends no label that was not asked for", async () => {
    const said = words(command("add-recipient", ["one"]), command("wrap-file-key", [], key), done, ...oks(1))
    const handler: PluginHandler = {
      ...idle,
      recipients: () => Promise.resolve({ recipients: [recipient("one", ["a"])] }),
    }
    expect((await serve("recipient-v1", said, handler)).map((line) => line.split(" ")[0])).toEqual([
      "recipient-stanza",
      "done",
    ])
  })

  it("sends errors and no stanza when one recipient cannot be encrypted to", async () => {
    const handler: PluginHandler = {
      ...idle,
      recipients: () =>
        Promise.resolve({
          faults: [{ at: "recipient", index: 1, failure: new RecipientInvalid("no", { hint: "try" }) }],
        }),
    }
    expect(await serve("recipient-v1", new Uint8Array([...asked, ...words(...oks(1))]), handler)).toEqual([
      "error recipient 1 : no\ntry",
      "done",
    ])
  })

  it.each([
    { what: "that do not mix", recipients: [recipient("one", ["a"]), recipient("two")] },
    {
      what: "that fail late",
      recipients: [
        recipient("one"),
        { ...recipient("two"), wrapFileKey: () => Promise.reject(new RecipientsDoNotMix("late")) },
      ],
    },
  ])("sends no stanza for recipients $what", async ({ recipients }) => {
    const handler: PluginHandler = { ...idle, recipients: () => Promise.resolve({ recipients }) }
    const told = await serve("recipient-v1", new Uint8Array([...asked, ...words(...oks(1))]), handler)
    expect(told.map((line) => line.split(" : ")[0])).toEqual(["error internal", "done"])
  })

  it("forgets the file keys, also when it fails", async () => {
    const seen: { length: number }[] = []
    const keep: Recipient = {
      ...recipient("one"),
      wrapFileKey: (fileKey) => {
        seen.push(fileKey)
        return Promise.resolve([{ args: ["toy"], body }])
      },
    }
    const handler: PluginHandler = { ...idle, recipients: () => Promise.resolve({ recipients: [keep] }) }
    await expect(serve("recipient-v1", asked, handler)).rejects.toThrow(ProtocolBroken)
    expect(seen.length).toBe(2)
    for (const fileKey of seen) expect(() => fileKey.length).toThrow(TypeError)
  })

  it.each([
    { what: "a file key of 15 bytes", said: words(command("wrap-file-key", [], new Uint8Array(15))) },
    { what: "a recipient of two words", said: words(command("add-recipient", ["a", "b"])) },
    { what: "no command at all", said: new TextEncoder().encode("hello\n") },
  ])("ends at $what", async ({ said }) => {
    await expect(serve("recipient-v1", said, idle)).rejects.toThrow(ProtocolBroken)
  })
})

describe("identity-v1", () => {
  const stanza = (file: number, type: string): Command => command("recipient-stanza", [String(file), type, "x"], body)

  it("hands over all files at once, and sends what comes back, under the client's numbers", async () => {
    const handler: PluginHandler = {
      ...idle,
      async *unwrap(files, identities) {
        expect(files.map((stanzas) => stanzas.map(({ args }) => args[0]))).toEqual([["a", "b"], ["c"]])
        expect(identities).toEqual(["one", "two"])
        yield { file: 1, fileKey: Secret.owning("file key", key.slice()) }
        yield { at: "stanza", file: 1, stanza: 0, failure: new StanzaMalformed("c", "bad") }
        await Promise.resolve()
        yield { at: "identity", index: 1, failure: new RecipientInvalid("broken") }
      },
    }
    const said = words(
      command("add-identity", ["one"]),
      stanza(0, "a"),
      grease,
      command("add-identity", ["two"]),
      stanza(0, "b"),
      stanza(5, "c"),
      done,
      ...oks(3),
    )
    const told = await serve("identity-v1", said, handler)
    expect(told.map((line) => line.split(" : ")[0])).toEqual([
      "file-key 5",
      "error stanza 5 0",
      "error identity 1",
      "done",
    ])
  })

  it("sends one file key a file", async () => {
    const handler: PluginHandler = {
      ...idle,
      async *unwrap() {
        await Promise.resolve()
        for (const byte of [1, 2]) yield { file: 0, fileKey: Secret.owning("file key", new Uint8Array(16).fill(byte)) }
      },
    }
    const told = await serve(
      "identity-v1",
      words(command("add-identity", ["i"]), stanza(0, "a"), done, ...oks(1)),
      handler,
    )
    expect(told.length).toBe(2)
  })

  it("reaches the person through the client, and takes every way to decline", async () => {
    const heard: unknown[] = []
    const handler: PluginHandler = {
      ...idle,
      async *unwrap(_files, _identities, dialogue) {
        await dialogue.tell("touch it")
        for (let times = 0; times < 3; times++) heard.push(await dialogue.askSecret("PIN"))
        heard.push(await dialogue.ask("name"))
        for (let times = 0; times < 4; times++) heard.push(await dialogue.confirm("insert it", "done", "skip"))
        yield* []
      },
    }
    const answers = [
      command("fail"),
      command("ok", [], "123456"),
      command("fail"),
      command("unsupported"),
      command("ok", [], "Ada"),
      command("ok", ["yes"]),
      command("ok", ["no"]),
      command("fail"),
      command("ok", ["perhaps"]),
    ]
    const told = await serve("identity-v1", words(done, ...answers), handler)
    expect(heard).toEqual(["123456", null, null, "Ada", true, false, null, null])
    expect(told.slice(0, 2)).toEqual(["msg : touch it", "request-secret : PIN"])
    expect(told[5]).toBe("confirm ZG9uZQ c2tpcA : insert it")
  })

  it.each([
    { what: "files out of order", commands: [stanza(1, "a"), stanza(0, "a")] },
    { what: "a file that is no number", commands: [command("recipient-stanza", ["01", "a"])] },
    { what: "a stanza without a type", commands: [command("recipient-stanza", ["0"])] },
  ])("ends at $what", async ({ commands }) => {
    await expect(serve("identity-v1", words(...commands, done), idle)).rejects.toThrow(ProtocolBroken)
  })

  it("ends with a failure wherever the client dies, also while the handler waits for a card", async () => {
    const handler: PluginHandler = {
      ...idle,
      async *unwrap(_files, _identities, dialogue) {
        await dialogue.askSecret("PIN")
        yield { file: 0, fileKey: Secret.owning("file key", key.slice()) }
      },
    }
    const said = words(command("add-identity", ["i"]), stanza(0, "a"), done, command("ok", [], "1"), command("ok"))
    expect((await serve("identity-v1", said, handler)).at(-1)).toBe("done")
    for (let cut = 0; cut < said.length; cut++)
      await expect(serve("identity-v1", said.slice(0, cut), handler)).rejects.toThrow(ProtocolBroken)
    const stuck: PluginHandler = {
      ...idle,
      unwrap: () => ({ [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => undefined) }) }),
    }
    await expect(serve("identity-v1", words(done), stuck)).rejects.toThrow(ProtocolBroken)
  })

  it("does not hide a mistake of ours behind the protocol", async () => {
    const handler: PluginHandler = { ...idle, recipients: () => Promise.reject(new TypeError("ours")) }
    await expect(serve("recipient-v1", words(done, ...oks(9)), handler)).rejects.toThrow(TypeError)
  })
})

describe("another state machine", () => {
  it("is refused before anything is read or written", async () => {
    await expect(serve("identity-v2", words(done), idle)).rejects.toThrow(StateMachineUnknown)
  })
})
