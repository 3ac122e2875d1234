/** Files that we make and `age` and `rage` open, and the other way; and plugins, ours under their clients, theirs under ours. */
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { beforeAll, describe, expect, it } from "vitest"
import { decryptBytes, encryptBytes } from "../src/age/file.ts"
import { generateFileKey } from "../src/age/file-key.ts"
import type { Identity, Recipient } from "../src/age/identity.ts"
import { readIdentityFile } from "../src/age/identity-file.ts"
import { openWith } from "../src/age/open.ts"
import { passphraseFrom } from "../src/age/passphrase.ts"
import { encodePluginIdentity } from "../src/age/plugin-name.ts"
import { parseRecipient } from "../src/age/recipients.ts"
import { ScryptRecipient } from "../src/age/scrypt.ts"
import { sshIdentities } from "../src/age/ssh-identity.ts"
import { PluginClient } from "../src/plugin/client.ts"
import { PluginIdentity, PluginRecipient } from "../src/plugin/identity.ts"
import { buildToy, toyKey } from "../test/plugin/toy.ts"
import { peers, run, scratch } from "./harness.ts"

const folder = scratch()
const programs = join(folder, "bin")
const env = { PATH: `${programs}:${join(peers, "bin")}:/usr/bin:/bin` }
const sshKeys = new URL("../test/age/fixtures/ssh/", import.meta.url).pathname

/** A key as files, the way all three programs take it. */
type Kind = Readonly<{ kind: string; identity: string; recipients: string }>

const kinds: Kind[] = []

function keep(kind: string, identity: string, recipient: string): void {
  const paths = { identity: join(folder, `${kind}.key`), recipients: join(folder, `${kind}.pub`) }
  writeFileSync(paths.identity, identity, { mode: 0o600 })
  writeFileSync(paths.recipients, recipient)
  kinds.push({ kind, ...paths })
}

function kindNamed(name: string): Kind {
  const found = kinds.find((one) => one.kind === name)
  if (found === undefined) throw new TypeError(`${name} was made`)
  return found
}

function ourRecipient({ recipients }: Kind): Recipient {
  const parsed = parseRecipient(readFileSync(recipients, "utf8").trim())
  return parsed.kind === "native" ? parsed.recipient : new PluginRecipient(parsed.plugin, { env, dialogue: null })
}

function ourIdentities({ identity }: Kind): Identity[] {
  const file = readIdentityFile(readFileSync(identity))
  if (file.kind === "ssh") return sshIdentities(file.key, identity, null)
  if (file.kind !== "identities") throw new TypeError("no key here is behind a passphrase")
  return file.identities.map((one) =>
    one.kind === "native" ? one.identity : new PluginIdentity([one.plugin], { env, dialogue: null }),
  )
}

beforeAll(async () => {
  mkdirSync(programs)
  await buildToy(programs)
  for (const [kind, options] of [
    ["x25519", []],
    ["hybrid", ["-pq"]],
  ] as const) {
    const made = await run("age-keygen", options, { env })
    const recipient = await run("age-keygen", ["-y"], { env, input: made.stdout })
    keep(kind, made.stdout, recipient.stdout)
  }
  for (const [kind, name] of [
    ["ssh-ed25519", "ed-none"],
    ["ssh-rsa", "rsa-none"],
  ] as const)
    keep(kind, readFileSync(join(sshKeys, name), "utf8"), readFileSync(join(sshKeys, `${name}.pub`), "utf8"))
  const toy = toyKey()
  keep("plugin", `${toy.identity}\n`, `${toy.recipient}\n`)
})

const lengths = [0, 1, 65_536, 200_001]
const plaintext = (length: number): Uint8Array => Uint8Array.from({ length }, (_, index) => (index * 31) & 0xff)

describe.each([
  { name: "x25519", clients: ["age", "rage"] },
  // rage 0.12.1 does not know the post-quantum type.
  { name: "hybrid", clients: ["age"] },
  { name: "ssh-ed25519", clients: ["age", "rage"] },
  { name: "ssh-rsa", clients: ["age", "rage"] },
  { name: "plugin", clients: ["age", "rage"] },
])("$name", ({ name, clients }) => {
  it.each(clients)("made by %s opens with us, made by us opens there", async (client) => {
    const key = kindNamed(name)
    for (const length of lengths)
      for (const armor of ["binary", "armored"] as const) {
        const plain = join(folder, "plain")
        const theirs = join(folder, "theirs.age")
        const ours = join(folder, "ours.age")
        writeFileSync(plain, plaintext(length))
        const made = await run(
          client,
          [...(armor === "armored" ? ["-a"] : []), "-e", "-R", key.recipients, "-o", theirs, plain],
          { env },
        )
        expect(made).toMatchObject({ code: 0 })
        const opened = await decryptBytes(new Uint8Array(readFileSync(theirs)), openWith(ourIdentities(key)))
        expect(Buffer.from(opened).equals(plaintext(length))).toBe(true)

        writeFileSync(ours, await encryptBytes(plaintext(length), [ourRecipient(key)], armor))
        const back = join(folder, "back")
        rmSync(back, { force: true })
        expect(await run(client, ["-d", "-i", key.identity, "-o", back, ours], { env })).toMatchObject({ code: 0 })
        // rage makes no file for an empty plaintext.
        expect((existsSync(back) ? readFileSync(back) : Buffer.alloc(0)).equals(plaintext(length))).toBe(true)
      }
  })
})

