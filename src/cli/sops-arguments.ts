/** sops' own command line, taken apart: sub-commands and the old flags alike. [sops] cmd/sops/main.go */
import { printable, quote } from "../quote.ts"
import { NoFileNamed, WrongUsage } from "./failures.ts"

export const sopsCommands = [
  "encrypt",
  "decrypt",
  "edit",
  "set",
  "unset",
  "rotate",
  "updatekeys",
  "exec-env",
  "exec-file",
  "filestatus",
  "groups",
] as const
export type SopsCommand = (typeof sopsCommands)[number]

export const sopsUsage = `usage: sops COMMAND [FLAGS] FILE, as sops has it, done by ts-age-yk

commands: ${sopsCommands.join(", ")}
without a command, FILE is opened in the editor; the old flags work too:
-d (decrypt), -e (encrypt), -r (rotate), -i (in place), -s, --set, --extract, ...

ts-age-yk COMMAND --help tells more of each; what is different: docs/sops.md
`

export type SopsInvocation = Readonly<{
  command: SopsCommand
  /** What is no flag: the file first. */
  operands: readonly string[]
  /** Flags by their long names; true for those without a value. */
  flags: ReadonlyMap<string, string | true>
}>

const short: Readonly<Record<string, string>> = {
  d: "decrypt",
  e: "encrypt",
  r: "rotate",
  i: "in-place",
  s: "show-master-keys",
  a: "age",
  f: "file",
  p: "pgp",
  k: "kms",
  y: "yes",
  v: "version",
  h: "help",
}

const plain = new Set(
  ["decrypt", "encrypt", "rotate", "in-place", "show-master-keys", "ignore-mac", "verbose", "version", "help"].concat(
    ["yes", "mac-only-encrypted", "idempotent", "value-file", "value-stdin", "pristine", "no-fifo", "background"],
    ["disable-version-check", "check-for-updates"],
  ),
)
const valued = new Set(
  ["output", "extract", "set", "input-type", "output-type", "config", "age", "add-age", "rm-age", "filename"].concat(
    ["filename-override", "shamir-secret-sharing-threshold", "unencrypted-suffix", "encrypted-suffix"],
    ["unencrypted-regex", "encrypted-regex", "unencrypted-comment-regex", "encrypted-comment-regex"],
    ["decryption-order", "indent", "user", "file"],
    // How KMS keys are used, which nothing here does.
    ["aws-profile", "encryption-context"],
  ),
)

const keyKinds = ["pgp", "kms", "gcp-kms", "hckms", "azure-kv", "hc-vault-transit"]

/** What scripts pass whether they have something for it or not: without a value, it asks for nothing. */
const refusedValues = new Set(["keyservice", ...keyKinds.flatMap((kind) => [kind, `add-${kind}`, `rm-${kind}`])])

/** What is done anyhow, and what is not done: flags whose other value is refused. */
const fixed: ReadonlyMap<string, boolean> = new Map([
  ["enable-local-keyservice", true],
  ["same-process", false],
])

/** Sub-commands that are sops' and not ours. */
const refusedCommands = ["publish", "keyservice", "completion"]

/** What is not done, and why, where there is a reason to tell. */
const reasons: Readonly<Record<string, string>> = {
  "same-process":
    "a Node program cannot become another; without it, CMD runs as its child and its exit status is passed on",
  "enable-local-keyservice": "all keys are used here, and none by a key service",
}

const elsewhere = "docs/sops.md tells what is"

/** Environment variables that ask a new file's data key to be wrapped for keys of other kinds. */
const keyVariables = ["SOPS_PGP_FP", "SOPS_KMS_ARN", "SOPS_GCP_KMS_IDS", "SOPS_HUAWEICLOUD_KMS_IDS"].concat([
  "SOPS_AZURE_KEYVAULT_URLS",
  "SOPS_VAULT_URIS",
])

/** What is written by the environment would lack recipients that sops gives it. @throws WrongUsage */
export function refuseKeyVariables(env: Readonly<Record<string, string | undefined>>): void {
  const name = keyVariables.find((variable) => (env[variable] ?? "") !== "")
  if (name !== undefined)
    throw new WrongUsage(`${name} is set: keys of that kind are not written for here`, {
      hint: `leave it out with env -u ${name}, or use sops itself`,
    })
}

