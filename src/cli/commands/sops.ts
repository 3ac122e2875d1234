/** `ts-age-yk sops`: sops' own command line, for `alias sops='ts-age-yk sops'` and for programs that call sops. Exit codes are sops'. */
import { readFile } from "node:fs/promises"
import { basename, resolve } from "node:path"
import type { Command } from "commander"
import { Failure } from "../../failure.ts"
import { findConfig } from "../../sops/find-config.ts"
import { formatOfName } from "../../sops/format.ts"
import { version } from "../../version.ts"
import { WrongUsage } from "../failures.ts"
import { reportFailure } from "../main.ts"
import { once, writeOutput } from "../output.ts"
import { inPrivateFolder } from "../private-folder.ts"
import { type CommandModule, runCommand } from "../run-command.ts"
import { parseSopsArguments, type SopsCommand, type SopsInvocation } from "../sops-arguments.ts"
import { readSopsFile } from "../sops-change.ts"
import { exists } from "../sops-config.ts"
import { sopsExitCode, sopsMessage, unchangedCode } from "../sops-exit.ts"
import type { World } from "../world.ts"

export function define(command: Command, world: World, done: (status: number) => void): void {
  command
    .argument("[ARGUMENTS...]", "as sops takes them")
    .helpOption(false)
    .allowUnknownOption()
    .passThroughOptions()
    .action(async (argv: string[]) => {
      done(await sops(argv, world))
    })
}

async function sops(argv: readonly string[], world: World): Promise<number> {
  try {
    const invocation = parseSopsArguments(argv)
    if (invocation.flags.has("version")) {
      await world.out(`sops ${(await import("../../sops/metadata.ts")).formatVersion} (ts-age-yk ${version})\n`)
      return 0
    }
    return await run(invocation, await withConfigOfSops(invocation, world))
  } catch (failure) {
    if (!(failure instanceof Failure)) throw failure
    const message = sopsMessage(failure)
    if (message === null) reportFailure(failure, world, false, "sops")
    else world.err(`${message}\n`)
    return sopsExitCode(failure)
  }
}

/** sops looks for `.sops.yaml` from the working folder, wherever the file is. */
async function withConfigOfSops({ command, flags }: SopsInvocation, world: World): Promise<World> {
  const wantsConfig = command === "encrypt" || command === "edit" || command === "updatekeys"
  if (!wantsConfig || flags.has("config") || world.env["SOPS_CONFIG"] !== undefined) return world
  const { path } = await findConfig(resolve("."), exists)
  return path === null ? world : { ...world, env: { ...world.env, SOPS_CONFIG: path } }
}

const commands: Readonly<Record<Exclude<SopsCommand, "edit">, () => Promise<CommandModule>>> = {
  encrypt: () => import("./encrypt.ts"),
  decrypt: () => import("./decrypt.ts"),
  set: () => import("./set.ts"),
  unset: () => import("./unset.ts"),
  rotate: () => import("./rotate.ts"),
  updatekeys: () => import("./updatekeys.ts"),
  "exec-env": () => import("./exec-env.ts"),
  "exec-file": () => import("./exec-file.ts"),
  filestatus: () => import("./filestatus.ts"),
}

/** Runs one of our commands, with arguments in our spelling. */
function ours(name: keyof typeof commands, args: readonly string[], world: World): Promise<number> {
  return runCommand(name, { summary: "", load: commands[name] }, args, world)
}

function run(invocation: SopsInvocation, world: World): Promise<number> {
  const { command, operands } = invocation
  const [file, ...more] = operands
  switch (command) {
    case "encrypt":
      return ours("encrypt", encryptArguments(invocation, world), world)
    case "decrypt":
      return ours("decrypt", decryptArguments(invocation), world)
    case "set":
      return set(invocation, world)
    case "unset":
      return ours(
        "unset",
        [wanted(file), ...more, ...pass(invocation, ["ignore-mac", "idempotent", "input-type", "output-type"])],
        world,
      )
    case "rotate":
      return rotate(invocation, world)
    case "edit":
      return edit(invocation, world)
    case "updatekeys":
      return ours("updatekeys", [wanted(file), ...more, ...pass(invocation, ["yes", "input-type", "config"])], world)
    case "exec-env":
      return ours("exec-env", [wanted(file), ...more, ...pass(invocation, ["pristine", "input-type"])], world)
    case "exec-file":
      return ours(
        "exec-file",
        [wanted(file), ...more, ...pass(invocation, ["filename", "input-type", "output-type"])],
        world,
      )
    case "filestatus":
      return ours("filestatus", [wanted(file), ...pass(invocation, ["input-type"])], world)
  }
}

