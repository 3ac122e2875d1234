/** The names of all commands. A command's module is loaded when it is run, so that no command pays for another. */
import { EXIT } from "../failure.ts"
import { quote } from "../quote.ts"
import { version } from "../version.ts"
import { type CommandEntry, runCommand } from "./run-command.ts"
import type { World } from "./world.ts"

/** Commands by what they are for, in the order in which a newcomer meets them. */
const groups: Readonly<Record<string, Readonly<Record<string, CommandEntry>>>> = {
  Start: {
    drill: {
      summary: "rehearse: an emergency decrypt and a rekey, with virtual YubiKeys",
      load: () => import("./commands/drill.ts"),
    },
    doctor: {
      summary: "what stands between you and a working YubiKey, with remedies",
      load: () => import("./commands/doctor.ts"),
    },
  },
  Secrets: {
    decrypt: { summary: "open an age or SOPS file", load: () => import("./commands/decrypt.ts") },
    encrypt: { summary: "make a SOPS file, or an age file", load: () => import("./commands/encrypt.ts") },
    edit: { summary: "edit a SOPS file, decrypted in memory only", load: () => import("./commands/edit.ts") },
    set: { summary: "set a value of a SOPS file", load: () => import("./commands/set.ts") },
    unset: { summary: "take a value out of a SOPS file", load: () => import("./commands/unset.ts") },
    rotate: { summary: "give SOPS files a new data key", load: () => import("./commands/rotate.ts") },
    updatekeys: {
      summary: "make the recipients of SOPS files those of .sops.yaml",
      load: () => import("./commands/updatekeys.ts"),
    },
    "exec-env": {
      summary: "run a command with secrets in its environment",
      load: () => import("./commands/exec-env.ts"),
    },
    "exec-file": { summary: "run a command with a decrypted file", load: () => import("./commands/exec-file.ts") },
    filestatus: { summary: "whether a file is encrypted", load: () => import("./commands/filestatus.ts") },
    git: { summary: "show and merge encrypted files with git", load: () => import("./commands/git.ts") },
    sops: { summary: "sops' own command line, verbatim", load: () => import("./commands/sops.ts") },
  },
  Ceremony: {
    audit: {
      summary: "who can decrypt what, and what removed keys could read",
      load: () => import("./commands/audit.ts"),
    },
    rekey: { summary: "make every file fit .sops.yaml, all or nothing", load: () => import("./commands/rekey.ts") },
    host: { summary: "a host joins or goes; who reads what", load: () => import("./commands/host.ts") },
    key: {
      summary: "a person's or a YubiKey's key joins, goes, or is replaced",
      load: () => import("./commands/key.ts"),
    },
    transcript: {
      summary: "the record of ceremonies: show, sign, verify",
      load: () => import("./commands/transcript.ts"),
    },
  },
  Keys: {
    identities: { summary: "list the age identities on YubiKeys", load: () => import("./commands/identities.ts") },
    yubikey: { summary: "look after a YubiKey's age keys", load: () => import("./commands/yubikey.ts") },
    keygen: { summary: "make an age key", load: () => import("./commands/keygen.ts") },
    "ssh-to-age": { summary: "turn SSH keys into age keys", load: () => import("./commands/ssh-to-age.ts") },
    virtual: { summary: "make and serve virtual YubiKeys", load: () => import("./commands/virtual.ts") },
  },
}

const entries: Readonly<Record<string, CommandEntry>> = Object.fromEntries(
  Object.values(groups).flatMap((commands) => Object.entries(commands)),
)

function overview(): string {
  const width = Math.max(...Object.keys(entries).map((name) => name.length))
  const lines = Object.entries(groups).flatMap(([group, commands]) => [
    "",
    `${group}:`,
    ...Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`),
  ])
  return [
    "ts-age-yk opens age and SOPS secrets with a YubiKey.",
    "",
    "Usage: ts-age-yk COMMAND [OPTIONS] [ARGUMENTS]",
    ...lines,
    "",
    "ts-age-yk COMMAND --help tells more of each. --version prints the version.",
    "",
  ].join("\n")
}

/**
 * Finds the command in the arguments, loads it and runs it.
 * @returns the exit status
 */
export async function program(argv: readonly string[], world: World): Promise<number> {
  const position = argv.findIndex((argument) => Object.hasOwn(entries, argument))
  const name = argv[position]
  const entry = name === undefined ? undefined : entries[name]
  if (name === undefined || entry === undefined) return withoutCommand(argv, world)
  // Options may stand before the command; they are its own.
  const rest = [...argv.slice(0, position), ...argv.slice(position + 1)]
  return runCommand(name, entry, rest, world)
}

async function withoutCommand(argv: readonly string[], world: World): Promise<number> {
  if (argv.includes("--version") || argv.includes("-V")) {
    await world.out(`ts-age-yk ${version}\n`)
    return 0
  }
  const unknown = argv.find((argument) => !argument.startsWith("-"))
  if (argv.length === 0 || argv.includes("--help") || argv.includes("-h") || argv[0] === "help") {
    await world.out(overview())
    return argv.length === 0 ? EXIT.usage : 0
  }
  world.err(`ts-age-yk: ${unknown === undefined ? "no command" : `unknown command ${quote(unknown)}`}\n`)
  world.err("ts-age-yk: hint: ts-age-yk --help lists them\n")
  return EXIT.usage
}
