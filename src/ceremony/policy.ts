/**
 * `.ts-age-yk.yaml`: what a repository demands of its ceremonies. Everything in it is optional, and so is the file.
 *
 *     keys:
 *       yubikey-nano5c:               # a name as in .sops.yaml's anchors
 *         role: backup                # host, backup, provisioning, person
 *       old-laptop:
 *         recipient: age1…            # where .sops.yaml has no anchor for it
 *     backups: 2                      # every file must have so many backup keys
 *     attested: true                  # YubiKeys must have their attestation on file
 *     prove: [yubikey-nano5c]         # who must open the new files before they replace the old
 *     revoked: [age1…, old-laptop]    # who must never come back
 *     exclude: [secrets/archive/]     # paths, or folders, that ceremonies leave alone
 */
import { Failure } from "../failure.ts"
import { quote } from "../quote.ts"
import { ConfigReader } from "../sops/config-reader.ts"
import { parseYaml } from "../sops/yaml/parser.ts"
import { isNull } from "../sops/yaml/view.ts"
import { YubiKeyRecipient } from "../yubikey/recipient.ts"
import { PolicyInvalid } from "./failures.ts"
import type { NamedKey } from "./key-names.ts"

export const policyName = ".ts-age-yk.yaml"

const roles = ["host", "backup", "provisioning", "person"] as const
export type Role = (typeof roles)[number]

export type Policy = Readonly<{
  /** Whether the file exists: without it, attestation and backups are advice. */
  written: boolean
  /** By recipient. */
  roles: ReadonlyMap<string, Role>
  backups: number | null
  attested: boolean
  /** Recipients. */
  prove: readonly string[]
  revoked: readonly string[]
  exclude: readonly string[]
}>

export const noPolicy: Policy = {
  written: false,
  roles: new Map(),
  backups: null,
  attested: false,
  prove: [],
  revoked: [],
  exclude: [],
}

const known = ["keys", "backups", "attested", "prove", "revoked", "exclude"]

/**
 * Reads the policy. An unknown key is refused, unlike in `.sops.yaml`: a demand that is misspelt would not be made.
 * @param names - of `.sops.yaml`, so that keys can be named as there
 * @throws PolicyInvalid with the line
 */
export function parsePolicy(text: string, names: ReadonlyMap<string, NamedKey>): Policy {
  try {
    return readPolicy(text, names)
  } catch (failure) {
    if (failure instanceof PolicyInvalid || !(failure instanceof Failure)) throw failure
    throw new PolicyInvalid(failure.message, { where: failure.where, cause: failure })
  }
}

function readPolicy(text: string, names: ReadonlyMap<string, NamedKey>): Policy {
  const [document] = parseYaml(text)
  if (document === undefined || isNull(document.root)) return { ...noPolicy, written: true }
  const reader = new ConfigReader()
  const fields = reader.onlyFields(document.root, "the policy", known)
  const byName = new Map([...names.values()].flatMap((key) => key.names.map((name) => [name, key.recipient] as const)))
  const keyRoles = new Map<string, Role>()
  const keys = fields.get("keys")
  const entries =
    keys === undefined || isNull(keys.value) ? [] : reader.fields(keys.value, "keys", [], () => true).values()
  for (const { key: name, line, value } of entries) {
    const entry = reader.onlyFields(value, quote(name), ["role", "recipient"])
    const recipient = reader.text(entry.get("recipient"))
    if (recipient !== "") byName.set(name, recipient)
    const key = byName.get(name)
    if (key === undefined)
      throw new PolicyInvalid(`${quote(name)} is no anchor of .sops.yaml, and has no recipient here`, {
        where: { line },
      })
    const role = roles.find((candidate) => candidate === reader.text(entry.get("role")))
    if (entry.has("role") && role === undefined)
      throw new PolicyInvalid(`role must be ${roles.join(", ")}`, { where: { line: entry.get("role")?.line } })
    if (role !== undefined) keyRoles.set(key, role)
  }
  const recipients = (field: string): string[] => {
    const list = fields.get(field)
    if (list === undefined) return []
    return reader.items(list).map((node) => {
      const word = reader.word(node, "a name")
      const recipient = byName.get(word) ?? word
      if (!/^(age1|ssh-)/.test(recipient))
        throw new PolicyInvalid(`${quote(word)} is neither a recipient nor a name of one`, {
          where: { line: node.textLine },
        })
      return recipient
    })
  }
  const exclude = fields.get("exclude")
  return {
    written: true,
    roles: keyRoles,
    backups: fields.has("backups") ? reader.number(fields.get("backups")) : null,
    attested: reader.boolean(fields.get("attested")),
    prove: recipients("prove"),
    revoked: recipients("revoked"),
    exclude: exclude === undefined ? [] : reader.items(exclude).map((node) => reader.word(node, "a path")),
  }
}

/** The role of a key: the policy's word, or what its kind and comment suggest. */
export function roleOf(recipient: string, policy: Policy, names: ReadonlyMap<string, NamedKey>): Role {
  const said = policy.roles.get(recipient)
  if (said !== undefined) return said
  if (YubiKeyRecipient.isText(recipient)) return "backup"
  const key = names.get(recipient)
  const words = `${key?.names.join(" ") ?? ""} ${key?.comment ?? ""}`.toLowerCase()
  if (words.includes("provision")) return "provisioning"
  return words.includes("backup") ? "backup" : words.includes("host") ? "host" : "person"
}
