/** `encrypt` without `--age`: a SOPS file, for the recipients of `.sops.yaml` or of the command line. */
import type { Command } from "commander"
import { replaceFile } from "../replace-file.ts"
import { readableSelection } from "../sops/config.ts"
import { type EncryptionWish, encryptNew } from "../sops/encrypt.ts"
import { NoRuleFits } from "../sops/failures.ts"
import { formatOfName, storeOf } from "../sops/format.ts"
import type { KeyGroup } from "../sops/metadata.ts"
import { type Selection, selectionRules } from "../sops/selection.ts"
import { WrongUsage } from "./failures.ts"
import { readInput } from "./input.ts"
import { requireInside } from "./inside.ts"
import { parseIndent, parseNumber } from "./options.ts"
import { once, writeOutput } from "./output.ts"
import { gatherRecipients, type RecipientOptions } from "./recipients.ts"
import { keyWrapper, locate } from "./sops-change.ts"
import { Configs, type FoundRule, groupsOf, layoutOf } from "./sops-config.ts"
import { parseFormat } from "./sops-file.ts"
import { staysAsItIs } from "./unchanged.ts"
import type { World } from "./world.ts"

/** The six rules as options: `--unencrypted-suffix` is `unencryptedSuffix`. */
type RuleOptions = Partial<
  Record<
    | "unencryptedSuffix"
    | "encryptedSuffix"
    | "unencryptedRegex"
    | "encryptedRegex"
    | "unencryptedCommentRegex"
    | "encryptedCommentRegex",
    string | undefined
  >
>

/** What options say of a new file, whatever it holds. */
export type WishOptions = RecipientOptions &
  RuleOptions &
  Readonly<{ config?: string; macOnlyEncrypted?: true; shamirSecretSharingThreshold?: number }>

export type SopsEncryptOptions = WishOptions &
  Readonly<{
    output?: string
    inPlace?: true
    inputType?: string
    outputType?: string
    indent?: number
    filenameOverride?: string
  }>

export function declareSopsEncrypt(command: Command): Command {
  command
    .option("--in-place", "replace FILE by its encrypted form")
    .option("--input-type <TYPE>", "yaml, json, dotenv, ini or binary, where the name misleads")
    .option("--output-type <TYPE>", "the format of the encrypted file, where it is to be another")
    .option("--config <FILE>", "this .sops.yaml")
    .option("--indent <N>", "spaces a level of YAML and JSON, instead of the rule's; -1 is JSON's tab", parseIndent)
    .option("--filename-override <NAME>", "find the rule and the format as for this name")
    .option("--mac-only-encrypted", "let the MAC cover encrypted values only")
    .option("--shamir-secret-sharing-threshold <N>", "so many key groups are needed", parseNumber)
  for (const rule of selectionRules)
    command.option(`--${rule.replaceAll("_", "-")} <TEXT>`, `${rule} instead of the rule's`)
  return command
}

/**
 * @param path - undefined for standard input
 * @throws NoRuleFits, WrongUsage, AlreadyEncrypted, and what reading and wrapping throw
 */
export async function encryptSops(path: string | undefined, options: SopsEncryptOptions, world: World): Promise<void> {
  const name = options.filenameOverride ?? path
  const inputFormat =
    parseFormat(options.inputType, "--input-type") ?? (name === undefined ? undefined : formatOfName(name))
  if (inputFormat === undefined)
    throw new WrongUsage("standard input has no name to tell its format by", {
      hint: "give --filename-override or --input-type",
    })
  if (options.inPlace === true && (path === undefined || options.output !== undefined))
    throw new WrongUsage("--in-place wants a FILE, and no --output")
  const target = options.inPlace === true ? path : undefined
  if (target !== undefined) requireInside(target)
  const input = await storeOf(inputFormat)
  const store = await storeOf(parseFormat(options.outputType, "--output-type") ?? inputFormat)
  const { wish, found } = await wishFor(name, options, world)
  const check = target === undefined ? undefined : staysAsItIs(target)
  const plain = await readInput(path, world)
  const encrypted = await locate(path ?? "standard input", async () => {
    const layout = layoutOf(found, store.format, options.indent)
    return encryptNew(input.parse(plain), { store, input, layout }, wish, keyWrapper(world), world.now())
  })
  if (target !== undefined) await replaceFile(target, encrypted, undefined, check)
  else await writeOutput(once(encrypted), options.output, world, 0o666)
}

/** Who names recipients needs no rule; one that fits still says what is encrypted. */
async function ruleUnlessNamed(
  name: string | undefined,
  options: WishOptions,
  world: World,
): Promise<FoundRule | null> {
  if (name === undefined) return null
  try {
    return await new Configs(options, world).ruleFor(name)
  } catch (failure) {
    const named = (options.recipient ?? []).length + (options.recipientsFile ?? []).length > 0
    if (named && failure instanceof NoRuleFits) return null
    throw failure
  }
}

/**
 * What a new file is to be: as the rule for its name has it, but for what the command line has.
 * @param name - undefined where there is none to find a rule by
 * @throws NoRuleFits, WrongUsage, RecipientInvalid, and what reading the configuration throws
 */
export async function wishFor(
  name: string | undefined,
  options: WishOptions,
  world: World,
): Promise<{ wish: EncryptionWish; found: FoundRule | null }> {
  const found = await ruleUnlessNamed(name, options, world)
  const recipients = await gatherRecipients(options, world)
  // Those of -r come first. They stay as they are given, with an SSH key's comment: sops compares them with .sops.yaml as texts.
  const given = (options.recipient ?? []).map((text) => text.trim())
  const own = recipients.map(({ text }, index) => ({ type: "age", recipient: given[index] ?? text, enc: "" }) as const)
  const groups: KeyGroup[] | undefined = own.length > 0 ? [own] : found === null ? undefined : groupsOf(found.rule)
  if (groups === undefined) throw new NoRuleFits(name ?? "standard input", null)
  const wish = {
    groups,
    shamirThreshold: options.shamirSecretSharingThreshold ?? found?.rule.shamirThreshold ?? 0,
    selection: selectionOf(options) ?? (found && (await locate(found.path, () => readableSelection(found.rule)))),
    macOnlyEncrypted: options.macOnlyEncrypted ?? found?.rule.macOnlyEncrypted ?? false,
  }
  return { wish, found }
}

function selectionOf(options: RuleOptions): Selection | null {
  const given: Selection[] = []
  const names = {
    unencrypted_suffix: options.unencryptedSuffix,
    encrypted_suffix: options.encryptedSuffix,
    unencrypted_regex: options.unencryptedRegex,
    encrypted_regex: options.encryptedRegex,
    unencrypted_comment_regex: options.unencryptedCommentRegex,
    encrypted_comment_regex: options.encryptedCommentRegex,
  }
  for (const rule of selectionRules) {
    const text = names[rule]
    if (text !== undefined && text !== "") given.push({ rule, text })
  }
  if (given.length > 1)
    throw new WrongUsage(
      `${given.map(({ rule }) => `--${rule.replaceAll("_", "-")}`).join(" and ")} cannot be used together`,
    )
  return given[0] ?? null
}
