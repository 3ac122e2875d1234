import { readdirSync, readFileSync } from "node:fs"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { Dialogue } from "../../src/age/dialogue.ts"
import { decryptBytes, encryptBytes } from "../../src/age/file.ts"
import { generateFileKey } from "../../src/age/file-key.ts"
import { openWith } from "../../src/age/open.ts"
import { type PluginText, parsePluginIdentity, parsePluginRecipient } from "../../src/age/plugin-name.ts"
import type { Stanza } from "../../src/age/stanza.ts"
import { X25519Identity } from "../../src/age/x25519.ts"
import { Failure } from "../../src/failure.ts"
import { PluginClient, type PluginWorld } from "../../src/plugin/client.ts"
import { PluginBroke, PluginMissing, PluginRefused, PluginTimedOut } from "../../src/plugin/failures.ts"
import { type Command, command, encodeCommand } from "../../src/plugin/framing.ts"
import { PluginIdentity, PluginRecipient } from "../../src/plugin/identity.ts"
import { buildToy, programs, toyKey } from "./toy.ts"

const place = programs()
beforeAll(() => buildToy(place.folder))
afterAll(() => {
  place.remove()
})

const hello = new TextEncoder().encode("hello")
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex")

function parsed(text: string): PluginText {
  const plugin = parsePluginIdentity(text) ?? parsePluginRecipient(text)
  if (plugin === null) throw new TypeError("it is a plugin's")
  return plugin
}

/** A person who answers everything, and what they were told and asked. */
function person(answers: { secret?: string; public?: string; confirm?: boolean } = {}): Dialogue & { heard: string[] } {
  const heard: string[] = []
  const hear =
    <T>(answer: T) =>
    (text: string): Promise<T> => {
      heard.push(text)
      return Promise.resolve(answer)
    }
  return {
    heard,
    tell: hear(undefined),
    askSecret: hear(answers.secret ?? null),
    ask: hear(answers.public ?? null),
    confirm: (question, yes, no) => hear(answers.confirm ?? null)(`${question} [${yes}/${no ?? ""}]`),
  }
}

function world(toy = "", dialogue: Dialogue | null = null, more: Partial<PluginWorld> = {}): PluginWorld {
  return { env: { PATH: `${place.folder}:/usr/bin:/bin`, TOY: toy }, dialogue, timeout: 10_000, ...more }
}

/** A plugin that says these words, whatever it hears, and then goes on as told. */
function speaks(name: string, commands: readonly Command[], then = "cat >/dev/null"): void {
  place.script(`words-of-${name}`, Buffer.concat(commands.map(encodeCommand)).toString())
  place.script(`age-plugin-${name}`, `#!/bin/sh\ncat '${place.folder}/words-of-${name}'\n${then}\n`)
}

/** The processes that run from the folder of programs. */
function running(): string[] {
  return readdirSync("/proc")
    .filter((pid) => /^[0-9]+$/.test(pid))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "latin1").includes(place.folder)
      } catch {
        return false
      }
    })
}

