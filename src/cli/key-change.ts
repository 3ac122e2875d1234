/** `host` and `key`: a key joins, goes, or gets another name or another key. The change of `.sops.yaml` and the rekey are one ceremony. */
import { lstat, readFile } from "node:fs/promises"
import { join } from "node:path"
import { openWith } from "../age/open.ts"
import { proveRecipient } from "../ceremony/challenge.ts"
import { type ChangedFile, neighbourOf, planKeyChange, rulesNamed } from "../ceremony/host-change.ts"
import { keyNamed, readKeyNames, shortRecipient } from "../ceremony/key-names.ts"
import type { NewKey } from "../ceremony/new-key.ts"
import { policyName } from "../ceremony/policy.ts"
import type { Alongside } from "../ceremony/rekey.ts"
import { findRepository, readRepository, sha256Hex } from "../ceremony/repository.ts"
import type { TranscriptEvent } from "../ceremony/transcript.ts"
import type { UnlockSession } from "../keyring/unlock-session.ts"
import { recipientFromText } from "../plugin/realise.ts"
import { printable } from "../quote.ts"
import { readTextIfThere } from "../read-file.ts"
import { parseConfig } from "../sops/config.ts"
import type { ConfigChange, NewPlace } from "../sops/config-change.ts"
import { ConfigNotEdited } from "../sops/failures.ts"
import { configName } from "../sops/find-config.ts"
import { type Occasion, type RekeyOptions, rekeyRepository } from "./ceremony.ts"
import { WrongUsage } from "./failures.ts"
import type { World } from "./world.ts"

/** Where a new key goes, and how it proves itself. */
export type JoinOptions = RekeyOptions &
  Readonly<{ like?: string; rule?: string[]; group?: number; comment?: string; proof?: string | boolean }>

/** What is changed, before the place of a new key is known. */
export type WishedChange = Readonly<
  | { kind: "add"; name: string; key: NewKey; comment: string | null }
  | { kind: "replace"; name: string; key: NewKey }
  | { kind: "remove"; name: string }
  | { kind: "rename"; name: string; to: string }
>

/**
 * Shows what would change, lets a new key prove itself, and holds the ceremony.
 * @param atHand - whether a key of that kind is expected to be at hand: a host's is not, and its absence is recorded without asking why
 */
export async function changeKeys(
  wished: WishedChange,
  options: JoinOptions,
  atHand: boolean,
  world: World,
): Promise<number> {
  const root = await findRepository(".")
  const config = await readPlain(join(root, configName))
  const policy = await readTextIfThere(join(root, policyName))
  const text = config.toString("utf8")
  const change = changeOf(wished, options, text, config)
  const files = planKeyChange({ config, policy }, change)
  const [edited, editedPolicy] = [configName, policyName].map((name) => files.find(({ path }) => path === name)?.bytes)
  const repository = await readRepository(root, [], {
    ...(edited === undefined ? {} : { config: edited }),
    ...(editedPolicy === undefined ? {} : { policy: editedPolicy }),
  })
  const before = (path: string): string => sha256Hex(path === policyName ? Buffer.from(policy ?? "") : config)
  const occasion: Occasion = {
    text: occasionText(wished, files),
    document: { ...documentOf(wished), lines: files.map(({ path, lines }) => ({ path, lines })) },
    alongside: files.map(({ path, bytes }): Alongside => ({ path, bytes, before: before(path) })),
    begin: async (session) => [await eventOf(wished, options, text, { session, atHand, world })],
  }
  return rekeyRepository(repository, options, world, occasion)
}

async function readPlain(path: string): Promise<Buffer> {
  if ((await lstat(path)).isSymbolicLink())
    throw new ConfigNotEdited(
      ".sops.yaml is a symbolic link, and what it points to may be another's",
      "go to where it points",
      {
        where: { file: path },
      },
    )
  return readFile(path)
}

function changeOf(wished: WishedChange, options: JoinOptions, text: string, config: Uint8Array): ConfigChange {
  switch (wished.kind) {
    case "remove":
      return { kind: "remove", name: wished.name }
    case "rename":
      return { kind: "rename", name: wished.name, to: wished.to }
    case "replace":
      return { kind: "replace", name: wished.name, recipient: wished.key.recipient }
    case "add": {
      const { name, key, comment } = wished
      return { kind: "add", name, recipient: key.recipient, comment, place: placeOf(key, options, text, config) }
    }
  }
}

