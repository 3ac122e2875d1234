/**
 * A copy of somebody's repository to rehearse on: its files, structure, rules and pending change, with virtual YubiKeys and throw-away keys
 * in the place of every recipient, and dummies in the place of every encrypted value. No key is needed, and no secret is in it.
 */
import { execFile } from "node:child_process"
import { mkdir, mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { promisify } from "node:util"
import { p256KeyPair } from "#primitives"
import { X25519Identity } from "../../age/x25519.ts"
import { git } from "../../ceremony/git.ts"
import { keyLabel } from "../../ceremony/key-names.ts"
import { policyName } from "../../ceremony/policy.ts"
import type { Repository } from "../../ceremony/repository.ts"
import { readText, readTextIfThere } from "../../read-file.ts"
import { replaceFile } from "../../replace-file.ts"
import { dummyDocuments } from "../../sops/dummy.ts"
import { encryptNew } from "../../sops/encrypt.ts"
import type { EncryptedFile } from "../../sops/file.ts"
import { configName } from "../../sops/find-config.ts"
import { groupsNeeded, type KeyGroup } from "../../sops/metadata.ts"
import { recipientWrapper } from "../../sops/recipient-wrapper.ts"
import { importKey, newCard, writeCardFile } from "../../virtual/index.ts"
import { YubiKeyRecipient } from "../../yubikey/recipient.ts"
import { WrongUsage } from "../failures.ts"
import { drillPin, randomScalar } from "./scene.ts"

export type StandInCard = Readonly<{ name: string; serial: number; file: string }>

export type RepositoryCopy = Readonly<{
  /** Where the copy is; `home` is the folder around it, which has the cards and keys, and goes with it. */
  root: string
  home: string
  cards: readonly StandInCard[]
  /** Software keys that files need which no YubiKey opens; null when there are none. */
  keyFile: string | null
  files: number
  /** What is not encrypted, or broken, and so not in the copy. */
  leftOut: readonly string[]
  remove: () => Promise<void>
}>

type StandIn = Readonly<{ recipient: string; identity: X25519Identity | null; card: StandInCard | null }>

/** Makes one stand-in a recipient, and remembers it. */
class Cast {
  readonly #home: string
  readonly #repository: Repository
  readonly #known = new Map<string, StandIn>()

  constructor(home: string, repository: Repository) {
    this.#home = home
    this.#repository = repository
  }

  async of(recipient: string): Promise<StandIn> {
    const made = this.#known.get(recipient) ?? (await this.#make(recipient))
    this.#known.set(recipient, made)
    return made
  }

  get all(): readonly StandIn[] {
    return [...this.#known.values()]
  }

  /** A text with each recipient replaced that has a stand-in. */
  rewrite(text: string): string {
    return [...this.#known].reduce((rest, [recipient, { recipient: other }]) => rest.replaceAll(recipient, other), text)
  }

  async #make(recipient: string): Promise<StandIn> {
    if (!YubiKeyRecipient.isText(recipient)) {
      const identity = X25519Identity.generate()
      return { recipient: identity.recipient.text, identity, card: null }
    }
    const privateKey = randomScalar()
    const name = keyLabel(recipient, this.#repository.names)
    const state = importKey(newCard({ firmware: "5.7.1", pin: drillPin }), {
      slot: 0x82,
      privateKey,
      pinPolicy: "once",
      touchPolicy: "cached",
    })
    const file = join(this.#home, `${state.serial}.json`)
    await writeCardFile(file, state)
    const { kind } = YubiKeyRecipient.parse(recipient)
    return {
      recipient: new YubiKeyRecipient(p256KeyPair(privateKey).publicPoint, kind).text,
      identity: null,
      card: { name, serial: state.serial, file },
    }
  }
}

/**
 * Copies a repository into a new folder that only this user can read. What is committed of `.sops.yaml` is committed there, and
 * what is pending is pending.
 * @throws KeyTypeUnsupported for keys that are not age's, WrongUsage when there is nothing to rehearse with
 */
export async function copyRepository(repository: Repository, now: Date): Promise<RepositoryCopy> {
  const home = await mkdtemp(join(tmpdir(), "ts-age-yk-drill-"))
  try {
    return await copyInto(home, repository, now)
  } catch (failure) {
    await rm(home, { recursive: true, force: true })
    throw failure
  }
}

async function copyInto(home: string, repository: Repository, now: Date): Promise<RepositoryCopy> {
  const root = join(home, "repository")
  await mkdir(root)
  const cast = new Cast(home, repository)
  const wrap = recipientWrapper({ env: {}, dialogue: null })
  const needed = new Set<StandIn>()
  const leftOut: string[] = []
  for (const { path, content } of repository.files) {
    if (content.state !== "encrypted") {
      leftOut.push(path)
      continue
    }
    const groups = await standInGroups(content.file, cast)
    for (const standIn of softwareNeeded(content.file, groups)) needed.add(standIn)
    const { store, documents, metadata } = content.file
    const wish = {
      groups: groups.map((group): KeyGroup => group.map(({ recipient }) => ({ type: "age", recipient, enc: "" }))),
      shamirThreshold: metadata.shamirThreshold,
      selection: metadata.selection,
      macOnlyEncrypted: metadata.macOnlyEncrypted,
    }
    const bytes = await encryptNew(dummyDocuments(documents), { store, input: store }, wish, wrap, now)
    await mkdir(dirname(join(root, path)), { recursive: true })
    await replaceFile(join(root, path), bytes, 0o644)
  }
  const pending = await readText(join(repository.root, configName))
  for (const recipient of recipientsIn(repository)) await cast.of(recipient)
  await commitCopy(
    root,
    cast,
    (await git(repository.root, "show", `HEAD:./${configName}`).catch(() => null)) ?? pending,
  )
  await replaceFile(join(root, configName), Buffer.from(cast.rewrite(pending)), 0o644)
  const policy = await readTextIfThere(join(repository.root, policyName))
  if (policy !== null) await replaceFile(join(root, policyName), Buffer.from(cast.rewrite(policy)), 0o644)
  const cards = cast.all.flatMap(({ card }) => (card === null ? [] : [card]))
  const identities = [...needed].flatMap(({ identity }) => (identity === null ? [] : [identity.revealText()]))
  const keyFile = identities.length === 0 ? null : join(home, "keys.txt")
  if (keyFile !== null) await replaceFile(keyFile, Buffer.from(identities.map((line) => `${line}\n`).join("")))
  const files = repository.files.length - leftOut.length
  if (files === 0)
    throw new WrongUsage("there is no encrypted file to rehearse with", { where: { file: repository.root } })
  return { root, home, cards, keyFile, files, leftOut, remove: () => rm(home, { recursive: true, force: true }) }
}

/** Recipients of age in the rules and under the names. */
function recipientsIn({ config, names }: Repository): Set<string> {
  const keys = (config.rules ?? []).flatMap(({ groups }) => groups.flat())
  return new Set([...names.keys(), ...keys.filter(({ type }) => type === "age").map(({ name }) => name)])
}

async function standInGroups({ metadata }: EncryptedFile, cast: Cast): Promise<StandIn[][]> {
  return Promise.all(
    metadata.groups.map(async (group) => {
      const recipients = group.flatMap((key) => (key.type === "age" ? [key.recipient] : []))
      const standIns: StandIn[] = []
      for (const recipient of recipients) standIns.push(await cast.of(recipient))
      return standIns
    }),
  )
}

/** Of the groups that no YubiKey opens, as many first members as the file still needs. */
function softwareNeeded({ metadata }: EncryptedFile, groups: readonly (readonly StandIn[])[]): StandIn[] {
  const without = groups.filter((group) => group.every(({ card }) => card === null))
  const missing = groupsNeeded(metadata) - (groups.length - without.length)
  return without.slice(0, Math.max(missing, 0)).flatMap((group) => group.slice(0, 1))
}

async function commitCopy(root: string, cast: Cast, config: string): Promise<void> {
  await replaceFile(join(root, configName), Buffer.from(cast.rewrite(config)), 0o644)
  const run = promisify(execFile)
  for (const args of [
    ["init", "--quiet", "--initial-branch=main"],
    ["add", "--all"],
    ["-c", "user.name=drill", "-c", "user.email=drill@localhost", "commit", "--quiet", "--message", "the copy"],
  ])
    await run("git", ["-C", root, ...args], {
      env: { PATH: process.env["PATH"], HOME: root, GIT_CONFIG_NOSYSTEM: "1" },
    })
}
