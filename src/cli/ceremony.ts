/** A ceremony as people meet it: the plan is shown, taken, carried out with its progress, and what came of it is told. */
import { type Command, InvalidArgumentError } from "commander"
import { attestedEvents, attestedRecipients } from "../ceremony/attestation-evidence.ts"
import { guardNames } from "../ceremony/guards.ts"
import { keyLabel, keyNamed } from "../ceremony/key-names.ts"
import { changedFiles, leaving, type RekeyPlan } from "../ceremony/plan.ts"
import { planDocument } from "../ceremony/plan-document.ts"
import { planText } from "../ceremony/plan-text.ts"
import { prepareRekey } from "../ceremony/prepare.ts"
import {
  type Alongside,
  type Outcome,
  type Override,
  rekey,
  requireGuards,
  requireNothingHalfDone,
} from "../ceremony/rekey.ts"
import type { Repository } from "../ceremony/repository.ts"
import { type RunbookFacts, runbookMarkdown, runbookText } from "../ceremony/runbook.ts"
import type { TranscriptEvent } from "../ceremony/transcript.ts"
import { counted } from "../counted.ts"
import { EXIT } from "../failure.ts"
import type { UnlockSession } from "../keyring/unlock-session.ts"
import { printable } from "../quote.ts"
import { replaceFile } from "../replace-file.ts"
import { recipientWrapper } from "../sops/recipient-wrapper.ts"
import { version } from "../version.ts"
import { openAttendedSession } from "./access.ts"
import { trustedEvidence } from "./evidence.ts"
import { WrongUsage } from "./failures.ts"
import { collect, declareIdentities, type IdentityOptions } from "./options.ts"
import { progressLine } from "./progress.ts"
import type { World } from "./world.ts"

/** What a rekey takes, whoever asks for it. */
export type RekeyOptions = IdentityOptions &
  Readonly<{
    dryRun?: true
    rotate?: true
    yes?: true
    confirm?: string
    override?: Override[]
    prove?: string[]
    attestationRoot?: string[]
    runbook?: string
    json?: true
  }>

/** What a ceremony is held for, where that is more than making the files fit. */
export type Occasion = Readonly<{
  /** What is shown before the plan, and with it as JSON. */
  text: string
  document: unknown
  /** Files that are replaced together with the secrets. */
  alongside: readonly Alongside[]
  /** Lets those who join prove themselves, once the plan was taken; gives what goes into the record. */
  begin: (session: UnlockSession) => Promise<TranscriptEvent[]>
}>

function parseOverride(text: string): Override {
  const match = /^([a-z-]+)=(.+)$/s.exec(text)
  const guard = guardNames.find((name) => name === match?.[1])
  if (guard === undefined || match?.[2] === undefined)
    throw new InvalidArgumentError(`expected GUARD=REASON; guards are ${guardNames.join(", ")}`)
  return { guard, reason: match[2] }
}

/** The options of whatever ends in a ceremony. */
export function declareRekey(command: Command): Command {
  return declareIdentities(command)
    .option("--dry-run", "show the plan, and exit 3 when there is something to change; needs no key")
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
    .option(
      "--attestation-root <PEM>",
      "trust attestations by this root instead of Yubico's (repeatable)",
      collect(String),
    )
    .option("--runbook <FILE>", "write what is left to do to FILE, as Markdown")
    .option("--json", "one JSON document")
}

/**
 * Shows the plan for a repository and, when it is taken, carries it out.
 * @param occasion - what it is held for; null when the files are only to fit `.sops.yaml` as it stands
 * @returns the exit status
 */