describe("a plugin that is run", () => {
  const key = toyKey()

  it("wraps and unwraps as any recipient and identity does", async () => {
    const file = await encryptBytes(hello, [new PluginRecipient(parsed(key.recipient), world())])
    const identity = new PluginIdentity([parsed(toyKey().identity), parsed(key.identity)], world())
    expect(await decryptBytes(file, openWith([X25519Identity.generate(), identity]))).toEqual(hello)
    const stranger = new PluginIdentity([parsed(toyKey().identity)], world())
    await expect(decryptBytes(file, openWith([stranger]))).rejects.toMatchObject({ code: "no-identity-matches" })
  })

  it("does many files in one process", async () => {
    const client = new PluginClient("toy", world())
    const fileKeys = [0, 1, 2].map(() => generateFileKey())
    const { stanzas, labels } = await client.wrap([key.recipient], [], fileKeys)
    expect(labels).toEqual([])
    const files: Stanza[][] = [...stanzas, [{ args: ["foreign"], body: new Uint8Array(3) }]]
    const opened = await client.unwrap([key.identity], files)
    expect([...opened.fileKeys].map(([file, fileKey]) => [file, fileKey.use(hex)])).toEqual(
      fileKeys.map((fileKey, file) => [file, fileKey.use(hex)]),
    )
    expect(opened.errors).toEqual([])
  })

  it("tells its labels, which are checked", async () => {
    const labelled = new PluginRecipient(parsed(key.recipient), world("labels"))
    await expect(encryptBytes(hello, [labelled, X25519Identity.generate().recipient])).rejects.toMatchObject({
      code: "recipients-do-not-mix",
    })
    expect(labelled.labels).toEqual(["one", "two"])
    await expect(
      encryptBytes(hello, [labelled, new PluginRecipient(parsed(key.recipient), world("labels"))]),
    ).resolves.toBeDefined()
  })

  it("reaches the person, who sees who asks, and whose terminal it cannot touch", async () => {
    const file = await encryptBytes(hello, [new PluginRecipient(parsed(key.recipient), world())])
    const dialogue = person({ secret: "123456", public: "Ada", confirm: false })
    const identity = new PluginIdentity([parsed(key.identity)], world("tell confirm ask secret", dialogue))
    expect(await decryptBytes(file, openWith([identity]))).toEqual(hello)
    expect(dialogue.heard).toEqual([
      "toy plugin: touch the toy\\x1b[2J",
      "toy plugin: insert it [done/skip]",
      "toy plugin: you said false",
      "toy plugin: your name",
      "toy plugin: you said Ada",
      "toy plugin: PIN, please",
    ])
  })

  it("is declined when nobody is there, and says what follows", async () => {
    const file = await encryptBytes(hello, [new PluginRecipient(parsed(key.recipient), world())])
    const identity = new PluginIdentity([parsed(key.identity)], world("tell confirm ask secret"))
    await expect(decryptBytes(file, openWith([identity]))).rejects.toThrow(/age-plugin-toy: "wrong PIN"/)
  })

  it("refuses a recipient in its own words", async () => {
    const bad = parsed(key.recipient)
    const client = new PluginClient("toy", world())
    await expect(client.wrap([`${bad.text}x`], [], [generateFileKey()])).rejects.toThrow(PluginRefused)
  })

  it("is missed by name when it is not there", async () => {
    const client = new PluginClient("absent", world())
    await expect(client.unwrap([], [])).rejects.toThrow(PluginMissing)
  })

  it("that cannot be run is a failure", async () => {
    place.script("age-plugin-foreign", "#!/no/such/interpreter\n")
    await expect(new PluginClient("foreign", world()).unwrap([], [])).rejects.toThrow(PluginBroke)
  })

  it("that dies is a failure with its status and its last words, and leaves no process", async () => {
    place.script("age-plugin-dying", "#!/bin/sh\necho 'no device\u001b[31m' >&2\nexit 9\n")
    const failure = await new PluginClient("dying", world()).unwrap([], []).catch((caught: unknown) => caught)
    if (!(failure instanceof PluginBroke)) throw failure
    expect(failure.message).toContain("ended with status 9")
    expect(failure.hint).toBe('it wrote: "no device\\x1b[31m"')
    expect(running()).toEqual([])
  })

  it("that ends after an error, as those of age's own framework do, is heard", async () => {
    speaks("abrupt", [command("error", ["internal"], "no key here")], "exit 3")
    const client = new PluginClient("abrupt", world())
    await expect(client.wrap(["x"], [], [generateFileKey()])).rejects.toMatchObject({ reasons: ["no key here"] })
    expect((await client.unwrap(["x"], [[]])).errors).toEqual(["no key here"])
  })

  it("that is silent is waited for, announced, and ended in time; nothing stays", async () => {
    // A child of its own keeps the pipe open: that must not keep us.
    place.script("age-plugin-silent", "#!/bin/sh\nsleep 3 &\nwait\n")
    const dialogue = person()
    const client = new PluginClient("silent", world("", dialogue, { noticeAfter: 50, timeout: 300 }))
    await expect(client.unwrap(["x"], [])).rejects.toThrow(PluginTimedOut)
    expect(dialogue.heard).toEqual(["waiting on silent plugin…"])
    expect(running()).toEqual([])
  })

  it("that does not end by itself is ended, and what it gave counts", async () => {
    speaks("staying", [command("file-key", ["0"], new Uint8Array(16).fill(9)), command("done")], "exec sleep 60")
    const { fileKeys } = await new PluginClient("staying", world()).unwrap(["x"], [[]])
    expect(fileKeys.get(0)?.use(hex)).toBe("09".repeat(16))
    expect(running()).toEqual([])
  })
})

