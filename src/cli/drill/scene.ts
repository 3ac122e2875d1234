/** The scene of a drill: a repository of secrets as people keep it, two virtual YubiKeys, and what they encrypt to. */
import { randomBytes } from "node:crypto"
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { p256KeyPair } from "#primitives"
import { X25519Identity } from "../../age/x25519.ts"
import type { Reader } from "../../pcsc/card-transport.ts"
import { replaceFile } from "../../replace-file.ts"
import { parseConfig, ruleFor } from "../../sops/config.ts"
import { encryptNew } from "../../sops/encrypt.ts"
import { NoRuleFits } from "../../sops/failures.ts"
import { formatOfName, storeOf } from "../../sops/format.ts"
import type { MasterKey } from "../../sops/metadata.ts"
import { recipientWrapper } from "../../sops/recipient-wrapper.ts"
import { importKey, newCard, type TouchWanted, VirtualCard, virtualReader } from "../../virtual/index.ts"
import { YubiKeyRecipient } from "../../yubikey/recipient.ts"

/** The PIN of the drill's YubiKeys, which the person is told. */
export const drillPin = "123456"

/** A YubiKey of the drill. */
export type DrillKey = Readonly<{ name: string; serial: number; recipient: string; reader: Reader }>

export type Scene = Readonly<{
  folder: string
  yubiKeys: readonly [DrillKey, DrillKey]
  hosts: Readonly<Record<string, X25519Identity>>
  /** Files of secrets, relative to the folder. */
  files: readonly string[]
  remove: () => Promise<void>
}>

const secrets: Readonly<Record<string, () => string>> = {
  "secrets/secrets.yaml": () =>
    `# shared by all hosts\nbackup:\n    password: ${word()}\n    repository: ${word()}\nmonitoring:\n    agent_env: |\n        KEY=${word()}\n        TOKEN=${word()}\nport_unencrypted: 8090\n`,
  "secrets/web.env": () => `# the web server\nDATABASE_URL=postgres://web:${word()}@db/web\nSESSION_KEY=${word()}\n`,
  "secrets/hosts/electra/wifi.yaml": () => `ssid: attic\npsk: ${word()}\n`,
  "secrets/quorum/root.yaml": () => `root_ca_passphrase: ${word()}\n`,
}

function word(): string {
  return randomBytes(9).toString("base64url")
}

/** The configuration, with anchors, as people write it. @param hosts - those that are still trusted */
export function configText(
  hosts: Readonly<Record<string, X25519Identity>>,
  yubiKeys: readonly DrillKey[],
  provision: string,
): string {
  const anchors = [
    ...Object.entries(hosts).map(([name, identity]) => `  - &${name} ${identity.recipient.text}`),
    ...yubiKeys.map(({ name, recipient }) => `  - &${name} ${recipient}`),
    `  - &provision-key ${provision}`,
  ]
  const backups = [...yubiKeys.map(({ name }) => `*${name}`), "*provision-key"].join(", ")
  const all = Object.keys(hosts).map((name) => `*${name}`)
  return `keys:
${anchors.join("\n")}

creation_rules:
  - path_regex: secrets/quorum/.*
    shamir_threshold: 2
    key_groups:
${[...yubiKeys.map(({ name }) => name), "provision-key"].map((name) => `      - age: [*${name}]`).join("\n")}
  - path_regex: secrets/hosts/electra/.*
    key_groups:
      - age: [*electra, ${backups}]
  - path_regex: secrets/.*
    key_groups:
      - age: [${[...all, backups].join(", ")}]
`
}

/** Builds the scene in a new folder that only this user can read. @param touched - stands for the hand at the key */
export async function buildScene(touched: (wanted: TouchWanted) => Promise<boolean>, now: Date): Promise<Scene> {
  const folder = await mkdtemp(join(tmpdir(), "ts-age-yk-drill-"))
  const yubiKeys = [
    drillKey("yubikey-nano", "5.4.3", "always", touched, now),
    drillKey("yubikey-5-nfc", "5.7.1", "cached", touched, now),
  ] as const
  const hosts = { electra: X25519Identity.generate(), lena: X25519Identity.generate() }
  const provision = X25519Identity.generate().recipient.text
  await replaceFile(join(folder, ".sops.yaml"), Buffer.from(configText(hosts, yubiKeys, provision)), 0o644)
  for (const [file, text] of Object.entries(secrets)) await writeSecret(folder, file, text(), now)
  return {
    folder,
    yubiKeys,
    hosts,
    files: Object.keys(secrets),
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}

function drillKey(
  name: string,
  firmware: string,
  touchPolicy: "always" | "cached",
  touched: (wanted: TouchWanted) => Promise<boolean>,
  now: Date,
): DrillKey {
  const privateKey = randomScalar()
  const state = importKey(newCard({ firmware, pin: drillPin }), {
    slot: 0x82,
    privateKey,
    pinPolicy: "once",
    touchPolicy,
    name,
    now,
  })
  const recipient = new YubiKeyRecipient(p256KeyPair(privateKey).publicPoint, "piv-p256").text
  const card = new VirtualCard(state, { onTouch: touched, ecdhDelay: 60 })
  return { name, serial: state.serial, recipient, reader: virtualReader(card) }
}

/** A scalar below P-256's order: the first byte of the order is ff, so that nearly every draw will do. */
export function randomScalar(): Uint8Array {
  for (;;) {
    const scalar = new Uint8Array(randomBytes(32))
    if (scalar[0] !== 0xff) return scalar
  }
}

async function writeSecret(folder: string, file: string, text: string, now: Date): Promise<void> {
  const store = await storeOf(formatOfName(file))
  const documents = store.parse(Buffer.from(text))
  const config = parseConfig(await readFile(join(folder, ".sops.yaml")))
  const rule = await ruleFor(config, join(folder, file), folder)
  if (rule === null) throw new NoRuleFits(file, ".sops.yaml")
  const groups = rule.groups.map((keys) =>
    keys.map((key): MasterKey => ({ type: "age", recipient: key.name, enc: "" })),
  )
  const wish = { groups, shamirThreshold: rule.shamirThreshold, selection: null, macOnlyEncrypted: false }
  const wrap = recipientWrapper({ env: {}, dialogue: null })
  await mkdir(dirname(join(folder, file)), { recursive: true })
  await replaceFile(join(folder, file), await encryptNew(documents, { store, input: store }, wish, wrap, now), 0o644)
}
