/**
 * `.sops.yaml`: for whom files are encrypted, by their paths. [sops] config/config.go. What sops passes over in silence, unknown
 * and misspelt keys, is warned about here.
 */
import { type ConfigKey, readKeyGroups } from "./config-keys.ts"
import { ConfigReader, type ConfigWarning, invalid } from "./config-reader.ts"
import { compileRegex, type Selection, selectionRules } from "./selection.ts"
import { decodeYaml } from "./yaml/cursor.ts"
import type { YamlNode } from "./yaml/node.ts"
import { parseYaml } from "./yaml/parser.ts"
import { type Field, follow, isNull } from "./yaml/view.ts"

export type CreationRule = Readonly<{
  /** Place of the rule in `creation_rules`, and its line. */
  index: number
  line: number
  /** "" fits every path. */
  pathRegex: string
  groups: readonly (readonly ConfigKey[])[]
  /** 0 where the rule says nothing. */
  shamirThreshold: number
  /** Null where the rule says nothing. */
  selection: Selection | null
  macOnlyEncrypted: boolean
  /** What a new file begins as: the path of a plain file, from the configuration's folder; "" where the rule says nothing. Ours: sops passes it over. */
  template: string
}>

/** Spaces a level; undefined where the file says nothing. */
export type StoreIndents = Readonly<{ yaml?: number; json?: number; binary?: number }>

export type SopsConfig = Readonly<{
  /** Null when there is no `creation_rules`: to sops, the file then is not there. */
  rules: readonly CreationRule[] | null
  indents: StoreIndents
  warnings: readonly ConfigWarning[]
}>

const topKeys = ["creation_rules", "destination_rules", "stores"]
const flatKeyTypes = ["age", "pgp", "kms", "gcp_kms", "hckms", "azure_keyvault", "hc_vault_transit_uri"] as const
const ruleKeys = [
  "path_regex",
  ...flatKeyTypes,
  "aws_profile",
  "key_groups",
  "shamir_threshold",
  ...selectionRules,
  "mac_only_encrypted",
  "template",
]

/**
 * Reads a configuration. Recipients are not judged here.
 * @param bytes - UTF-8, or UTF-16 with a byte-order mark
 * @throws SyntaxInvalid, ConfigInvalid with the line
 */
export function parseConfig(bytes: Uint8Array): SopsConfig {
  const [document] = parseYaml(decodeYaml(bytes))
  if (document === undefined || isNull(document.root)) return { rules: null, indents: {}, warnings: [] }
  const reader = new ConfigReader()
  const fields = reader.fields(document.root, "the configuration", [...topKeys], isParkingPlace)
  const rules = fields.get("creation_rules")
  const stores = fields.get("stores")
  return {
    rules:
      rules === undefined || isNull(rules.value)
        ? null
        : // go-yaml passes over items that are null.
          reader.items(rules).flatMap((node, index) => (isNull(follow(node)) ? [] : [readRule(node, index, reader)])),
    indents: stores === undefined ? {} : readIndents(stores, reader),
    warnings: reader.warnings,
  }
}

/** Top-level keys where people keep their anchors, which mean nothing to sops either. */
function isParkingPlace(key: string): boolean {
  return key === "keys" || /^[x._]/.test(key)
}

function readRule(node: YamlNode, index: number, reader: ConfigReader): CreationRule {
  const line = node.textLine
  const fields = reader.fields(node, `creation_rules[${index}]`, ruleKeys)
  const selections = selectionRules.filter((rule) => reader.text(fields.get(rule)) !== "")
  if (selections.length > 1) throw invalid(`${selections.join(" and ")} cannot be used together`, line)
  const [rule] = selections
  return {
    index,
    line,
    pathRegex: reader.text(fields.get("path_regex")),
    groups: readKeyGroups(fields, reader),
    shamirThreshold: reader.number(fields.get("shamir_threshold")),
    selection: rule === undefined ? null : { rule, text: reader.text(fields.get(rule)) },
    macOnlyEncrypted: reader.boolean(fields.get("mac_only_encrypted")),
    template: reader.text(fields.get("template")),
  }
}

function readIndents(field: Field, reader: ConfigReader): StoreIndents {
  if (isNull(follow(field.value))) return {}
  const stores = reader.fields(field.value, "stores", ["dotenv", "ini", "json_binary", "json", "yaml"])
  const indent = (name: string): number | undefined => {
    const store = stores.get(name)
    if (store === undefined || isNull(follow(store.value))) return undefined
    const given = reader.fields(store.value, `stores.${name}`, ["indent"]).get("indent")
    return given === undefined ? undefined : reader.number(given)
  }
  const [yaml, json, binary] = [indent("yaml"), indent("json"), indent("json_binary")]
  return {
    // To sops, 0 is its default for YAML.
    ...(yaml === undefined || yaml === 0 ? {} : { yaml }),
    ...(json === undefined ? {} : { json }),
    ...(binary === undefined ? {} : { binary }),
  }
}

/** A repository has many files and few rules. */
const compiled = new WeakMap<CreationRule, (path: string) => boolean>()

function compilePath({ index, line, pathRegex }: CreationRule): Promise<(path: string) => boolean> {
  return compileRegex(pathRegex, { where: { line, option: `creation_rules[${index}].path_regex` } })
}

/**
 * What a rule has a new file's values selected by.
 * @returns null where the rule says nothing
 * @throws SelectionInvalid with the line, for an expression that Go cannot read: to sops it matches nothing, in silence
 */
export async function readableSelection({ index, line, selection }: CreationRule): Promise<Selection | null> {
  if (selection?.rule.endsWith("_regex") === true && "text" in selection)
    await compileRegex(selection.text, { where: { line, option: `creation_rules[${index}].${selection.rule}` } })
  return selection
}

/**
 * The first rule that fits a file.
 * @param path - absolute
 * @param folder - absolute, that of the configuration; paths below it are matched without it, others whole
 * @param separator - of paths; Windows' stays in what is matched, as in sops
 * @returns null when there are no rules at all
 * @throws ConfigInvalid for a `path_regex` that Go cannot read; NoRuleFits is the caller's to throw, who knows the names
 */
export async function ruleFor(
  config: SopsConfig,
  path: string,
  folder: string,
  separator = "/",
): Promise<CreationRule | null> {
  const prefix = folder.endsWith(separator) ? folder : folder + separator
  const relative = path.startsWith(prefix) ? path.slice(prefix.length) : path
  for (const rule of config.rules ?? []) {
    if (rule.pathRegex === "") return rule
    const matches = compiled.get(rule) ?? (await compilePath(rule))
    compiled.set(rule, matches)
    if (matches(relative)) return rule
  }
  return null
}
