/** `ts-age-yk updatekeys`: makes the recipients of SOPS files those of `.sops.yaml`, keeping the data key. */
import type { Command } from "commander"
import { EXIT, Failure } from "../../failure.ts"
import { printable } from "../../quote.ts"
import { disposeParts, joinParts, openParts } from "../../sops/data-key.ts"
import { decryptFile } from "../../sops/file.ts"
import { keyName } from "../../sops/metadata.ts"
import { sessionOpener } from "../../sops/session-opener.ts"
import { applyKeys, type KeyPlan, planKeys, requireWritable } from "../../sops/update-keys.ts"
import { openSession } from "../access.ts"
import { WrongUsage } from "../failures.ts"
import { type MeantFile, meantFiles } from "../meant-files.ts"
import { type ChangeOptions, declareChange, keyWrapper, locate, type ReadFile, readToChange } from "../sops-change.ts"
import { Configs } from "../sops-config.ts"
import type { World } from "../world.ts"
import { Writes } from "../writes.ts"

export type UpdateOptions = ChangeOptions & Readonly<{ config?: string; yes?: true; check?: true }>
type Planned = Readonly<{ read: ReadFile; plan: KeyPlan }>

/** What callers do in their own way: how somebody agrees, and whether a file that fails is told and the others go on. */
export type UpdateManner = Readonly<{
  /** @returns whether the keys of so many files shall change */
  agree(count: number): Promise<boolean>
  /** The exit status where nobody does. */
  declined: number
  /** Tells what failed; null where it ends the run. */
  passOver: ((failure: Failure) => void) | null
}>

export function define(command: Command, world: World, done: (status: number) => void): void {
  declareChange(command)
    .argument("<PATH...>", "encrypted files, changed in place; of a folder, all that are encrypted")
    .option("-y, --yes", "do not ask")
    .option("--check", "change nothing and open nothing: exit 3 when keys are due to change")
    .option("--config <FILE>", "this .sops.yaml")
    .action(async (paths: string[], options: UpdateOptions) => {
      const manner = { agree: (count: number) => askToUpdate(count, world), declined: EXIT.failed, passOver: null }
      done(await updateKeys(paths, options, manner, world))
    })
}

/** @returns the exit status. @throws what planning and writing throw, where it is not passed over */
export async function updateKeys(
  paths: readonly string[],
  options: UpdateOptions,
  { agree, declined, passOver }: UpdateManner,
  world: World,
): Promise<number> {
  const configs = new Configs(options, world)
  const failures = new Failures(passOver)
  const due: Planned[] = []
  for (const file of await meantFiles(paths)) {
    await failures.during(async () => {
      const planned = await planFile(file, options, configs)
      if (planned === null) return
      if (planned.plan.changes) due.push(planned)
      world.err(planned.plan.changes ? describe(planned) : `${printable(file.path)}: already up to date\n`)
    })
  }
  if (due.length === 0) return failures.status
  if (options.check === true) return EXIT.changesDue
  if (options.yes !== true && !(await agree(due.length))) return declined
  await using session = openSession(options, world)
  const wrap = keyWrapper(world)
  await using writes = new Writes("keys updated", world, (work) => failures.during(work))
  for (const { read, plan } of due) {
    await failures.during(() =>
      locate(read.path, async () => {
        const { metadata } = read.file
        const parts = await openParts(metadata, await sessionOpener(metadata, session))
        try {
          using key = await joinParts(metadata, parts)
          await decryptFile(read.file, key, { ignoreMac: options.ignoreMac === true })
          await writes.begin(read, await applyKeys(read.bytes, read.file, plan, parts, wrap))
        } finally {
          disposeParts(parts)
        }
      }),
    )
  }
  await writes.end()
  return failures.status
}

/** What fails on the way: it ends the run, or is told and passed over. */
class Failures {
  readonly #passOver: UpdateManner["passOver"]
  #status = 0

  constructor(passOver: UpdateManner["passOver"]) {
    this.#passOver = passOver
  }

  /** The exit status: 0 where nothing was passed over. */
  get status(): number {
    return this.#status
  }

  /** @throws what the work throws, unless it is passed over */
  async during(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (failure) {
      if (this.#passOver === null || !(failure instanceof Failure)) throw failure
      this.#passOver(failure)
      this.#status = EXIT.failed
    }
  }
}

async function planFile(file: MeantFile, options: UpdateOptions, configs: Configs): Promise<Planned | null> {
  const read = await readToChange(file.path, options.inputType)
  return locate(file.path, async () => {
    const found = await configs.ruleForMeant(file)
    if (found === null) return null
    const plan = planKeys(read.file.metadata, found.rule)
    if (plan.changes) requireWritable(plan)
    return { read, plan }
  })
}

function describe({ read, plan }: Planned): string {
  const lines = [`${printable(read.path)}:`]
  const { from, to } = plan.threshold
  if (from !== to) lines.push(`  groups needed: ${from} -> ${to}`)
  plan.groups.forEach(({ kept, added, removed }, index) => {
    if (added.length + removed.length === 0) return
    if (plan.groups.length > 1) lines.push(`  group ${index + 1}`)
    for (const key of kept) lines.push(`      ${printable(keyName(key))}`)
    for (const { name } of added) lines.push(`  +++ ${printable(name)}`)
    for (const key of removed) lines.push(`  --- ${printable(keyName(key))}`)
  })
  if (plan.groups.some(({ removed }) => removed.length > 0))
    lines.push("  whoever is removed still knows the data key: ts-age-yk rotate makes a new one")
  return `${lines.join("\n")}\n`
}

/** Asks the person at the terminal. @throws WrongUsage where there is none */
export async function askToUpdate(count: number, world: World): Promise<boolean> {
  const terminal = world.terminal()
  if (terminal === null)
    throw new WrongUsage("nobody is there to agree", { hint: "agree with --yes, or look with --check" })
  return (await terminal.confirm(`change the keys of ${count} file${count === 1 ? "" : "s"}?`, "yes", "no")) === true
}
