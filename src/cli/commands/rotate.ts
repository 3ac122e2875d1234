/** `ts-age-yk rotate`: a new data key for SOPS files, so that who had the old one reads nothing that comes after. */
import type { Command } from "commander"
import { Failure } from "../../failure.ts"
import type { UnlockSession } from "../../keyring/unlock-session.ts"
import { recipientFromText } from "../../plugin/realise.ts"
import { printable } from "../../quote.ts"
import { type KeyWrapper, requireWrappable } from "../../sops/data-key.ts"
import { KeyGroupEmpty } from "../../sops/failures.ts"
import type { KeyGroup } from "../../sops/metadata.ts"
import { rotateFile } from "../../sops/rotate.ts"
import type { Store } from "../../sops/stores/store.ts"
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
} from "../sops-change.ts"
import { Configs, groupsOf } from "../sops-config.ts"
import type { World } from "../world.ts"
import { Writes } from "../writes.ts"

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
      const rotation = new Rotation(options, world)
      const due: PlannedRotation[] = []
      for (const file of await meantFiles(paths)) {
        const planned = await rotation.plan(await readToChange(file.path, options.inputType), file)
        if (planned !== null) due.push(planned)
      }
      await using session = openSession(options, world)
      await using writes = new Writes("new data key", world)
      for (const planned of due) await writes.begin(planned.read, await rotation.carryOut(planned, session))
      await writes.end()
      done(0)
    })
}

/** A file, and whom it is to be for. */
type PlannedRotation = Readonly<{ read: ReadFile; store: Store; recipients: Recipients }>
type Recipients = Readonly<{ groups: readonly KeyGroup[]; shamirThreshold: number }>

/** Makes new data keys for files: what is wrong with the wish is told before anything is unlocked. */
export class Rotation {
  readonly #options: RotateOptions
  readonly #world: World
  readonly #configs: Configs
  readonly #wrap: KeyWrapper

  /** @throws WrongUsage */
  constructor(options: RotateOptions, world: World) {
    if (options.toConfig === true && (options.addAge ?? options.rmAge) !== undefined)
      throw new WrongUsage("--to-config takes the recipients of .sops.yaml, so --add-age and --rm-age have no place", {
        hint: "change .sops.yaml instead",
      })
    this.#options = options
    this.#world = world
    this.#configs = new Configs(options, world)
    this.#wrap = keyWrapper(world)
  }

  /**
   * @returns null for a file that is to be for the recipients of a rule, has none, and was not named
   * @throws NoRuleFits, KeyGroupEmpty, KeyTypeUnsupported, WrongUsage, with the file
   */
  async plan(read: ReadFile, meant: MeantFile): Promise<PlannedRotation | null> {
    const store = await outputStore(read, this.#options.outputType)
    return locate(read.path, async () => {
      const recipients = await this.#recipientsFor(read, meant)
      if (recipients === null) return null
      requireWrappable(recipients.groups, recipients.shamirThreshold)
      return { read, store, recipients }
    })
  }

  /** @returns the file as it is to be; nothing is written. @throws what opening and encrypting throw, with the file */
  async carryOut({ read, store, recipients }: PlannedRotation, session: UnlockSession): Promise<Uint8Array> {
    using open = await openSopsFile(read, this.#options, session)
    const layout = { store, indent: this.#options.indent }
    return await locate(read.path, () =>
      rotateFile(read.bytes, read.file, open.documents, recipients, this.#wrap, this.#world.now(), layout),
    )
  }

  async #recipientsFor({ path, file }: ReadFile, meant: MeantFile): Promise<Recipients | null> {
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
