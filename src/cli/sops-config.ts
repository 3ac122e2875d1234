/** Which rule of which `.sops.yaml` is for a file. */
import { access } from "node:fs/promises"
import { dirname, resolve, sep } from "node:path"
import { printable, quote } from "../quote.ts"
import { readBytes } from "../read-file.ts"
import { ReadFailed } from "../replace-file.ts"
import { type CreationRule, parseConfig, ruleFor, type SopsConfig } from "../sops/config.ts"
import { unwrappedGroups } from "../sops/config-keys.ts"
import { ConfigInvalid, NoRuleFits } from "../sops/failures.ts"
import { type FoundConfig, findConfig } from "../sops/find-config.ts"
import type { KeyGroup } from "../sops/metadata.ts"
import type { Format, Layout } from "../sops/stores/store.ts"
import type { MeantFile } from "./meant-files.ts"
import { locate } from "./sops-change.ts"
import { workingFolder } from "./working-folder.ts"
import type { World } from "./world.ts"

export type ConfigOptions = Readonly<{ config?: string }>

export type FoundRule = Readonly<{ rule: CreationRule; config: SopsConfig; path: string }>

/** Reads each configuration once a run, and warns of what is odd in it once. */
export class Configs {
  readonly #world: World
  readonly #here: string
  readonly #given: string | undefined
  readonly #read = new Map<string, Promise<SopsConfig>>()
  readonly #found = new Map<string, Promise<FoundConfig>>()
  readonly #told = new Set<string>()

  constructor(options: ConfigOptions, world: World) {
    this.#world = world
    this.#here = workingFolder(world)
    const given = options.config ?? world.env["SOPS_CONFIG"] ?? ""
    this.#given = given === "" ? undefined : resolve(this.#here, given)
  }

  /**
   * The rule for a file.
   * @returns null when there is no configuration, or none with rules
   * @throws NoRuleFits, ConfigInvalid, SelectionInvalid, SyntaxInvalid, ReadFailed
   */
  async ruleFor(file: string): Promise<FoundRule | null> {
    const path = this.#given ?? (await this.#find(resolve(this.#here, file)))
    if (path === null) return null
    const config = await this.#load(path)
    if (config.rules === null) return null
    const rule = await locate(path, () => ruleFor(config, resolve(this.#here, file), dirname(path), sep))
    if (rule === null) throw new NoRuleFits(file, path)
    return { rule, config, path }
  }

  /** The indentation that the configuration which was named wants for a format. @throws ConfigInvalid, SyntaxInvalid, ReadFailed */
  async indentOf(format: Format): Promise<number | undefined> {
    if (this.#given === undefined) return undefined
    const { indents }: { indents: Partial<Record<Format, number>> } = await this.#load(this.#given)
    return indents[format]
  }

  /** The same where nothing can be done without a rule. @throws NoRuleFits */
  async requireRule(file: string): Promise<FoundRule> {
    const found = await this.ruleFor(file)
    if (found === null) throw new NoRuleFits(file, null)
    return found
  }

  /**
   * The same for a file that a folder may have brought along: then it is left out, with a warning, where no rule fits.
   * @returns null for such a file
   * @throws NoRuleFits for a file that was named
   */
  async ruleForMeant({ path, named }: MeantFile): Promise<FoundRule | null> {
    try {
      return await this.requireRule(path)
    } catch (failure) {
      if (named || !(failure instanceof NoRuleFits)) throw failure
      this.#warn(`${printable(path)}: no creation rule is for it; it stays as it is`)
      return null
    }
  }

  /** From the file's folder upward; sops starts from the working folder, and where that makes a difference it is said. */
  async #find(file: string): Promise<string | null> {
    const near = await this.#findFrom(dirname(file))
    const here = await this.#findFrom(this.#here)
    if (near.ignored !== null) this.#warn(`${printable(near.ignored)} is not read: the name must be .sops.yaml`)
    const path = near.path ?? here.path
    if (path !== null && here.path !== null && path !== here.path)
      this.#warn(`using ${printable(path)}; sops, run in this folder, would use ${printable(here.path)}`)
    return path
  }

  #findFrom(folder: string): Promise<FoundConfig> {
    const known = this.#found.get(folder) ?? findConfig(folder, exists)
    this.#found.set(folder, known)
    return known
  }

  #load(path: string): Promise<SopsConfig> {
    const known = this.#read.get(path) ?? this.#readFile(path)
    this.#read.set(path, known)
    return known
  }

  async #readFile(path: string): Promise<SopsConfig> {
    const bytes = readBytes(path)
    const config = await locate(path, () => parseConfig(bytes))
    for (const { line, text } of config.warnings) this.#warn(`${printable(path)}, line ${line}: ${text}`)
    return config
  }

  #warn(text: string): void {
    if (this.#told.has(text)) return
    this.#told.add(text)
    this.#world.err(`ts-age-yk: warning: ${text}\n`)
  }
}

/** Whether there is something at a path. */
export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}

/** A rule's keys as the groups of a file that is still to be wrapped for them. */
export function groupsOf(rule: CreationRule): KeyGroup[] {
  return unwrappedGroups(rule.groups)
}

/**
 * The text that the rule has new files begin as, as it stands in its file.
 * @returns null where the rule names none
 * @throws ConfigInvalid when it cannot be read
 */
export function templateOf({ rule, path }: FoundRule): Uint8Array | null {
  const { index, line, template } = rule
  if (template === "") return null
  try {
    return readBytes(resolve(dirname(path), template))
  } catch (cause) {
    if (!(cause instanceof ReadFailed)) throw cause
    throw new ConfigInvalid(`the template ${quote(template)} ${cause.message}`, {
      where: { file: path, line, option: `creation_rules[${index}].template` },
      hint: "its path is from the folder of .sops.yaml",
      cause,
    })
  }
}

/** The indentation that was asked for, or else that a configuration wants for a format. */
export function layoutOf(found: FoundRule | null, format: Format, asked: number | undefined): Layout {
  const indents: Partial<Record<Format, number>> = found?.config.indents ?? {}
  return { indent: asked ?? indents[format] }
}