export async function rekeyRepository(
  repository: Repository,
  options: RekeyOptions,
  world: World,
  occasion: Occasion | null,
): Promise<number> {
  await requireNothingHalfDone(repository.root)
  for (const { line, text } of repository.config.warnings)
    world.err(`ts-age-yk: warning: .sops.yaml, line ${line}: ${text}\n`)
  const evidence = await trustedEvidence(repository, options, world)
  const attended = openAttendedSession(options, world)
  await using session = attended.session
  const wish = { rotateAll: options.rotate === true }
  const prepared = await prepareRekey(repository, session, wish, attestedRecipients(evidence))
  const { plan } = prepared
  const due = changedFiles(plan).length > 0 || occasion !== null
  if (options.dryRun === true) {
    if (options.json === true)
      await world.out(
        `${JSON.stringify({ ...planDocument(prepared), ...(occasion === null ? {} : { occasion: occasion.document }) }, null, 2)}\n`,
      )
    else await world.out(`${occasion?.text ?? ""}${planText(prepared)}`)
    return due ? EXIT.changesDue : 0
  }
  if (options.json !== true) world.err(`${occasion?.text ?? ""}${planText(prepared)}`)
  if (!due) return 0
  const overrides = options.override ?? []
  requireGuards(prepared.guards, overrides)
  if (!(await confirmed(plan, options, world))) return EXIT.failed
  const events = (await occasion?.begin(session)) ?? []
  const progress = progressLine(world)
  const outcome = await rekey({
    ...prepared,
    overrides,
    session,
    tallies: () => attended.attendant.tallies,
    wrap: recipientWrapper({ env: world.env, dialogue: world.terminal() }),
    version,
    now: world.now,
    prove: (options.prove ?? []).map((key) => recipientNamed(key, repository)),
    occasion: [...events, ...attestedEvents(evidence, plan, repository.names)],
    alongside: occasion?.alongside ?? [],
    progress: (step, finished, all, path) =>
      progress.show(`${step} ${finished} of ${all}${path === "" ? "" : `: ${printable(path)}`}`),
  }).finally(() => progress.clear())
  await report(outcome, repository, plan, occasion?.alongside ?? [], options, world)
  return 0
}

function recipientNamed(key: string, { names }: Repository): string {
  const named = keyNamed(key, names)
  if (named === undefined)
    throw new WrongUsage(`no key of .sops.yaml is called ${printable(key)}`, {
      where: { option: "--prove" },
      hint: "ts-age-yk key list shows their names",
    })
  return named.recipient
}

async function confirmed(plan: RekeyPlan, options: RekeyOptions, world: World): Promise<boolean> {
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
  alongside: readonly Alongside[],
  options: RekeyOptions,
  world: World,
): Promise<void> {
  const { proofs, refused } = outcome.verification
  const label = (recipient: string): string => keyLabel(recipient, repository.names)
  const removed = [...new Set(plan.files.flatMap(leaving))]
  const facts: RunbookFacts = {
    ceremony: outcome.ceremony,
    replaced: outcome.replaced,
    removed: removed.map(label),
    notProven: proofs.filter(({ opened }) => opened === 0).map(({ recipient }) => label(recipient)),
    git: repository.git !== null,
  }
  if (options.runbook !== undefined) await replaceFile(options.runbook, Buffer.from(runbookMarkdown(facts)), 0o644)
  if (options.json === true) {
    await world.out(
      `${JSON.stringify({ ceremony: outcome.ceremony, plan: plan.hash, replaced: outcome.replaced, seconds: outcome.seconds, proofs, refused: Object.fromEntries(refused), removed }, null, 2)}\n`,
    )
    return
  }
  const lines = [
    ...alongside.map(({ path }) => `${path} changed`),
    `${counted(outcome.replaced, "file")} replaced, verified, in ${outcome.seconds.toFixed(1)} s`,
  ]
  for (const { recipient, files, opened } of proofs)
    lines.push(
      opened > 0
        ? `  ${label(recipient)}: opened ${opened} of ${files}`
        : `  ${label(recipient)}: not proven (not at hand)`,
    )
  for (const [recipient, files] of refused)
    lines.push(`  ${label(recipient)}: removed, and shown to open none of ${files}`)
  await world.out(`${lines.join("\n")}\n\n${runbookText(facts)}`)
}
