/** sops' own command line, taken apart: sub-commands and the old flags alike. [sops] cmd/sops/main.go */
import { WrongUsage } from "./failures.ts"

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

const plain = [
  "decrypt",
  "encrypt",
  "rotate",
  "in-place",
  "show-master-keys",
  "ignore-mac",
  "verbose",
  "version",
  "help",
  "yes",
].concat([
  "mac-only-encrypted",
  "idempotent",
  "value-file",
  "value-stdin",
  "pristine",
  "no-fifo",
  "background",
  "disable-version-check",
  "check-for-updates",
])
const valued = [
  "output",
  "extract",
  "set",
  "input-type",
  "output-type",
  "config",
  "age",
  "add-age",
  "rm-age",
  "filename-override",
].concat(
  [
    "filename",
    "shamir-secret-sharing-threshold",
    "unencrypted-suffix",
    "encrypted-suffix",
    "unencrypted-regex",
    "encrypted-regex",
  ],
  ["unencrypted-comment-regex", "encrypted-comment-regex", "decryption-order", "indent", "user", "file"],
)

/** Sub-commands that are sops' and not ours. */
const refusedCommands = ["publish", "keyservice", "completion"]

/** What is not done, and why, where there is a reason to tell. */
const reasons: Readonly<Record<string, string>> = {
  "same-process":
    "a Node program cannot become another; without it, CMD runs as its child and its exit status is passed on",
}

const elsewhere = "docs/sops.md tells what is"

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
    const match = /^--?([a-z][a-z-]*)(?:=(.*))?$/s.exec(word)
    if (match === null || word === "-") {
      operands.push(word)
      continue
    }
    const [, given = "", value] = match
    const name = short[given] ?? given
    if (plain.includes(name) && value === undefined) {
      flags.set(name, true)
    } else if (valued.includes(name)) {
      const next = value ?? argv[(at += 1)]
      if (next === undefined) throw new WrongUsage(`--${name} wants a value`)
      flags.set(name, name === "age" && operands[0] === "groups" ? joined(flags.get(name), next) : next)
    } else {
      throw new WrongUsage(`--${name} of sops is not done here`, { hint: reasons[name] ?? elsewhere })
    }
  }
  const [first = ""] = operands
  if (refusedCommands.includes(first)) throw new WrongUsage(`sops ${first} is not done here`, { hint: elsewhere })
  const named = sopsCommands.find((command) => command === first)
  if (named !== undefined) return { command: named, operands: operands.slice(1), flags }
  const mode = modes.find(([flag]) => flags.has(flag))
  return { command: mode === undefined ? "edit" : mode[1], operands, flags }
}

/** `groups add` takes recipients with commas and again and again; of other flags that are repeated, the last counts. */
function joined(before: string | true | undefined, next: string): string {
  return typeof before === "string" ? `${before},${next}` : next
}
