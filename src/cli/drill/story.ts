/** The story of a drill, step by step: what happens, what is asked for, and what each step did. */
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import type { Dialogue } from "../../age/dialogue.ts"
import type { Identity } from "../../age/identity.ts"
import { changedFiles } from "../../ceremony/plan.ts"
import { changeText } from "../../ceremony/plan-text.ts"
import { prepareRekey } from "../../ceremony/prepare.ts"
import { rekey as holdCeremony } from "../../ceremony/rekey.ts"
import { readRepository } from "../../ceremony/repository.ts"
import { explain, Failure } from "../../failure.ts"
import { RunAttendant } from "../../keyring/attendant.ts"
import { UnlockSession } from "../../keyring/unlock-session.ts"
import { YubiKeys } from "../../keyring/yubikeys.ts"
import { replaceFile } from "../../replace-file.ts"
import { decryptSops } from "../../sops/decrypt.ts"
import { recipientWrapper } from "../../sops/recipient-wrapper.ts"
import { version } from "../../version.ts"
import type { TouchWanted } from "../../virtual/index.ts"
import type { World } from "../world.ts"
import { type Narrator, narrator } from "./narrator.ts"
import { buildScene, configText, type DrillKey, drillPin, type Scene } from "./scene.ts"

/** How a drill speaks: to a person who takes part, or at a machine's pace. */
export type Stage = Readonly<{
  world: World
  /** The person who types PINs and touches keys; null when the drill plays both itself. */
  person: Dialogue | null
}>

/** How long the drill's own hand takes to touch a key, in milliseconds: long enough for the prompt to show. */
const handTakes = 450

export async function playDrill(stage: Stage): Promise<void> {
  const { world } = stage
  const started = performance.now()
  const say = narrator(world)
  await say.paragraph(
    "A drill: the day on which no host is left, with two virtual YubiKeys and a throw-away repository.",
    stage.person === null
      ? "The drill types the PIN and touches the keys itself."
      : `You take part: the PIN of both YubiKeys is ${drillPin}, and enter is your touch.`,
  )
  const scene = await buildScene((wanted) => touch(stage, wanted), world.now())
  try {
    await showScene(scene, say)
    await emergencyDecrypt(scene, stage, say)
    await quorumDecrypt(scene, stage, say)
    await rekey(scene, stage, say)
    await say.paragraph(
      `Done in ${((performance.now() - started) / 1000).toFixed(1)} s. Nothing of it is left on this machine.`,
      "On the day: docs/emergency.md. With your own YubiKey: ts-age-yk doctor, ts-age-yk identities.",
    )
  } finally {
    await scene.remove()
  }
}

async function touch({ person }: Stage, { serial, slot }: TouchWanted): Promise<boolean> {
  if (person === null) {
    await new Promise((resolve) => setTimeout(resolve, handTakes))
    return true
  }
  return (await person.confirm(`touch YubiKey ${serial} (slot ${slot.toString(16)}), which blinks`, "touch")) === true
}

async function showScene(scene: Scene, say: Narrator): Promise<void> {
  await say.step("The repository")
  const keys = scene.yubiKeys.map(({ name, serial }) => `${name} (YubiKey ${serial})`)
  await say.result(
    ...scene.files.map((file) => file),
    "",
    `hosts: ${Object.keys(scene.hosts).join(", ")}; backup: ${keys.join(", ")}, and a provisioning key in a safe`,
  )
}

/** Opens files with YubiKeys alone, as when all hosts are gone. */
function unlockWith(keys: readonly DrillKey[], stage: Stage): Unlocked {
  const { person, world } = stage
  const attendant = new RunAttendant(
    person === null
      ? {
          from: "program",
          keyed: true,
          pin: (serial) => {
            world.err(`   PIN for YubiKey ${serial ?? ""} (slot 82): ******\n`)
            return Promise.resolve(drillPin)
          },
        }
      : { from: "person", dialogue: person },
    (text) => {
      if (person === null) world.err(`   ${text}\n`)
      return () => undefined
    },
  )
  const yubiKeys = new YubiKeys({ readers: () => Promise.resolve(keys.map(({ reader }) => reader)), attendant })
  const session = new UnlockSession({ identities: [], yubiKeys })
  return { session, attendant, [Symbol.asyncDispose]: () => session[Symbol.asyncDispose]() }
}

