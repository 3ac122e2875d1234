/** `ts-age-yk rekey`: the ceremony, from plan to transcript. */
import { Command, InvalidArgumentError } from "commander"
import type { Forecast } from "../../ceremony/forecast.ts"
import { type Guard, type GuardName, guardsOf } from "../../ceremony/guards.ts"
import { readJournal, recordFolder } from "../../ceremony/journal.ts"
import { keyLabel } from "../../ceremony/key-names.ts"
import { changedFiles, planRekey, type RekeyPlan } from "../../ceremony/plan.ts"
import { planText } from "../../ceremony/plan-text.ts"
import { planWords } from "../../ceremony/plan-words.ts"
import { previewUnlock } from "../../ceremony/preview.ts"
import {
  finishHalfDone,
  type Outcome,
  type Override,
  rekey,
  requireGuards,
  requireNothingHalfDone,
} from "../../ceremony/rekey.ts"
import { findRepository, type Repository, readRepository } from "../../ceremony/repository.ts"
import { EXIT } from "../../failure.ts"
import { printable } from "../../quote.ts"
import { recipientWrapper } from "../../sops/recipient-wrapper.ts"
import { version } from "../../version.ts"
import { openAttendedSession } from "../access.ts"
import { WrongUsage } from "../failures.ts"
import { collect, declareIdentities, type IdentityOptions } from "../options.ts"
import { progressLine } from "../progress.ts"
import type { World } from "../world.ts"

type Options = IdentityOptions &
  Readonly<{
    dryRun?: true
    rotate?: true
    yes?: true
    confirm?: string
    override?: Override[]
    prove?: string[]
    json?: true
  }>

const guardNames: readonly GuardName[] = [
  "dirty-targets",
  "behind-upstream",
  "few-backups",
  "not-attested",
  "one-key-two-names",
  "revoked-returns",
  "no-rule",
  "idle-rule",
  "plain-file",
  "broken-file",
]

function parseOverride(text: string): Override {
  const match = /^([a-z-]+)=(.+)$/s.exec(text)
  const guard = guardNames.find((name) => name === match?.[1])
  if (guard === undefined || match?.[2] === undefined)
    throw new InvalidArgumentError(`expected GUARD=REASON; guards are ${guardNames.join(", ")}`)
  return { guard, reason: match[2] }
}

export function define(command: Command, world: World, done: (status: number) => void): void {
  declareIdentities(command)
    .argument("[PATH...]", "only these files and folders; all under the rules of .sops.yaml unless given")
    .option("--dry-run", "show the plan, and exit 3 when there is something to change; needs no key")
    .option("--rotate", "a new data key for every file, not only where a recipient goes")
    .option("-y, --yes", "take the plan without asking; overrides no guard")
    .option("--confirm <HASH>", "take the plan if it is this one: the first 16 digits or more")
    .option(
      "--override <GUARD=REASON>",
      "go on in spite of a guard; the reason is recorded (repeatable)",
      collect(parseOverride),
    )
    .option(
      "--prove <KEY>",
      "have this key, by name or recipient, open the new files before they replace the old (repeatable)",
      collect(String),
    )
    .option("--json", "one JSON document")
    .action(async (paths: string[], options: Options) => {
      done(await run(paths, options, world))
    })
  command.addCommand(
    new Command("resume").description("finish a ceremony that was cut short; needs no key").action(async () => {
      done(await finish("resume", world))
    }),
  )
  command.addCommand(
    new Command("abort").description("undo a ceremony that was cut short; needs no key").action(async () => {
      done(await finish("abort", world))
    }),
  )
  command.addCommand(
    new Command("status").description("whether a ceremony stands half done").action(async () => {
      done(await status(world))
    }),
  )
}

async function run(paths: readonly string[], options: Options, world: World): Promise<number> {
  const repository = await readRepository(".", paths)
  await requireNothingHalfDone(repository.root)
  for (const { line, text } of repository.config.warnings)
    world.err(`ts-age-yk: warning: .sops.yaml, line ${line}: ${text}\n`)
  const plan = planRekey(repository, { rotateAll: options.rotate === true })
  const guards = guardsOf(repository, plan)
  const attended = await openAttendedSession(options, world)
  await using session = attended.session
  const forecast = await previewUnlock(repository, plan, session)
  const changes = changedFiles(plan).length
  if (options.dryRun === true) {
    if (options.json === true)
      await world.out(`${JSON.stringify(planDocument(repository, plan, guards, forecast), null, 2)}\n`)
    else await world.out(planText(plan, repository.names, guards, forecast))
    return changes > 0 ? EXIT.changesDue : 0
  }
  if (options.json !== true) world.err(planText(plan, repository.names, guards, forecast))
  if (changes === 0) return 0
  const overrides = options.override ?? []
  requireGuards(guards, overrides)
  if (!(await confirmed(plan, options, world))) return EXIT.failed
  const progress = progressLine(world)
  const outcome = await rekey({
    repository,
    plan,
    guards,
    forecast,
    overrides,
    session,
    tallies: () => attended.attendant.tallies,
    wrap: recipientWrapper({ env: world.env, dialogue: world.terminal() }),
    version,
    now: world.now,
    prove: (options.prove ?? []).map((key) => recipientNamed(key, repository)),
    progress: (step, finished, all, path) =>
      progress.show(`${step} ${finished} of ${all}${path === "" ? "" : `: ${printable(path)}`}`),
  }).finally(() => progress.clear())
  await report(outcome, repository, plan, options, world)
  return 0
}

