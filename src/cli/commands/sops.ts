/** `ts-age-yk sops`: sops' own command line, for `alias sops='ts-age-yk sops'` and for programs that call sops. Exit codes are sops'. */
import { readFile } from "node:fs/promises"
import { basename, resolve } from "node:path"
import type { Command } from "commander"
import { Failure } from "../../failure.ts"
import { quote } from "../../quote.ts"
import { KeyPathInvalid } from "../../sops/failures.ts"
import { findConfig } from "../../sops/find-config.ts"
import { formatNamed, formatOfName } from "../../sops/format.ts"
import type { Format } from "../../sops/stores/store.ts"
import { version } from "../../version.ts"
import { NoFileNamed, WrongUsage } from "../failures.ts"
import { reportFailure } from "../main.ts"
import { once, writeOutput } from "../output.ts"
import { inPrivateFolder } from "../private-folder.ts"
import { type CommandModule, runCommand } from "../run-command.ts"
import { parseSopsArguments, type SopsCommand, type SopsInvocation } from "../sops-arguments.ts"
import { readSopsFile } from "../sops-change.ts"
import { Configs, exists } from "../sops-config.ts"
import { sopsExitCode, sopsMessage, unchangedCode } from "../sops-exit.ts"
import { changeGroups, type GroupChange } from "../sops-groups.ts"
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
  let command: SopsCommand | null = null
  try {
    const invocation = parseSopsArguments(argv)
    if (invocation.flags.has("version")) {
      await world.out(`sops ${(await import("../../sops/metadata.ts")).formatVersion} (ts-age-yk ${version})\n`)
      return 0
    }
    command = invocation.command
    return await run(invocation, await withConfigOfSops(invocation, world))
  } catch (failure) {
    if (!(failure instanceof Failure)) throw failure
    const message = sopsMessage(failure)
    if (message === null) reportFailure(failure, world, false, "sops")
    else world.err(`${message}\n`)
    return sopsExitCode(failure, command)
  }
}

/** sops looks for `.sops.yaml` from the working folder, wherever the file is. */
async function withConfigOfSops({ command, flags }: SopsInvocation, world: World): Promise<World> {
  const wantsConfig = ["encrypt", "decrypt", "edit", "updatekeys"].includes(command)
  if (!wantsConfig || flags.has("config") || world.env["SOPS_CONFIG"] !== undefined) return world
  const { path } = await findConfig(resolve("."), exists)
  return path === null ? world : { ...world, env: { ...world.env, SOPS_CONFIG: path } }
}