function placeOf(key: NewKey, options: JoinOptions, text: string, config: Uint8Array): NewPlace {
  const { like, rule, group } = options
  if (like !== undefined && rule !== undefined)
    throw new WrongUsage("--like and --rule exclude each other", { hint: "--like NAME: wherever NAME stands" })
  if (like !== undefined) return { like }
  if (rule === undefined)
    throw new WrongUsage("what is it to read?", {
      hint: "--like NAME: what another key reads; --rule N or --rule PATH_REGEX: what that rule is for",
    })
  return {
    rules: rulesNamed(parseConfig(config), rule),
    group: group === undefined ? null : group - 1,
    behind: neighbourOf(key.recipient, readKeyNames(text)),
  }
}

function occasionText(wished: WishedChange, files: readonly ChangedFile[]): string {
  const lines: string[] = []
  if (wished.kind === "add" || wished.kind === "replace") {
    const { key, name } = wished
    lines.push(`${printable(name)}: ${printable(key.recipient)}`)
    if (key.fingerprint !== null) lines.push(`  SSH fingerprint ${key.fingerprint}, from ${printable(key.source)}`)
    if (key.fingerprint !== null)
      lines.push("  compare it with what the host itself says: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub")
    lines.push("")
  }
  for (const { path, lines: changes } of files) {
    lines.push(`${path}:`)
    for (const { line, sign, text } of changes) lines.push(`  ${String(line).padStart(4)} ${sign} ${printable(text)}`)
    lines.push("")
  }
  return lines.map((line) => `${line}\n`).join("")
}

function documentOf(wished: WishedChange): Record<string, unknown> {
  const { kind, name } = wished
  switch (wished.kind) {
    case "remove":
      return { kind, name }
    case "rename":
      return { kind, name, to: wished.to }
    case "add":
    case "replace": {
      const { recipient, fingerprint, source } = wished.key
      return { kind, name, recipient, fingerprint, source }
    }
  }
}

type Proving = Readonly<{ session: UnlockSession; atHand: boolean; world: World }>

/** What the record says: who joined, with a proof or with the reason why there is none. */
async function eventOf(
  wished: WishedChange,
  options: JoinOptions,
  text: string,
  proving: Proving,
): Promise<TranscriptEvent> {
  const standing = keyNamed(wished.name, readKeyNames(text))?.recipient ?? null
  switch (wished.kind) {
    case "remove":
      return { event: "key-removed", key: wished.name, recipient: standing }
    case "rename":
      return { event: "key-renamed", key: wished.to, was: wished.name, recipient: standing }
    case "add":
    case "replace": {
      const { recipient, fingerprint, source } = wished.key
      return {
        event: "key-added",
        key: wished.name,
        recipient,
        ...(fingerprint === null ? {} : { fingerprint }),
        source,
        ...(wished.kind === "replace" ? { replaces: standing } : {}),
        ...(await proofOf(wished.key, options, proving)),
      }
    }
  }
}

async function proofOf(
  key: NewKey,
  { proof }: JoinOptions,
  { session, atHand, world }: Proving,
): Promise<Readonly<{ proven: boolean; challenge?: string; reason?: string }>> {
  const owners = [...key.identities, ...session.ownersOf(key.recipient)]
  const reason = typeof proof === "string" ? proof : !atHand && owners.length === 0 ? "the key is not at hand" : null
  if (reason !== null) {
    world.err(`ts-age-yk: ${shortRecipient(key.recipient)} is not proven: ${printable(reason)}\n`)
    return { proven: false, reason }
  }
  const recipient = recipientFromText(key.recipient, { env: world.env, dialogue: world.terminal() })
  const { challenge } = await proveRecipient(
    recipient,
    owners.length > 0 ? openWith(owners) : (stanzas) => session.open(stanzas),
  )
  world.err(`ts-age-yk: ${shortRecipient(key.recipient)} has proven itself\n`)
  return { proven: true, challenge }
}
