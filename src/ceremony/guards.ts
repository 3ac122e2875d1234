/** What stands in a ceremony's way, or should be known before it. Pure. */
import { counted } from "../counted.ts"
import { quote } from "../quote.ts"
import { YubiKeyRecipient } from "../yubikey/recipient.ts"
import { keyLabel } from "./key-names.ts"
import { changedFiles, groupsAfter, type RekeyPlan } from "./plan.ts"
import { roleOf } from "./policy.ts"
import type { Repository } from "./repository.ts"

/** The guards by name, as `--override NAME=REASON` takes them. */
export const guardNames = [
  "dirty-targets",
  "behind-upstream",
  "few-backups",
  "not-attested",
  "one-key-two-names",
  "revoked-returns",
  "no-rule",
  "idle-rule",
  "plain-file",
  "broken-file",
] as const
export type GuardName = (typeof guardNames)[number]

/** `stops`: the ceremony does not go on without an override; else it is advice. `files`: which, where it is about files. */
export type Guard = Readonly<{ name: GuardName; stops: boolean; text: string; files: readonly string[] }>

/** Whether a YubiKey recipient's attestation is on file and valid. */
export type AttestedRecipients = ReadonlySet<string>

/** Looks at a plan from all sides. */
export function guardsOf(repository: Repository, plan: RekeyPlan, attested: AttestedRecipients = new Set()): Guard[] {
  return [
    ...dirtyTargets(repository, plan),
    ...behindUpstream(repository),
    ...fewBackups(repository, plan),
    ...notAttested(repository, plan, attested),
    ...oneKeyTwoNames(repository),
    ...revokedReturns(repository, plan),
    ...strayFiles(repository, plan),
    ...idleRules(repository),
  ]
}

function guard(name: GuardName, stops: boolean, text: string, files: readonly string[] = []): Guard {
  return { name, stops, text, files }
}

/** A change to a file that is not committed would be mixed with ours, and could not be told from it in the review. */
function dirtyTargets({ files, git }: Repository, plan: RekeyPlan): Guard[] {
  if (git === null) return []
  const targets = new Set(changedFiles(plan).map(({ path }) => path))
  const dirty = files.filter(({ path, changed }) => changed && targets.has(path)).map(({ path }) => path)
  return dirty.length === 0
    ? []
    : [
        guard(
          "dirty-targets",
          true,
          `${counted(dirty.length, "file")} to be replaced ${dirty.length === 1 ? "has" : "have"} changes that are not committed`,
          dirty,
        ),
      ]
}

function behindUpstream({ git, policy }: Repository): Guard[] {
  if (git?.behind === undefined || git.behind === null || git.behind === 0) return []
  return [guard("behind-upstream", policy.written, `this branch lacks ${git.behind} commits of its upstream`)]
}

function fewBackups({ policy, names }: Repository, plan: RekeyPlan): Guard[] {
  const least = policy.backups ?? 1
  const few = plan.files
    .filter(({ change }) => change.kind !== "refuse")
    .filter((file) => {
      const groups = groupsAfter(file)
      const backups = new Set(
        groups.flat().filter((key) => ["backup", "provisioning"].includes(roleOf(key, policy, names))),
      )
      return backups.size < least
    })
    .map(({ path }) => path)
  return few.length === 0
    ? []
    : [
        guard(
          "few-backups",
          policy.backups !== null,
          `${counted(few.length, "file")} with fewer than ${least} backup keys`,
          few,
        ),
      ]
}

function notAttested({ policy, names }: Repository, plan: RekeyPlan, attested: AttestedRecipients): Guard[] {
  const yubiKeys = new Set(
    plan.files.flatMap((file) => groupsAfter(file).flat()).filter((key) => YubiKeyRecipient.isText(key)),
  )
  return [...yubiKeys]
    .filter((key) => !attested.has(key))
    .map((key) =>
      guard("not-attested", policy.attested, `${keyLabel(key, names)}: no attestation on file that it is in a YubiKey`),
    )
}

function oneKeyTwoNames({ names, policy }: Repository): Guard[] {
  return [...names.values()]
    .filter((key) => key.names.length > 1)
    .map((key) =>
      guard(
        "one-key-two-names",
        policy.written,
        `one key under ${key.names.length} names: ${keyLabel(key.recipient, names)}`,
      ),
    )
}

function revokedReturns({ policy, names }: Repository, plan: RekeyPlan): Guard[] {
  return policy.revoked.flatMap((key) => {
    const files = plan.files.filter((file) => groupsAfter(file).flat().includes(key)).map(({ path }) => path)
    return files.length === 0
      ? []
      : [
          guard(
            "revoked-returns",
            true,
            `${keyLabel(key, names)} is revoked, and would read ${counted(files.length, "file")}`,
            files,
          ),
        ]
  })
}

function strayFiles({ files, policy }: Repository, plan: RekeyPlan): Guard[] {
  const noRule = files
    .filter(({ rule, content }) => rule === null && content.state === "encrypted")
    .map(({ path }) => path)
  const plain = files.filter(({ content }) => content.state === "plain").map(({ path }) => path)
  const broken = plan.files.filter(({ change }) => change.kind === "refuse").map(({ path }) => path)
  return [
    ...(noRule.length === 0
      ? []
      : [guard("no-rule", policy.written, `${counted(noRule.length, "encrypted file")} that no rule is for`, noRule)]),
    ...(plain.length === 0
      ? []
      : [
          guard(
            "plain-file",
            policy.written,
            `${counted(plain.length, "file")} that a rule is for, in plain text`,
            plain,
          ),
        ]),
    ...(broken.length === 0
      ? []
      : [guard("broken-file", true, `${counted(broken.length, "file")} that cannot be rekeyed`, broken)]),
  ]
}

function idleRules({ config, files }: Repository): Guard[] {
  const used = new Set(files.map(({ rule }) => rule?.index))
  const idle = (config.rules ?? []).filter(({ index, pathRegex }) => pathRegex !== "" && !used.has(index))
  return idle.map(({ pathRegex, line }) =>
    guard("idle-rule", false, `.sops.yaml, line ${line}: no file fits ${quote(pathRegex)}`),
  )
}