describe("a passphrase", () => {
  it("of ours opens with age's batchpass plugin", async () => {
    const file = join(folder, "passphrase.age")
    writeFileSync(file, await encryptBytes(plaintext(100), [new ScryptRecipient(passphraseFrom("hunter2"), 12)]))
    const back = join(folder, "back")
    const opened = await run("age", ["-d", "-j", "batchpass", "-o", back, file], {
      env: { ...env, AGE_PASSPHRASE: "hunter2" },
    })
    expect(opened).toMatchObject({ code: 0 })
    expect(readFileSync(back).equals(plaintext(100))).toBe(true)
  })
})

describe("a plugin of others under our client", () => {
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex")

  it("age-plugin-batchpass wraps for an identity without data, and opens several files", async () => {
    const world = { env: { ...env, AGE_PASSPHRASE: "hunter2", AGE_PASSPHRASE_WORK_FACTOR: "10" }, dialogue: null }
    const client = new PluginClient("batchpass", world)
    const identity = encodePluginIdentity("batchpass")
    const fileKey = generateFileKey()
    const { stanzas, labels } = await client.wrap([], [identity], [fileKey])
    expect(labels.length).toBe(1)
    const opened = await client.unwrap([identity], stanzas)
    expect(opened.fileKeys.get(0)?.use(hex)).toBe(fileKey.use(hex))
  })

  it("age-plugin-batchpass says why, and we hear it though it ends without a last word", async () => {
    const client = new PluginClient("batchpass", { env, dialogue: null })
    const refused = client.wrap([], [encodePluginIdentity("batchpass")], [generateFileKey()])
    await expect(refused).rejects.toMatchObject({ code: "plugin-refused" })
  })

  it("age-plugin-pq opens what age and we encrypt to a hybrid key, and we open what it wraps", async () => {
    const key = kindNamed("hybrid")
    const made = await run("age-plugin-pq", ["-identity"], { env, input: readFileSync(key.identity) })
    const converted: Kind = { ...key, identity: join(folder, "pq.key") }
    writeFileSync(converted.identity, made.stdout)
    const recipient = readFileSync(key.recipients, "utf8").trim()
    const theirs = await run("age", ["-r", recipient, "-o", join(folder, "pq.age")], { env, input: "hello" })
    expect(theirs).toMatchObject({ code: 0 })
    const files = [readFileSync(join(folder, "pq.age")), await encryptBytes(plaintext(10), [ourRecipient(key)])]
    const open = openWith(ourIdentities(converted))
    const opened = await Promise.all(files.map((file) => decryptBytes(new Uint8Array(file), open)))
    expect(opened.map((bytes) => bytes.length)).toEqual([5, 10])

    const fileKey = generateFileKey()
    const client = new PluginClient("pq", { env, dialogue: null })
    const { stanzas } = await client.wrap([recipient], [], [fileKey])
    const [ours] = ourIdentities(key)
    expect((await ours?.unwrapFileKey(stanzas[0] ?? []))?.use(hex)).toBe(fileKey.use(hex))
  })

  it("age-plugin-yubikey, in Rust, wraps for its recipient and refuses a broken one", async () => {
    const client = new PluginClient("yubikey", { env, dialogue: null })
    const recipient = "age1yubikey1q0t94yuh0j4r6xcgrpf074a8ner979nq2aesfwh265za6wjgtzw0xr002fx"
    const { stanzas } = await client.wrap([recipient], [], [generateFileKey(), generateFileKey()])
    expect(stanzas.map((file) => file.map(({ args }) => args[0]))).toEqual([["piv-p256"], ["piv-p256"]])
    await expect(client.wrap([`${recipient.slice(0, -1)}q`], [], [generateFileKey()])).rejects.toMatchObject({
      code: "plugin-refused",
    })
  })
})

describe("our plugin under other clients", () => {
  it.each([
    { client: "age", toy: "die", shows: /toy/ },
    { client: "rage", toy: "die", shows: /age-plugin-toy/ },
    { client: "age", toy: "secret", shows: /wrong PIN/ },
    { client: "rage", toy: "secret", shows: /wrong PIN/ },
  ])("$client says what is wrong when the plugin does this: $toy", async ({ client, toy, shows }) => {
    const key = toyKey()
    const file = join(folder, "toy.age")
    const recipient = await run("age", ["-r", key.recipient, "-o", file], { env, input: "hello" })
    expect(recipient).toMatchObject({ code: 0 })
    const identity = join(folder, "toy.key")
    writeFileSync(identity, `${key.identity}\n`)
    const outcome = await run(client, ["-d", "-i", identity, file], { env: { ...env, TOY: toy } })
    expect(outcome.code).not.toBe(0)
    expect(outcome.stderr).toMatch(shows)
  })

  it.each(["age", "rage"])("%s shows what the plugin tells", async (client) => {
    const key = toyKey()
    const file = join(folder, "told.age")
    await run("rage", ["-r", key.recipient, "-o", file], { env, input: "hello" })
    const identity = join(folder, "told.key")
    writeFileSync(identity, `${key.identity}\n`)
    chmodSync(identity, 0o600)
    const outcome = await run(client, ["-d", "-i", identity, file], { env: { ...env, TOY: "tell" } })
    expect(outcome).toMatchObject({ code: 0, stdout: "hello" })
    expect(outcome.stderr).toContain("touch the toy")
  })
})
