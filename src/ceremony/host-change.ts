/** Hosts and people come and go: what changes in `.sops.yaml`, and in the policy that names them. Pure. */
import { Failure } from "../failure.ts"
import { printable } from "../quote.ts"
import type { SopsConfig } from "../sops/config.ts"
import type { ConfigChange } from "../sops/config-change.ts"
import { editConfig } from "../sops/config-edit.ts"
import { applyEdits, type TextEdit } from "../sops/config-lists.ts"
import { type PlacedNode, placedField, placeNodes } from "../sops/config-places.ts"
import { configName } from "../sops/find-config.ts"
import { changedLines, type LineChange } from "../sops/line-changes.ts"
import { YubiKeyRecipient } from "../yubikey/recipient.ts"
import { NewKeyRefused, PolicyNamesKey } from "./failures.ts"
import { type NamedKey, readKeyNames } from "./key-names.ts"
import { sameKeyAs } from "./new-key.ts"
import { parsePolicy, policyName } from "./policy.ts"

/** A file as it will be, and which of its lines that changes. */
export type ChangedFile = Readonly<{ path: string; bytes: Uint8Array; lines: readonly LineChange[] }>

/** What stands there now. `policy`: null where there is none. */
export type Standing = Readonly<{ config: Uint8Array; policy: string | null }>

/**
 * Plans a change of keys.
 * @returns the files that it changes, `.sops.yaml` first
 * @throws ConfigNotEdited, NewKeyRefused when the key is there already, PolicyNamesKey
 */
export function planKeyChange(standing: Standing, change: ConfigChange): ChangedFile[] {
  const text = Buffer.from(standing.config).toString("utf8")
  if (change.kind === "add" || change.kind === "replace") refuseKnown(text, change.recipient)
  const { bytes, lines } = editConfig(standing.config, change)
  const files: ChangedFile[] = [{ path: configName, bytes, lines }]
  if (standing.policy === null) return files
  const policy = change.kind === "rename" ? renameInPolicy(standing.policy, change.name, change.to) : standing.policy
  requirePolicy(policy, Buffer.from(bytes).toString("utf8"), change)
  if (policy !== standing.policy)
    files.push({ path: policyName, bytes: Buffer.from(policy), lines: changedLines(standing.policy, policy) })
  return files
}

/** A key that is there already, under whatever name, would be a second name for one reader. */
function refuseKnown(text: string, recipient: string): void {
  const ways = sameKeyAs(recipient)
  for (const key of readKeyNames(text).values())
    if (ways.has(key.recipient))
      throw new NewKeyRefused(
        `that key is there already: it is called ${key.names.map(printable).join(", ")} (line ${key.line})`,
        `ts-age-yk key rename ${key.names[0] ?? ""} NAME gives it another name`,
      )
  const known = [...ways].find((way) => text.includes(way))
  if (known !== undefined)
    throw new NewKeyRefused(
      `that key is there already, without a name: ${printable(known)}`,
      "give it an anchor in .sops.yaml, by hand",
    )
}

/** The policy must be readable by the names that are left: those of the last commit do not count for long. */
function requirePolicy(policy: string, config: string, change: ConfigChange): void {
  try {
    parsePolicy(policy, readKeyNames(config))
  } catch (failure) {
    if (!(failure instanceof Failure)) throw failure
    if (change.kind === "remove" || change.kind === "rename")
      throw new PolicyNamesKey(change.name, {
        where: { file: policyName, ...(failure.where.line === undefined ? {} : { line: failure.where.line }) },
        cause: failure,
      })
    throw failure.within({ file: policyName })
  }
}

/** Gives a key its new name wherever the policy names it. */
function renameInPolicy(policy: string, name: string, to: string): string {
  const root = placeNodes(policy)
  const keys = placedField(root, "keys")
  const lists = ["prove", "revoked"].map((field) => placedField(root, field))
  const named: PlacedNode[] = [
    ...(keys?.kind === "mapping" ? keys.pairs.map(({ key }) => key) : []),
    ...lists.flatMap((list) => (list?.kind === "sequence" ? list.items.map(({ node }) => node) : [])),
  ]
  const edits = named.flatMap((node): TextEdit[] => {
    if (node.kind !== "scalar" || node.value !== name) return []
    const quoted = node.style === "plain" ? 0 : 1
    return [{ start: node.content + quoted, end: node.end - quoted, text: to }]
  })
  return applyEdits(policy, edits)
}

/**
 * The rules that somebody names.
 * @param texts - numbers, counted from 1, or a rule's `path_regex` as it is written
 * @returns their places, counted from 0
 * @throws NewKeyRefused
 */
export function rulesNamed(config: SopsConfig, texts: readonly string[]): number[] {
  const rules = config.rules ?? []
  return texts.map((text) => {
    const found = rules.filter(({ pathRegex, index }) => pathRegex === text || String(index + 1) === text)
    const [only] = found
    if (only === undefined || found.length > 1)
      throw new NewKeyRefused(
        `${found.length === 0 ? "no rule is" : `${found.length} rules are`} called ${printable(text)}`,
        `rules are counted from 1: ${rules.map(({ pathRegex, index }) => `${index + 1} (${pathRegex === "" ? "every path" : printable(pathRegex)})`).join(", ")}`,
      )
    return only.index
  })
}

/** Behind which key a new one is named: the last one of the same kind, a YubiKey or another. */
export function neighbourOf(recipient: string, names: ReadonlyMap<string, NamedKey>): string | null {
  const isCard = (key: string): boolean => YubiKeyRecipient.isText(key)
  const keys = [...names.values()].sort((a, b) => a.line - b.line)
  const alike = keys.filter((key) => isCard(key.recipient) === isCard(recipient))
  return (alike.at(-1) ?? keys.at(-1))?.names[0] ?? null
}