type Unlocked = AsyncDisposable & Readonly<{ session: UnlockSession; attendant: RunAttendant }>

async function decrypt({ folder }: Scene, file: string, session: UnlockSession): Promise<string> {
  return Buffer.from(await decryptSops(await readFile(join(folder, file)), session, { path: file })).toString("utf8")
}

async function emergencyDecrypt(scene: Scene, stage: Stage, say: Narrator): Promise<void> {
  const [nano] = scene.yubiKeys
  await say.step("All hosts are gone; one YubiKey is left")
  await using unlocked = unlockWith([nano], stage)
  const { session, attendant } = unlocked
  for (const file of ["secrets/secrets.yaml", "secrets/hosts/electra/wifi.yaml"]) {
    await say.command(`ts-age-yk decrypt ${file}`)
    const text = await decrypt(scene, file, session)
    await say.result(
      ...text
        .trimEnd()
        .split("\n")
        .map((line) => `  ${line}`),
    )
  }
  await tellTally(attendant, say)
}

async function quorumDecrypt(scene: Scene, stage: Stage, say: Narrator): Promise<void> {
  await say.step("A file that wants two of three key groups")
  const file = "secrets/quorum/root.yaml"
  await say.command(`ts-age-yk decrypt ${file}`)
  {
    await using unlocked = unlockWith([scene.yubiKeys[0]], stage)
    await say.result(`with one YubiKey: ${await refusal(decrypt(scene, file, unlocked.session))}`)
  }
  await using unlocked = unlockWith(scene.yubiKeys, stage)
  const { session, attendant } = unlocked
  const text = await decrypt(scene, file, session)
  await say.result(`with both: ${text.trimEnd()}`)
  await tellTally(attendant, say)
}

/** The first line of the failure that was expected. */
async function refusal(work: Promise<unknown>): Promise<string> {
  try {
    await work
  } catch (failure) {
    if (failure instanceof Failure) return explain(failure).text.split("\n")[0] ?? ""
    throw failure
  }
  throw new TypeError("the drill expected a refusal")
}

async function rekey(scene: Scene, stage: Stage, say: Narrator): Promise<void> {
  await say.step("Host lena was stolen: what it could read gets new data keys")
  const { lena, ...trusted } = scene.hosts
  if (lena === undefined) throw new TypeError("the scene has a host lena")
  const provision = /&provision-key (\S+)/.exec(await readFile(join(scene.folder, ".sops.yaml"), "utf8"))?.[1] ?? ""
  await replaceFile(join(scene.folder, ".sops.yaml"), Buffer.from(configText(trusted, scene.yubiKeys, provision)))
  await say.result(".sops.yaml: lena removed")
  await using unlocked = unlockWith([scene.yubiKeys[1]], stage)
  const { session, attendant } = unlocked
  const prepared = await prepareRekey(await readRepository(scene.folder), session)
  await holdCeremony({
    ...prepared,
    session,
    tallies: () => attendant.tallies,
    wrap: recipientWrapper({ env: {}, dialogue: null }),
    version,
    now: stage.world.now,
  })
  const changed = changedFiles(prepared.plan)
  for (const file of changed) await say.result(`${file.path}: ${changeText(file)}`)
  await tellTally(attendant, say)
  await say.step("The proof")
  for (const { path: file } of changed) {
    await say.result(
      `${file}: lena ${await canOpen(scene, file, lena)}, electra ${await canOpen(scene, file, trusted["electra"])}`,
    )
  }
  await say.result("", "What lena could read before it may still know: the values themselves must change next.")
}

async function canOpen(scene: Scene, file: string, identity: Identity | undefined): Promise<string> {
  const session = new UnlockSession({ identities: identity === undefined ? [] : [identity], yubiKeys: null })
  try {
    await decrypt(scene, file, session)
    return "opens it"
  } catch (failure) {
    if (failure instanceof Failure) return "does not open it any more"
    throw failure
  }
}

async function tellTally(attendant: RunAttendant, say: Narrator): Promise<void> {
  const count = (number: number, word: string): string => `${number} ${word}${number === 1 ? "" : "s"}`
  const parts = [...attendant.tallies].map(
    ([key, { pins, touches, uses }]) =>
      `${key}: ${count(pins, "PIN")}, ${count(touches, "touch").replace("touchs", "touches")}, ${count(uses, "key agreement")}`,
  )
  await say.result(...parts.map((part) => `(${part})`))
}
