/** `ts-age-yk rotate`: a new data key for SOPS files, so that who had the old one reads nothing that comes after. */
import type { Command } from "commander"
import { Failure } from "../../failure.ts"
import type { UnlockSession } from "../../keyring/unlock-session.ts"
import { recipientFromText } from "../../plugin/realise.ts"
import { printable } from "../../quote.ts"
import { KeyGroupEmpty } from "../../sops/failures.ts"
import type { KeyGroup } from "../../sops/metadata.ts"
import { rotateFile } from "../../sops/rotate.ts"
import { openSession } from "../access.ts"
import { WrongUsage } from "../failures.ts"
import { type MeantFile, meantFiles } from "../meant-files.ts"
import { collect } from "../options.ts"
import {
  type DocumentOptions,
  declareDocumentChange,
  keyWrapper,
  locate,
  openSopsFile,
  outputStore,
  type ReadFile,
  readToChange,
  writeSopsFile,
} from "../sops-change.ts"
import { Configs, groupsOf } from "../sops-config.ts"
import type { World } from "../world.ts"

export type RotateOptions = DocumentOptions &
  Readonly<{ config?: string; toConfig?: true; addAge?: string[]; rmAge?: string[] }>

export function define(command: Command, world: World, done: (status: number) => void): void {
  declareDocumentChange(command)
    .argument("<PATH...>", "encrypted files, changed in place; of a folder, all that are encrypted")
    .option("--to-config", "for the recipients of .sops.yaml, not those of the file")
    .option("--config <FILE>", "this .sops.yaml")
    .option("--add-age <RECIPIENT>", "one recipient more, in the first group (repeatable)", collect(String))
    .option("--rm-age <RECIPIENT>", "without this recipient (repeatable)", collect(String))
    .action(async (paths: string[], options: RotateOptions) => {
      const files = await meantFiles(paths)
      await using session = await openSession(options, world)
      const rotation = new Rotation(options, session, world)
      for (const meant of files) {
        const { path } = meant
        const read = await readToChange(path, options.inputType)
        const rotated = await rotation.rotate(read, meant)
        if (rotated === null) continue
        await writeSopsFile(read, rotated, world)
        world.err(`${printable(path)}: new data key\n`)
      }
      done(0)
    })
}

/** Makes new data keys for files that were read, all in one unlock. */
export class Rotation {
  readonly #options: RotateOptions
  readonly #session: UnlockSession
  readonly #world: World
  readonly #configs: Configs

  /** @throws WrongUsage */
  constructor(options: RotateOptions, session: UnlockSession, world: World) {
    if (options.toConfig === true && (options.addAge ?? options.rmAge) !== undefined)
      throw new WrongUsage("--to-config takes the recipients of .sops.yaml, so --add-age and --rm-age have no place", {
        hint: "change .sops.yaml instead",
      })
    this.#options = options
    this.#session = session
    this.#world = world
    this.#configs = new Configs(options, world)
  }

  /**
   * @returns the file as it is to be; null for one that is to be for the recipients of a rule, has none, and was not named. Nothing is written
   * @throws what opening and encrypting throw, with the file
   */
  async rotate(read: ReadFile, meant: MeantFile): Promise<Uint8Array | null> {
    const { indent, outputType } = this.#options
    const store = await outputStore(read, outputType)
    const recipients = await this.#recipientsFor(read, meant)
    if (recipients === null) return null
    using open = await openSopsFile(read, this.#options, this.#session)
    const wrap = keyWrapper(this.#world)
    const layout = { store, indent }
    return await locate(read.path, () =>
      rotateFile(read.bytes, read.file, open.documents, recipients, wrap, this.#world.now(), layout),
    )
  }

  async #recipientsFor(
    { path, file }: ReadFile,
    meant: MeantFile,
  ): Promise<{ groups: readonly KeyGroup[]; shamirThreshold: number } | null> {
    const { toConfig, rmAge = [], addAge = [] } = this.#options
    if (toConfig === true) {
      const found = await this.#configs.ruleForMeant(meant)
      return found === null ? null : { groups: groupsOf(found.rule), shamirThreshold: found.rule.shamirThreshold }
    }
    const { groups, shamirThreshold } = file.metadata
    const removed = new Set(rmAge.map((text) => this.#keyOf(text)))
    const present = groups.flat().flatMap((key) => (key.type === "age" ? [this.#keyOf(key.recipient)] : []))
    for (const recipient of rmAge) if (!present.includes(this.#keyOf(recipient))) this.#tellAbsent(recipient, path)
    const added = addAge.map((recipient) => ({ type: "age", recipient, enc: "" }) as const)
    const [first = [], ...rest] = groups
    // Who is to be removed goes, even who is added in the same run, as with sops.
    const wanted = [[...first, ...added], ...rest].map((group) =>
      group.filter((key) => key.type !== "age" || !removed.has(this.#keyOf(key.recipient))),
    )
    if (wanted.some((group) => group.length === 0) && rmAge.length > 0)
      throw new KeyGroupEmpty("nobody would be left who can open it, or one of its key groups", {
        where: { file: path },
        hint: "add somebody in the same run with --add-age",
      })
    return { groups: wanted, shamirThreshold }
  }

  /** What tells a key from others: of an SSH key, not the comment. What is no recipient is told by its text, so that it can be removed. */
  #keyOf(text: string): string {
    try {
      return recipientFromText(text, { env: this.#world.env, dialogue: null }).text
    } catch (failure) {
      if (failure instanceof Failure) return text
      throw failure
    }
  }

  /** Who believes that somebody lost access has to hear that nobody did. @throws RecipientInvalid for what is no recipient at all */
  #tellAbsent(recipient: string, path: string): void {
    recipientFromText(recipient, { env: this.#world.env, dialogue: this.#world.terminal() })
    this.#world.err(`ts-age-yk: warning: ${printable(path)} was not encrypted to ${printable(recipient)}\n`)
  }
}