describe("a plugin that breaks off", () => {
  const sent = [
    command("msg", [], "hello"),
    command("grease-1", ["?"], "x"),
    command("file-key", ["0"], new Uint8Array(16).fill(9)),
    command("done"),
  ]
  const words = Buffer.concat(sent.map(encodeCommand))

  it("at any byte, is a typed failure, and leaves no process", async () => {
    place.script("age-plugin-cut", `#!/bin/sh\nhead -c "$CUT" '${place.folder}/words'\n`)
    place.script("words", words.toString())
    for (let cut = 0; cut <= words.length; cut += 3) {
      const env = { PATH: `${place.folder}:/usr/bin:/bin`, CUT: String(cut) }
      const outcome = await new PluginClient("cut", { env, dialogue: null })
        .unwrap(["x"], [[]])
        .catch((caught: unknown) => caught)
      if (cut < words.length) expect(outcome).toBeInstanceOf(PluginBroke)
    }
    expect(running()).toEqual([])
  })

  it.each([
    { what: "a file key of 15 bytes", got: command("file-key", ["0"], new Uint8Array(15)) },
    { what: "a file key for no file", got: command("file-key", ["7"], new Uint8Array(16)) },
    { what: "a file key for what is no number", got: command("file-key", ["x"], new Uint8Array(16)) },
    { what: "a confirmation without choices", got: command("confirm", [], "?") },
    { what: "a confirmation whose choice is not base64", got: command("confirm", ["A"], "?") },
  ])("with $what, is a typed failure", async ({ got }) => {
    speaks("wrong", [got])
    const outcome = await new PluginClient("wrong", world()).unwrap(["x"], [[]]).catch((caught: unknown) => caught)
    expect(outcome).toBeInstanceOf(PluginBroke)
  })

  it.each([
    { what: "neither stanza nor error", sent: [command("done")], code: "plugin-broke" },
    { what: "too many stanzas", sent: [1, 2].map(() => command("recipient-stanza", ["0", "a"])), code: "plugin-broke" },
    { what: "a stanza for no file", sent: [command("recipient-stanza", ["1", "a"])], code: "plugin-broke" },
    { what: "labels twice", sent: [command("labels", ["a"]), command("labels", ["a"])], code: "plugin-broke" },
    { what: "the same label twice", sent: [command("labels", ["a", "a"])], code: "plugin-broke" },
    {
      what: "a stanza and an error",
      sent: [command("recipient-stanza", ["0", "a"]), command("error", ["internal"], "no"), command("done")],
      code: "plugin-refused",
    },
  ])("wrapping, with $what, is a typed failure", async ({ sent: commands, code }) => {
    speaks("wrong", commands)
    const outcome = await new PluginClient("wrong", world())
      .wrap(["x"], [], [generateFileKey()])
      .catch((caught: unknown) => caught)
    expect(outcome instanceof Failure && outcome.code).toBe(code)
  })
})
