/**
 * Our plugin beside the Rust one on the same virtual YubiKey, behind a pcscd of its own; as root:
 * native-test/with-pcscd --one-reader node scripts/run-ts.js bench/plugin.ts [--rounds N]
 * APDUs are counted at the card, with one client that drives both plugins; time is that of `age -d`, which takes turns with one and the other.
 */
import { createECDH, randomBytes } from "node:crypto"
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { insert, scratch } from "../native-test/harness.ts"
import type { Dialogue } from "../src/age/dialogue.ts"
import { encryptBytes, readAgeFile } from "../src/age/file.ts"
import { encodePluginIdentity } from "../src/age/plugin-name.ts"
import type { Stanza } from "../src/age/stanza.ts"
import { PluginClient } from "../src/plugin/client.ts"
import { type CardState, importKey, newCard } from "../src/virtual/index.ts"
import { recipientTag } from "../src/yubikey/piv-p256.ts"
import { type RecipientKind, YubiKeyRecipient } from "../src/yubikey/recipient.ts"
import { encodeStub } from "../src/yubikey/stub.ts"
import { env, hasPeer, inTurns, milliseconds, plugin, programs, type Row, ratio, report, timed } from "./measure.ts"

const { values } = parseArgs({ options: { rounds: { type: "string", default: "15" } } })
const folder = scratch()
const own = join(folder, "bin")
mkdirSync(own)
symlinkSync(plugin, join(own, "age-plugin-yubikey"))
const paths = { ours: `${own}:${env["PATH"] ?? ""}`, peer: `${programs}:${env["PATH"] ?? ""}` }
const withPeer = hasPeer("age-plugin-yubikey")

const key = createECDH("prime256v1")
key.setPrivateKey(randomBytes(32))
const point = new Uint8Array(key.generateKeys())
const privateKey = new Uint8Array(key.getPrivateKey())
const serial = 27205443
const stub = encodeStub({ serial, slot: 0x82, tag: recipientTag(point) })

function card(pinPolicy: "once" | "never"): CardState {
  const key = { slot: 0x82, privateKey, pinPolicy, touchPolicy: "never", origin: "generated" } as const
  return importKey(newCard({ firmware: "5.4.3", serial }), key)
}

async function sealed(kind: RecipientKind): Promise<Uint8Array> {
  return encryptBytes(new Uint8Array(100), [new YubiKeyRecipient(point, kind)])
}

async function stanzas(kind: RecipientKind, files: number): Promise<(readonly Stanza[])[]> {
  const made: (readonly Stanza[])[] = []
  for (let left = files; left > 0; left--) made.push((await readAgeFile(await sealed(kind))).header.stanzas)
  return made
}

const person: Dialogue = {
  tell: () => Promise.resolve(),
  ask: () => Promise.resolve(null),
  askSecret: () => Promise.resolve("123456"),
  confirm: () => Promise.resolve(true),
}

/** APDUs of one session with a plugin, on a card that was just plugged in. */
async function apdus(path: string, identity: string, files: readonly (readonly Stanza[])[]): Promise<number> {
  const log: string[] = []
  const inserted = await insert(card("once"), { touch: "auto", log: (line) => log.push(line) })
  const client = new PluginClient("yubikey", { env: { ...env, PATH: path }, dialogue: person })
  const { fileKeys } = await client.unwrap([identity], files)
  if (fileKeys.size !== files.length) throw new TypeError(`${fileKeys.size} of ${files.length} files opened`)
  for (const fileKey of fileKeys.values()) fileKey[Symbol.dispose]()
  await inserted[Symbol.asyncDispose]()
  return log.filter((line) => line.startsWith("> ")).length
}

const rows: Row[] = []
for (const { what, kind, identity, files, wanted, peerToo } of [
  { what: "APDUs: piv-p256, stub, cold", kind: "piv-p256", identity: stub, files: 1, wanted: "5", peerToo: true },
  { what: "APDUs: the same, 10 files", kind: "piv-p256", identity: stub, files: 10, wanted: "5 and 9", peerToo: true },
  { what: "APDUs: p256tag, stub, cold", kind: "p256tag", identity: stub, files: 1, wanted: "6", peerToo: false },
  {
    what: "APDUs: piv-p256, no stub, cold",
    kind: "piv-p256",
    identity: encodePluginIdentity("yubikey"),
    files: 1,
    wanted: "7",
    peerToo: false,
  },
] as const) {
  const given = await stanzas(kind, files)
  const ours = await apdus(paths.ours, identity, given)
  const peer = withPeer && peerToo ? await apdus(paths.peer, identity, given) : undefined
  rows.push({
    what,
    ours: String(ours),
    peer: peer === undefined ? "" : String(peer),
    ratio: ratio(ours, peer),
    wanted,
  })
}

const inserted = await insert(card("never"), { touch: "auto" })
const identities = join(folder, "identities.txt")
const file = join(folder, "secret.age")
writeFileSync(identities, `${stub}\n`)
writeFileSync(file, await sealed("piv-p256"))
const decrypt = (path: string) => () => timed(["age", "-d", "-i", identities, file], { env: { PATH: path } })
const times = await inTurns(
  { ours: decrypt(paths.ours), ...(withPeer ? { peer: decrypt(paths.peer) } : {}) },
  Number(values.rounds),
)
rows.push({
  what: "age -d with the plugin, no PIN, no touch",
  ours: milliseconds(times.ours),
  peer: milliseconds(times.peer),
  ratio: ratio(times.ours, times.peer),
})
await inserted[Symbol.asyncDispose]()
rmSync(folder, { recursive: true, force: true })
report(rows)