const commands: Readonly<Record<Exclude<SopsCommand, "edit" | "groups">, () => Promise<CommandModule>>> = {
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

async function run(invocation: SopsInvocation, world: World): Promise<number> {
  const { command, operands } = invocation
  const [file, ...more] = operands
  switch (command) {
    case "encrypt":
      return ours("encrypt", encryptArguments(invocation, world), world)
    case "decrypt":
      return ours("decrypt", await decryptArguments(invocation, world), world)
    case "set":
      return set(invocation, world)
    case "unset":
      return ours(
        "unset",
        [
          wanted(file),
          ...more,
          ...pass(invocation, ["ignore-mac", "idempotent", "input-type", "output-type", "indent"]),
        ],
        world,
      )
    case "rotate":
      return rotate(invocation, world)
    case "edit":
      return edit(invocation, world)
    case "updatekeys":
      return ours("updatekeys", [wanted(file), ...more, ...pass(invocation, ["yes", "input-type", "config"])], world)
    case "exec-env":
      return ours(
        "exec-env",
        [wanted(file), ...more, ...pass(invocation, ["pristine", "user", "background", "input-type"])],
        world,
      )
    case "exec-file":
      if (invocation.flags.has("background"))
        throw new WrongUsage("sops exec-file --background is not done here", {
          hint: "the decrypted file would be gone before CMD reads it, as it is with sops",
        })
      return ours(
        "exec-file",
        [wanted(file), ...more, ...pass(invocation, ["filename", "user", "input-type", "output-type"])],
        world,
      )
    case "filestatus":
      return ours("filestatus", [wanted(file), ...pass(invocation, ["input-type"])], world)
    case "groups":
      await changeGroups(groupChange(invocation), world)
      return 0
  }
}

function wanted(file: string | undefined): string {
  if (file === undefined) throw new NoFileNamed()
  return file
}

/** Flags that are called alike. */
function pass({ flags }: SopsInvocation, names: readonly string[]): string[] {
  return names.flatMap((name) => {
    const value = flags.get(name)
    if (value === undefined) return []
    return value === true ? [`--${name}`] : [`--${name}=${value}`]
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
  ["unencrypted-comment-regex", "encrypted-comment-regex", "output", "in-place", "indent"],
)

function encryptArguments(invocation: SopsInvocation, world: World): string[] {
  const recipients = list(invocation.flags.get("age") ?? world.env["SOPS_AGE_RECIPIENTS"])
  return [
    ...invocation.operands.slice(0, 1),
    ...recipients.flatMap((text) => ["-r", text]),
    ...pass(invocation, encryptFlags),
  ]
}

async function decryptArguments(invocation: SopsInvocation, world: World): Promise<string[]> {
  const { flags, operands } = invocation
  const [file] = operands
  // Only the sub-command reads standard input.
  if (file === undefined && flags.has("decrypt")) throw new NoFileNamed()
  if (flags.has("in-place") && (file === undefined || flags.has("output")))
    throw new WrongUsage("--in-place wants a file, and no --output")
  const args = [
    ...(file === undefined ? [] : [file]),
    ...pass(invocation, ["extract", "ignore-mac", "output", "in-place"]),
  ]
  const override = flags.get("filename-override")
  const name = typeof override === "string" ? override : file
  const input = flags.get("input-type") ?? (name === file ? undefined : formatOfName(String(name)))
  // sops takes the format of what it prints from the name, even when told that of what it reads.
  const output =
    flags.get("output-type") ?? (name === undefined || input === undefined ? undefined : formatOfName(name))
  if (typeof input === "string") args.push(`--input-type=${input}`)
  if (typeof output === "string") args.push(`--output-type=${output}`)
  const format = formatNamed(String(output ?? input)) ?? formatOfName(name ?? "")
  const indent = flags.get("indent") ?? (await configuredIndent(invocation, format, world))
  if (typeof indent === "string") args.push(`--indent=${indent}`)
  return args
}

/** sops prints with the indentation that `.sops.yaml` wants. A configuration that is broken is no reason not to decrypt. */
async function configuredIndent({ flags }: SopsInvocation, format: Format, world: World): Promise<string | undefined> {
  const config = flags.get("config")
  try {
    const configs = new Configs(typeof config === "string" ? { config } : {}, { ...world, err: () => undefined })
    return (await configs.indentOf(format))?.toString()
  } catch (failure) {
    if (failure instanceof Failure) return undefined
    throw failure
  }
}

async function set(invocation: SopsInvocation, world: World): Promise<number> {
  const { flags, operands } = invocation
  const old = flags.get("set")
  const options = pass(invocation, ["ignore-mac", "idempotent", "input-type", "output-type", "indent"])
  if (typeof old === "string") {
    const [path, value] = /^(.*?\]) (.*)$/s.exec(old)?.slice(1) ?? []
    if (path === undefined || value === undefined) throw new KeyPathInvalid(old, "a space and a JSON value follow it")
    return ours("set", [wanted(operands[0]), path, value, ...options], world)
  }
  const [file, path, value] = operands
  const fromStandardInput = flags.has("value-stdin")
  if (path === undefined || (value === undefined && !fromStandardInput)) throw new NoFileNamed()
  const source =
    fromStandardInput || value === undefined
      ? "--value-stdin"
      : flags.has("value-file")
        ? `--value-file=${value}`
        : value
  return ours("set", [wanted(file), path, source, ...options], world)
}

/** Without `--in-place`, sops prints the rotated file and leaves the old one. */
async function rotate(invocation: SopsInvocation, world: World): Promise<number> {
  const { flags, operands } = invocation
  const file = wanted(operands[0])
  const options = [
    ...list(flags.get("add-age")).flatMap((text) => ["--add-age", text]),
    ...list(flags.get("rm-age")).flatMap((text) => ["--rm-age", text]),
    ...pass(invocation, ["ignore-mac", "input-type", "indent"]),
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
  const indent = flags.get("indent")
  const options = {
    ...(typeof inputType === "string" ? { inputType } : {}),
    ...(typeof config === "string" ? { config } : {}),
    ...(flags.has("ignore-mac") ? ({ ignoreMac: true } as const) : {}),
    ...(flags.has("show-master-keys") ? ({ showMasterKeys: true } as const) : {}),
    ...(typeof indent === "string" ? { indent: numberOf(indent) } : {}),
  }
  return (await editPath(wanted(operands[0]), options, world)) ? 0 : unchangedCode
}

function numberOf(text: string): number {
  if (!/^-?\d{1,9}$/.test(text)) throw new WrongUsage(`expected a number, not ${quote(text)}`)
  return Number(text)
}

function groupChange({ operands, flags }: SopsInvocation): GroupChange {
  const [action, ...rest] = operands
  const [index] = rest
  const threshold = flags.get("shamir-secret-sharing-threshold")
  const file = flags.get("file")
  const options = {
    path: wanted(typeof file === "string" ? file : undefined),
    threshold: typeof threshold === "string" ? numberOf(threshold) : 0,
    inPlace: flags.has("in-place"),
  }
  if (action === "add" && index === undefined) return { ...options, change: { add: list(flags.get("age")) } }
  if (action === "delete" && index !== undefined && rest.length === 1)
    return { ...options, change: { remove: numberOf(index) } }
  throw new WrongUsage("sops groups wants: add --file FILE --age RECIPIENT, or delete --file FILE INDEX")
}