function wanted(file: string | undefined): string {
  if (file === undefined) throw new WrongUsage("no file was named")
  return file
}

/** Flags that are called alike. */
function pass({ flags }: SopsInvocation, names: readonly string[]): string[] {
  return names.flatMap((name) => {
    const value = flags.get(name)
    if (value === undefined) return []
    return value === true ? [`--${name}`] : [`--${name}`, value]
  })
}

function list(value: string | true | undefined): string[] {
  return typeof value !== "string"
    ? []
    : value
        .split(",")
        .map((part) => part.trim())
        .filter((part) => part !== "")
}

const encryptFlags = ["input-type", "output-type", "config", "filename-override", "mac-only-encrypted"].concat(
  ["shamir-secret-sharing-threshold", "unencrypted-suffix", "encrypted-suffix", "unencrypted-regex", "encrypted-regex"],
  ["unencrypted-comment-regex", "encrypted-comment-regex", "output", "in-place"],
)

function encryptArguments(invocation: SopsInvocation, world: World): string[] {
  const recipients = list(invocation.flags.get("age") ?? world.env["SOPS_AGE_RECIPIENTS"])
  return [
    ...invocation.operands.slice(0, 1),
    ...recipients.flatMap((text) => ["-r", text]),
    ...pass(invocation, encryptFlags),
  ]
}

function decryptArguments(invocation: SopsInvocation): string[] {
  const { flags, operands } = invocation
  const file = wanted(operands[0])
  const args = [file, ...pass(invocation, ["extract", "ignore-mac", "input-type", "output"])]
  if (flags.has("in-place")) args.push("--output", file)
  // sops takes the format of what it prints from the name, even when told that of what it reads.
  const output = flags.get("output-type") ?? (flags.has("input-type") ? formatOfName(file) : undefined)
  return typeof output === "string" ? [...args, "--output-type", output] : args
}

async function set(invocation: SopsInvocation, world: World): Promise<number> {
  const { flags, operands } = invocation
  const old = flags.get("set")
  const options = pass(invocation, ["ignore-mac", "idempotent", "input-type", "output-type"])
  if (typeof old === "string") {
    const [path, value] = /^(.*?\]) (.*)$/s.exec(old)?.slice(1) ?? []
    if (path === undefined || value === undefined) throw new WrongUsage("--set wants a path, a space and a JSON value")
    return ours("set", [wanted(operands[0]), path, value, ...options], world)
  }
  const [file, path, value] = operands
  const source = flags.has("value-stdin")
    ? ["--value-stdin"]
    : value === undefined
      ? []
      : flags.has("value-file")
        ? ["--value-file", value]
        : [value]
  return ours("set", [wanted(file), path ?? "", ...source, ...options], world)
}

/** Without `--in-place`, sops prints the rotated file and leaves the old one. */
async function rotate(invocation: SopsInvocation, world: World): Promise<number> {
  const { flags, operands } = invocation
  const file = wanted(operands[0])
  const options = [
    ...list(flags.get("add-age")).flatMap((text) => ["--add-age", text]),
    ...list(flags.get("rm-age")).flatMap((text) => ["--rm-age", text]),
    ...pass(invocation, ["ignore-mac", "input-type"]),
  ]
  if (flags.has("in-place")) return ours("rotate", [file, ...options], world)
  const { bytes } = await readSopsFile(file, undefined)
  return inPrivateFolder(world, async (folder) => {
    const copy = await folder.write(basename(file), bytes)
    const status = await ours("rotate", [copy, ...options], { ...world, err: () => undefined })
    const output = flags.get("output")
    await writeOutput(once(await readFile(copy)), typeof output === "string" ? output : undefined, world, 0o666)
    return status
  })
}

async function edit({ flags, operands }: SopsInvocation, world: World): Promise<number> {
  const { editPath } = await import("./edit.ts")
  const inputType = flags.get("input-type")
  const config = flags.get("config")
  const options = {
    ...(typeof inputType === "string" ? { inputType } : {}),
    ...(typeof config === "string" ? { config } : {}),
    ...(flags.has("ignore-mac") ? ({ ignoreMac: true } as const) : {}),
  }
  return (await editPath(wanted(operands[0]), options, world)) ? 0 : unchangedCode
}
