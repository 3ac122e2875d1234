/** The keys of a creation rule, in its two forms: flat lists by type, or `key_groups`. [sops] config/config.go. */
import { isIdentityText } from "../age/identity-text.ts"
import { type ConfigReader, invalid } from "./config-reader.ts"
import { ConfigInvalid } from "./failures.ts"
import type { KeyGroup, MasterKey, OtherKey } from "./metadata.ts"
import { trimSpace } from "./text.ts"
import { branch, valueOf } from "./tree.ts"
import { plainText } from "./value.ts"
import type { YamlNode } from "./yaml/node.ts"
import { type Field, follow, isNull } from "./yaml/view.ts"

/** Somebody for whom files are to be encrypted. `name` is what tells two keys of a type apart. */
export type ConfigKey = Readonly<{ type: MasterKey["type"]; name: string }>

const groupKeys = ["merge", "age", "pgp", "kms", "gcp_kms", "hckms", "azure_keyvault", "hc_vault"]

/** `key_groups`, where it is given and not empty, makes the flat keys count for nothing. */
export function readKeyGroups(fields: ReadonlyMap<string, Field>, reader: ConfigReader): ConfigKey[][] {
  const groups = fields.get("key_groups")
  // go-yaml passes over items that are null.
  const items = groups === undefined ? [] : reader.items(groups).filter(isThere)
  if (items.length === 0) return [flatKeys(fields, reader)]
  for (const type of ["age", "pgp", "kms", "gcp_kms", "hckms", "azure_keyvault", "hc_vault_transit_uri"]) {
    const field = fields.get(type)
    if (field === undefined || isNull(follow(field.value))) continue
    reader.warnings.push({ line: field.line, text: `${type} beside key_groups means nothing to sops` })
  }
  return items.map((group, index) => withoutDoubles(groupOf(group, `key_groups[${index}]`, reader, 0)))
}

function flatKeys(fields: ReadonlyMap<string, Field>, reader: ConfigReader): ConfigKey[] {
  const names = (type: string): string[] => {
    const field = fields.get(type)
    return field === undefined ? [] : splitList(field, reader)
  }
  return [
    ...names("age").map((name) => ageKey(name, fields.get("age")?.line)),
    ...names("pgp").map((name): ConfigKey => ({ type: "pgp", name: name.replaceAll(" ", "") })),
    ...names("kms").map((name): ConfigKey => ({ type: "kms", name })),
    ...names("gcp_kms").map((name): ConfigKey => ({ type: "gcp_kms", name })),
    ...names("hckms").map((name): ConfigKey => ({ type: "hckms", name })),
    ...names("azure_keyvault").map((name): ConfigKey => ({ type: "azure_kv", name })),
    ...names("hc_vault_transit_uri").map((name): ConfigKey => ({ type: "hc_vault", name })),
  ]
}

/** A text with commas, or a list whose items may again have commas. */
function splitList(field: Field, reader: ConfigReader): string[] {
  const node = follow(field.value)
  const texts = node.kind === "sequence" ? node.items.map((item) => textItem(item, field.key)) : [reader.text(field)]
  return texts.flatMap(splitCommas)
}

/** Whoever may read the file has what stands in it, so that a secret key there is nobody's any more. */
function ageKey(name: string, line: number | undefined): ConfigKey {
  if (isIdentityText(name))
    throw new ConfigInvalid("an identity stands where a recipient is expected", {
      where: { line },
      hint: "identities are secret: make a new one, and name the recipient that belongs to it",
    })
  return { type: "age", name }
}

function splitCommas(text: string): string[] {
  return text
    .split(",")
    .map(trimSpace)
    .filter((part) => part !== "")
}

function isThere(node: YamlNode): boolean {
  return !isNull(follow(node))
}

function textItem(node: YamlNode, key: string): string {
  const item = follow(node)
  if (item.kind !== "scalar" || isNull(item)) throw invalid(`${key} has an item that is no text`, node.textLine)
  return item.value
}

/** Groups that merge groups that merge groups; more is an alias that contains itself. */
const deepestMerge = 20

function groupOf(node: YamlNode, what: string, reader: ConfigReader, depth: number): ConfigKey[] {
  if (depth > deepestMerge) throw invalid(`${what} merges itself`, node.textLine)
  const fields = reader.fields(node, what, groupKeys)
  const keys: ConfigKey[] = []
  const each = (key: string, take: (item: YamlNode) => ConfigKey[]): void => {
    const field = fields.get(key)
    const items = field === undefined ? [] : reader.items(field)
    for (const item of items.filter(isThere)) for (const found of take(item)) keys.push(found)
  }
  const texts =
    (type: MasterKey["type"], key: string) =>
    (item: YamlNode): ConfigKey[] => [{ type, name: textItem(item, key) }]
  const named =
    (type: MasterKey["type"], known: readonly string[], name: (text: (key: string) => string) => string) =>
    (item: YamlNode): ConfigKey[] => {
      const itemFields = reader.fields(item, `${what}.${type}`, known)
      return [{ type, name: name((key) => reader.text(itemFields.get(key))) }]
    }
  each("merge", (item) => groupOf(item, `${what}.merge`, reader, depth + 1))
  each("age", (item) => splitCommas(textItem(item, "age")).map((name) => ageKey(name, item.textLine)))
  each("pgp", (item) => [{ type: "pgp", name: textItem(item, "pgp").replaceAll(" ", "") }])
  each(
    "kms",
    named("kms", ["arn", "role", "context", "aws_profile"], (text) => text("arn")),
  )
  each(
    "gcp_kms",
    named("gcp_kms", ["resource_id"], (text) => text("resource_id")),
  )
  each(
    "hckms",
    named("hckms", ["key_id"], (text) => text("key_id")),
  )
  each(
    "azure_keyvault",
    named("azure_kv", ["vaultUrl", "key", "version"], (text) =>
      azureName(text("vaultUrl"), text("key"), text("version")),
    ),
  )
  each("hc_vault", texts("hc_vault", "hc_vault"))
  return keys
}

function azureName(vault: string, key: string, version: string): string {
  return `${vault}/keys/${key}/${version}`
}

function withoutDoubles(keys: readonly ConfigKey[]): ConfigKey[] {
  const seen = new Set<string>()
  return keys.filter(({ type, name }) => {
    const id = `${type} ${name}`
    if (seen.has(id)) return false
    seen.add(id)
    return true
  })
}

/** Keys as the groups of a file that is still to be wrapped for them. */
export function unwrappedGroups(groups: readonly (readonly ConfigKey[])[]): KeyGroup[] {
  return groups.map((group) =>
    group.map(
      ({ type, name }): MasterKey =>
        type === "age" ? { type, recipient: name, enc: "" } : { type, fields: branch([]) },
    ),
  )
}

/** What a key that stands in a file would be called in a configuration. */
export function configKeyOf(key: MasterKey): ConfigKey {
  return key.type === "age" ? { type: "age", name: key.recipient } : { type: key.type, name: otherName(key) }
}

function otherName({ type, fields }: OtherKey): string {
  const text = (key: string): string => {
    const value = valueOf(fields, key)
    return value === undefined || value.type === "map" || value.type === "list" ? "" : (plainText(value) ?? "")
  }
  switch (type) {
    case "kms":
      return text("arn")
    case "gcp_kms":
      return text("resource_id")
    case "hckms":
      return text("key_id")
    case "azure_kv":
      return azureName(text("vault_url"), text("name"), text("version"))
    case "hc_vault":
      return `${text("vault_address")}/v1/${text("engine_path")}/keys/${text("key_name")}`
    case "pgp":
      return text("fp")
  }
}
