/** The story of `drill rekey`: the commands of a ceremony, run on a copy of a repository, with one thing that goes wrong. */
import { spawn } from "node:child_process"
import { readFile } from "node:fs/promises"
import { setTimeout as sleep } from "node:timers/promises"
import { recordFolder } from "../../ceremony/journal.ts"
import { changedFiles, planRekey } from "../../ceremony/plan.ts"
import { type Repository, readRepository } from "../../ceremony/repository.ts"
import { parseTranscript, readTranscript } from "../../ceremony/transcript.ts"
import { EXIT } from "../../failure.ts"
import { printable } from "../../quote.ts"
import { DrillFailed } from "../failures.ts"
import type { World } from "../world.ts"
import { type Narrator, narrator } from "./narrator.ts"
import { copyRepository, type RepositoryCopy } from "./repository-copy.ts"
import { drillPin } from "./scene.ts"

/** What may go wrong in a rehearsal. */
export const mishaps = ["unplug", "wrong-pin", "no-touch", "kill", "disk-full"] as const
export type Mishap = (typeof mishaps)[number]

/** What a key agreement takes on a YubiKey, and a hand that is ready, in milliseconds. */
const agreement = 100
const hand = 400

type Run = Readonly<{
  args: readonly string[]
  isPlan?: true
  /** What is set besides, for a mishap. */
  reader?: string
  pin?: string
  /** Files can grow no further than this, which is what a full disk is like. In blocks of `ulimit -f`. */
  fileLimit?: number
  killWhen?: () => Promise<boolean>
}>

/** `shown`: lines of the plan, which each command that begins with it would show again. */
type Rehearsal = Readonly<{ copy: RepositoryCopy; say: Narrator; world: World; program: string; shown: Set<string> }>

/**
 * Plays it.
 * @param repository - of the user; it is read only
 * @param program - the command line itself, as a file that node runs
 * @throws DrillFailed when a command does not do what the drill expects of it
 */
export async function playRekeyDrill(
  repository: Repository,
  { mishap, keep, program }: { mishap: Mishap | null; keep: boolean; program: string },
  world: World,
): Promise<void> {
  const say = narrator(world)
  const copy = await copyRepository(repository, world.now())
  try {
    await tellCopy(copy, say)
    const rehearsal: Rehearsal = { copy, say, world, program, shown: new Set() }
    const rotate = changedFiles(planRekey(await readRepository(copy.root), { rotateAll: false })).length === 0
    const args = [...(rotate ? ["--rotate"] : []), "--yes", "--override", "not-attested=a drill"]
    await say.step("The plan")
    if (rotate) await say.result("nothing is pending in .sops.yaml, so the drill gives every file a new data key", "")
    await expect(rehearsal, { args: ["rekey", "--dry-run", ...(rotate ? ["--rotate"] : [])], isPlan: true }, [
      EXIT.changesDue,
    ])
    if (mishap !== null) await playMishap(mishap, rehearsal, ["rekey", ...args])
    await say.step(mishap === null ? "The ceremony" : "The ceremony, once more")
    await ceremony(rehearsal, ["rekey", ...args])
    await say.step("What there is to show")
    await expect(rehearsal, { args: ["rekey", "--dry-run"] }, [0])
    await expect(rehearsal, { args: ["transcript", "verify"] }, [0])
    await tellTime(copy, say)
  } finally {
    if (keep) await say.paragraph(`The copy stays in ${copy.home}.`)
    else await copy.remove()
  }
}

async function tellCopy({ files, cards, leftOut }: RepositoryCopy, say: Narrator): Promise<void> {
  await say.paragraph("A rehearsal, on a copy: its files and rules, dummies for values, throw-away keys for keys.")
  await say.step("The copy")
  const names = cards.map(({ name, serial }) => `${printable(name)} (virtual YubiKey ${serial})`)
  await say.result(
    `${files} files; ${names.length === 0 ? "no recipient is a YubiKey, so software keys open them" : names.join(", ")}`,
    ...(leftOut.length === 0 ? [] : [`left out, not encrypted or broken: ${leftOut.map(printable).join(", ")}`]),
  )
}

/** The ceremony itself: nothing to do when it was finished after the mishap. */
async function ceremony(rehearsal: Rehearsal, args: readonly string[]): Promise<void> {
  const plan = planRekey(await readRepository(rehearsal.copy.root), { rotateAll: false })
  const done = (await readTranscript(rehearsal.copy.root)).length > 0 && changedFiles(plan).length === 0
  if (done) await rehearsal.say.result("it was finished by then: nothing is left to do")
  else await expect(rehearsal, { args }, [0])
}