/** @throws WrongUsage where the environment wants nothing but key services to be asked */
export function refuseKeyServiceAlone(env: Readonly<Record<string, string | undefined>>): void {
  const flag = "enable-local-keyservice"
  if (truths.get(env["SOPS_ENABLE_LOCAL_KEYSERVICE"] ?? "") === false) throw notDone(flag)
}

/** The old flags that name what is now a sub-command. */
const modes: readonly (readonly [string, SopsCommand])[] = [
  ["decrypt", "decrypt"],
  ["encrypt", "encrypt"],
  ["rotate", "rotate"],
  ["set", "set"],
]

/**
 * @throws WrongUsage naming what is not done here: keys of other kinds, key services, `publish`
 */
export function parseSopsArguments(argv: readonly string[]): SopsInvocation {
  const flags = new Map<string, string | true>()
  const operands: string[] = []
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at]!
    if (word === "--") {
      operands.push(...argv.slice(at + 1))
      break
    }
    const [, given = "", value] = /^--?([^=]+)(?:=(.*))?$/s.exec(word) ?? []
    const name = short[given] ?? given
    if (!isFlag(name)) {
      // Behind the first operand, sops has no flags: what looks like one is a value.
      if (word.startsWith("-") && word !== "-" && operands.length <= commandWords(operands))
        throw new WrongUsage(`sops has no flag ${printable(word)}`, {
          hint: "sops --help lists its commands; a file whose name begins so stands behind --",
        })
      if (operands.length === 0 && refusedCommands.includes(word))
        throw new WrongUsage(`sops ${word} is not done here`, { hint: elsewhere })
      operands.push(word)
      continue
    }
    const valueOf = (): string => {
      const next = value ?? argv[(at += 1)]
      if (next === undefined) throw new WrongUsage(`--${name} wants a value`)
      return next
    }
    if (plain.has(name)) {
      if (parseTruth(name, value)) flags.set(name, true)
      else flags.delete(name)
    } else if (fixed.has(name)) {
      if (parseTruth(name, value) !== fixed.get(name)) throw notDone(name)
    } else if (refusedValues.has(name)) {
      if (valueOf() !== "") throw notDone(name)
    } else {
      const next = valueOf()
      flags.set(name, name === "age" && operands[0] === "groups" ? joined(flags.get(name), next) : next)
    }
  }
  const [first = ""] = operands
  if (first === "help" || first === "h") flags.set("help", true)
  const named = sopsCommands.find((command) => command === first)
  if (named !== undefined) return { command: named, operands: operands.slice(1), flags }
  const [mode, second] = modes.filter(([flag]) => flags.has(flag))
  // sops does all of them and prints the last; of -r -d, nobody may get the plaintext who expects ciphertext.
  if (second !== undefined)
    throw new WrongUsage(`--${mode?.[0] ?? ""} and --${second[0]} exclude each other`, {
      hint: "sops does both, shows one, and will refuse them too",
    })
  if ((mode?.[0] === "encrypt" || mode?.[0] === "decrypt") && operands.length === 0)
    throw new NoFileNamed(undefined, "of the old flags, none reads standard input: sops encrypt and sops decrypt do")
  return { command: mode === undefined ? "edit" : mode[1], operands, flags }
}

function isFlag(name: string): boolean {
  return plain.has(name) || valued.has(name) || fixed.has(name) || refusedValues.has(name)
}

/** How many of the first operands name the command. */
function commandWords([first]: readonly string[]): number {
  if (first === "groups") return 2
  return sopsCommands.some((command) => command === first) ? 1 : 0
}

/** `groups add` takes recipients with commas and again and again; of other flags that are repeated, the last counts. */
function joined(before: string | true | undefined, next: string): string {
  return typeof before === "string" ? `${before},${next}` : next
}

function notDone(flag: string): WrongUsage {
  return new WrongUsage(`--${flag} of sops is not done here`, { hint: reasons[flag] ?? elsewhere })
}

/** The words that Go reads as a truth value. [Go] strconv.ParseBool */
const truths: ReadonlyMap<string, boolean> = new Map([
  ...["1", "t", "T", "true", "TRUE", "True"].map((word) => [word, true] as const),
  ...["0", "f", "F", "false", "FALSE", "False"].map((word) => [word, false] as const),
])

function parseTruth(flag: string, word = "true"): boolean {
  const truth = truths.get(word)
  if (truth === undefined) throw new WrongUsage(`--${flag} is true or false, not ${quote(word)}`)
  return truth
}
