/** `ts-age-yk rekey`: the ceremony, from plan to transcript. */
import { Command } from "commander"
import { readJournal, recordFolder } from "../../ceremony/journal.ts"
import { readLedger } from "../../ceremony/ledger.ts"
import { finishHalfDone } from "../../ceremony/rekey.ts"
import { findRepository, readRepository } from "../../ceremony/repository.ts"
import { EXIT } from "../../failure.ts"
import { exposureSummary } from "../audit-text.ts"
import { declareRekey, type RekeyOptions, rekeyRepository } from "../ceremony.ts"
import type { World } from "../world.ts"

export function define(command: Command, world: World, done: (status: number) => void): void {
  declareRekey(command)
    .argument("[PATH...]", "only these files and folders; all under the rules of .sops.yaml unless given")
    .option("--rotate", "a new data key for every file, not only where a recipient goes")
    .action(async (paths: string[], options: RekeyOptions) => {
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
    new Command("status")
      .description("whether a ceremony stands half done, and what removed keys could read")
      .action(async () => {
        done(await status(world))
      }),
  )
}

async function run(paths: readonly string[], options: RekeyOptions, world: World): Promise<number> {
  return rekeyRepository(await readRepository(".", paths), options, world, null)
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
    const repository = await readRepository(".")
    const ledger = await readLedger(repository)
    const exposure = ledger === null ? "" : exposureSummary(ledger, ledger.names)
    await world.out(`no ceremony stands half done\n${exposure}`)
    return 0
  }
  await world.out(
    `a rekey of ${journal.files.length} files stands half done (${journal.state}): ts-age-yk rekey resume, or rekey abort\n`,
  )
  return EXIT.halfDone
}