function recipientNamed(key: string, { names }: Repository): string {
  const named = [...names.values()].find((candidate) => candidate.names.includes(key) || candidate.recipient === key)
  if (named === undefined)
    throw new WrongUsage(`no key of .sops.yaml is called ${printable(key)}`, { where: { option: "--prove" } })
  return named.recipient
}

async function confirmed(plan: RekeyPlan, options: Options, world: World): Promise<boolean> {
  if (options.confirm !== undefined) {
    if (options.confirm.length < 16 || !plan.hash.startsWith(options.confirm.toLowerCase()))
      throw new WrongUsage("the plan is not the one that --confirm names", {
        hint: "look at it again: ts-age-yk rekey --dry-run",
      })
    return true
  }
  if (options.yes === true) return true
  const terminal = world.terminal()
  if (terminal === null)
    throw new WrongUsage("nobody is there to confirm the plan", {
      hint: "take it with --yes, or with --confirm and its hash",
    })
  return (await terminal.confirm("carry out this plan?", "yes", "no")) === true
}

async function report(
  outcome: Outcome,
  repository: Repository,
  plan: RekeyPlan,
  options: Options,
  world: World,
): Promise<void> {
  const { proofs, refused } = outcome.verification
  const label = (recipient: string): string => keyLabel(recipient, repository.names)
  const removed = [...new Set(plan.files.flatMap(({ groups }) => groups.flatMap((group) => group.removed)))]
  if (options.json === true) {
    await world.out(
      `${JSON.stringify({ ceremony: outcome.ceremony, plan: plan.hash, replaced: outcome.replaced, seconds: outcome.seconds, proofs, refused: Object.fromEntries(refused), removed }, null, 2)}\n`,
    )
    return
  }
  const lines = [`${outcome.replaced} files replaced, verified, in ${outcome.seconds.toFixed(1)} s`]
  for (const { recipient, files, opened } of proofs)
    lines.push(
      opened > 0
        ? `  ${label(recipient)}: opened ${opened} of ${files}`
        : `  ${label(recipient)}: not proven (not at hand)`,
    )
  for (const [recipient, files] of refused)
    lines.push(`  ${label(recipient)}: removed, and shown to open none of ${files}`)
  lines.push(
    "",
    "what is left to you:",
    "  review: git diff",
    "  commit: git add -A && git commit",
    "  deploy, so that the hosts get the new files",
  )
  if (removed.length > 0)
    lines.push(
      `  then change the values themselves: ${removed.map(label).join(", ")} could read them until now, and can in git's history`,
    )
  await world.out(`${lines.join("\n")}\n`)
}

async function finish(wish: "resume" | "abort", world: World): Promise<number> {
  const root = await findRepository(".")
  const { now, files } = await finishHalfDone(root, wish)
  await world.out(
    now === "new"
      ? `all ${files} files are replaced\n`
      : `all ${files} files are as they were${wish === "resume" ? ": it had not come to replacing; run rekey again" : ""}\n`,
  )
  return 0
}

async function status(world: World): Promise<number> {
  const root = await findRepository(".")
  const journal = await readJournal(await recordFolder(root))
  if (journal === null) {
    await world.out("no ceremony stands half done\n")
    return 0
  }
  await world.out(
    `a rekey of ${journal.files.length} files stands half done (${journal.state}): ts-age-yk rekey resume, or rekey abort\n`,
  )
  return EXIT.halfDone
}

function planDocument(repository: Repository, plan: RekeyPlan, guards: readonly Guard[], forecast: Forecast): unknown {
  const label = (recipient: string): unknown => ({ name: keyLabel(recipient, repository.names), recipient })
  return {
    plan: plan.hash,
    words: planWords(plan.hash),
    config: plan.configSha256,
    files: plan.files.map(({ path, before, change, groups, threshold }) => ({
      path,
      before,
      change: change.kind,
      because: change.kind === "rotate" ? change.because : [],
      why: change.kind === "refuse" ? change.why.message : null,
      threshold,
      groups: groups.map(({ added, removed, kept }) => ({
        added: added.map(label),
        removed: removed.map(label),
        kept: kept.map(label),
      })),
    })),
    guards,
    forecast,
  }
}
