/** `ts-age-yk rotate`: a new data key for SOPS files, so that who had the old one reads nothing that comes after. */
import type { Command } from "commander"
import { printable } from "../../quote.ts"
import type { KeyGroup } from "../../sops/metadata.ts"
import { rotateFile } from "../../sops/rotate.ts"
import { openSession } from "../access.ts"
import { type MeantFile, meantFiles } from "../meant-files.ts"
import { collect, parseIndent } from "../options.ts"
import {
  type ChangeOptions,
  declareChange,
  keyWrapper,
  locate,
  openSopsFile,
  type ReadFile,
  readToChange,
  writeSopsFile,
} from "../sops-change.ts"
import { Configs, groupsOf } from "../sops-config.ts"
import type { World } from "../world.ts"

type Options = ChangeOptions &
  Readonly<{ config?: string; toConfig?: true; addAge?: string[]; rmAge?: string[]; indent?: number }>

export function define(command: Command, world: World, done: (status: number) => void): void {
  declareChange(command)
    .argument("<PATH...>", "encrypted files, changed in place; of a folder, all that are encrypted")
    .option("--to-config", "for the recipients of .sops.yaml, not those of the file")
    .option("--config <FILE>", "this .sops.yaml")
    .option("--add-age <RECIPIENT>", "one recipient more, in the first group (repeatable)", collect(String))
    .option("--rm-age <RECIPIENT>", "without this recipient (repeatable)", collect(String))
    .option("--indent <N>", "spaces a level of YAML and JSON, instead of the file's", parseIndent)
    .action(async (paths: string[], options: Options) => {
      const configs = new Configs(options, world)
      const files = await meantFiles(paths)
      await using session = await openSession(options, world)
      const wrap = keyWrapper(world)
      for (const meant of files) {
        const { path } = meant
        const read = await readToChange(path, options.inputType)
        const recipients = await recipientsFor(meant, read, options, configs)
        if (recipients === null) continue
        using open = await openSopsFile(read, options, session)
        await locate(path, async () => {
          await writeSopsFile(
            read,
            await rotateFile(read.bytes, read.file, open.documents, recipients, wrap, world.now(), options.indent),
            world,
          )
        })
        world.err(`${printable(path)}: new data key\n`)
      }
      done(0)
    })
}

/** @returns null for a file that is to be for the recipients of a rule, has none, and was not named */
async function recipientsFor(
  meant: MeantFile,
  { file }: ReadFile,
  options: Options,
  configs: Configs,
): Promise<{ groups: readonly KeyGroup[]; shamirThreshold: number } | null> {
  if (options.toConfig === true) {
    const found = await configs.ruleForMeant(meant)
    return found === null ? null : { groups: groupsOf(found.rule), shamirThreshold: found.rule.shamirThreshold }
  }
  const removed = new Set(options.rmAge ?? [])
  const groups = file.metadata.groups.map((group) =>
    group.filter((key) => key.type !== "age" || !removed.has(key.recipient)),
  )
  const [first = [], ...rest] = groups
  const added = (options.addAge ?? []).map((recipient) => ({ type: "age", recipient, enc: "" }) as const)
  return { groups: [[...first, ...added], ...rest], shamirThreshold: file.metadata.shamirThreshold }
}