async function playMishap(mishap: Mishap, rehearsal: Rehearsal, args: readonly string[]): Promise<void> {
  const { say, copy } = rehearsal
  const before = await stateOf(rehearsal)
  const needsCard = mishap === "unplug" || mishap === "wrong-pin" || mishap === "no-touch"
  if (needsCard && copy.cards.length === 0)
    throw new DrillFailed(`--with ${mishap} wants a file with a YubiKey as a recipient`)
  switch (mishap) {
    case "unplug":
      await say.step("The YubiKey is pulled out")
      await expect(rehearsal, { args, reader: "fault=removed@5" }, [EXIT.card])
      await say.result("no file was touched. Plug it in, and run the same command again.")
      break
    case "wrong-pin":
      await say.step("The PIN is wrong")
      await expect(rehearsal, { args, pin: "654321" }, [EXIT.pin])
      await say.result("one try is spent, no more, and no file was touched. Run the same command again.")
      break
    case "no-touch":
      await say.step("Nobody touches the YubiKey")
      await expect(rehearsal, { args, reader: "touch=never" }, [EXIT.pin])
      await say.result("the YubiKey gave up after 15 seconds, and no file was touched. Run the same command again.")
      break
    case "disk-full":
      await say.step("The disk is full")
      await expect(rehearsal, { args, fileLimit: 1 }, [EXIT.failed])
      await say.result("no file was touched. Make room, and run the same command again.")
      break
    case "kill": {
      await say.step("The machine dies in the middle")
      const folder = await recordFolder(copy.root)
      const journal = (): Promise<boolean> =>
        readFile(`${folder}/journal.json`).then(
          () => true,
          () => false,
        )
      await expect(rehearsal, { args, killWhen: journal }, ["killed"])
      await expect(rehearsal, { args: ["rekey", "status"] }, [EXIT.halfDone])
      await expect(rehearsal, { args: ["rekey", "resume"] }, [0])
      return
    }
  }
  if ((await stateOf(rehearsal)) !== before) throw new DrillFailed("files were changed, although the ceremony failed")
}

async function stateOf({ copy }: Rehearsal): Promise<string> {
  return (await readRepository(copy.root)).files.map(({ path, sha256 }) => `${path} ${sha256}`).join("\n")
}

/** Runs a command of ours as a process of its own, shows it and what it says, and checks how it ended. */
async function expect(rehearsal: Rehearsal, run: Run, wanted: readonly (number | "killed")[]): Promise<void> {
  const { say, copy, world, program, shown } = rehearsal
  await say.command(`ts-age-yk ${run.args.map((arg) => (arg.includes(" ") ? `'${arg}'` : arg)).join(" ")}`)
  const readers = copy.cards.map(
    ({ file }) => `virtual:${file}?${run.reader ?? `touch=${hand}`}&ecdh-delay=${agreement}`,
  )
  const command = [process.execPath, program, ...run.args]
  const [first = "", ...rest] =
    run.fileLimit === undefined ? command : ["/bin/sh", "-c", `ulimit -f ${run.fileLimit}; exec "$@"`, "sh", ...command]
  const child = spawn(first, rest, {
    cwd: copy.root,
    // A home of its own: what opens the user's files must not be looked for, or used.
    env: {
      PATH: world.env["PATH"],
      TERM: world.env["TERM"],
      HOME: copy.home,
      GIT_CONFIG_NOSYSTEM: "1",
      TS_AGE_YK_PIN_COMMAND: `echo ${run.pin ?? drillPin}`,
      ...(readers.length === 0 ? {} : { TS_AGE_YK_READER: readers.join(",") }),
      ...(copy.keyFile === null ? {} : { SOPS_AGE_KEY_FILE: copy.keyFile }),
    },
    stdio: ["ignore", "pipe", "pipe"],
  })
  let told = Promise.resolve()
  let unfinished = ""
  const tell = (text: string): void => {
    const lines = (unfinished + text).split("\n")
    unfinished = lines.pop() ?? ""
    const fresh = lines.map((line) => line.replaceAll(copy.home, "…")).filter((line) => !shown.has(line))
    if (run.isPlan === true) for (const line of fresh) shown.add(line)
    told = told.then(() => say.result(...fresh))
  }
  child.stdout.setEncoding("utf8").on("data", tell)
  child.stderr.setEncoding("utf8").on("data", tell)
  let killed = false
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject)
    child.once("close", (status) => resolve(status))
  })
  if (run.killWhen !== undefined)
    while (child.exitCode === null && !killed) {
      await sleep(2)
      if (await run.killWhen()) killed = child.kill("SIGKILL")
    }
  const status = await ended
  await told
  const outcome = killed && status === null ? "killed" : (status ?? EXIT.failed)
  if (outcome === "killed") await say.result("killed")
  if (!wanted.includes(outcome))
    throw new DrillFailed(`ts-age-yk ${run.args.join(" ")} ended with ${outcome}, and not with ${wanted.join(" or ")}`)
}

/** How long the real one takes: what the cards took here, where they are as slow as real ones. */
async function tellTime(copy: RepositoryCopy, say: Narrator): Promise<void> {
  const record = parseTranscript(await readTranscript(copy.root)).findLast(({ event }) => event === "rekey")
  const fact = record?.["fact"]
  const seconds = typeof fact === "object" && fact !== null && "seconds" in fact ? Number(fact.seconds) : Number.NaN
  await say.paragraph(
    `The real one takes about ${Math.max(1, Math.ceil(seconds))} s, and the time that your hands take: the virtual YubiKeys are as slow as real ones.`,
    "Your own repository is as it was.",
  )
}
