/** `ts-age-yk sops`: sops' own command line, for `alias sops='ts-age-yk sops'` and for programs that call sops. Exit codes are sops'. */
import type { Command } from "commander"
import { Failure } from "../../failure.ts"
import { printable } from "../../quote.ts"
import { KeyPathInvalid } from "../../sops/failures.ts"
import { findConfig } from "../../sops/find-config.ts"
import { formatOfName } from "../../sops/format.ts"
import type { Format } from "../../sops/stores/store.ts"
import { version } from "../../version.ts"
import { NoFileNamed, WrongUsage } from "../failures.ts"
import { type CommandModule, runCommand } from "../run-command.ts"
import {
  parseSopsArguments,
  refuseKeyServiceAlone,
  type SopsCommand,
  type SopsInvocation,
  sopsUsage,
} from "../sops-arguments.ts"
import { Configs, exists } from "../sops-config.ts"
import { editAsSops, reportAsSops, rotateAsSops, updateKeysAsSops } from "../sops-drop-in.ts"
import { sopsExitCode } from "../sops-exit.ts"
import { changeGroups, type GroupChange } from "../sops-groups.ts"
import { encryptArguments, formatsOf, list, numberOf, pass, passFormats, valueOf, wanted } from "../sops-spelling.ts"
import { workingFolder } from "../working-folder.ts"
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
    if (invocation.flags.has("help")) {
      await world.out(sopsUsage)
      return 0
    }
    refuseKeyServiceAlone(world.env)
    command = invocation.command
    return await run(invocation, await withConfigOfSops(invocation, world))
  } catch (failure) {
    if (!(failure instanceof Failure)) throw failure
    reportAsSops(failure, world)
    return sopsExitCode(failure, command)
  }
}

/** sops looks for `.sops.yaml` from the working folder, wherever the file is. */
async function withConfigOfSops(invocation: SopsInvocation, world: World): Promise<World> {
  const wantsConfig = ["encrypt", "decrypt", "edit", "updatekeys"].includes(invocation.command)
  const isNamed = (valueOf(invocation, "config") ?? world.env["SOPS_CONFIG"] ?? "") !== ""
  if (!wantsConfig || isNamed) return world
  const { path } = await findConfig(workingFolder(world), exists)
  return path === null ? world : { ...world, env: { ...world.env, SOPS_CONFIG: path } }
}

const commands: Readonly<
  Record<Exclude<SopsCommand, "edit" | "groups" | "rotate" | "updatekeys">, () => Promise<CommandModule>>
> = {
  encrypt: () => import("./encrypt.ts"),
  decrypt: () => import("./decrypt.ts"),
  set: () => import("./set.ts"),
  unset: () => import("./unset.ts"),
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
  if (more.length > 0 && firstOnly.includes(command))
    world.err(`sops: warning: only ${printable(wanted(file))} is looked at, not what stands behind it\n`)
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
        [...changeOptions(invocation), ...types(invocation, world), "--", ...exactly(2, invocation)],
        world,
      )
    case "rotate":
      return rotateAsSops(invocation, world)
    case "edit":
      return editAsSops(invocation, world)
    case "updatekeys":
      return updateKeysAsSops(invocation, world)
    case "exec-env":
      return ours(
        "exec-env",
        [
          ...pass(invocation, ["pristine", "user", "background"]),
          ...types(invocation, world),
          "--",
          ...exactly(2, invocation),
        ],
        world,
      )
    case "exec-file":
      if (invocation.flags.has("background"))
        throw new WrongUsage("sops exec-file --background is not done here", {
          hint: "the decrypted file would be gone before CMD reads it, as it is with sops",
        })
      return ours(
        "exec-file",
        [...pass(invocation, ["filename", "user"]), ...types(invocation, world), "--", ...exactly(2, invocation)],
        world,
      )
    case "filestatus":
      return ours("filestatus", [...types(invocation, world), "--", wanted(file)], world)
    case "groups":
      await changeGroups(groupChange(invocation), world)
      return 0
  }
}

/** Commands that take one file, and pass over what stands behind it. */
const firstOnly: readonly SopsCommand[] = ["encrypt", "decrypt", "edit", "rotate", "filestatus"]

const operandsOf: Readonly<Partial<Record<SopsCommand, string>>> = {
  set: "FILE PATH JSON, or FILE PATH with --value-stdin",
  unset: "FILE PATH",
  "exec-env": "FILE CMD, with CMD in quotes",
  "exec-file": "FILE CMD, with CMD in quotes",
}

/** @throws NoFileNamed where there are more or fewer */
function exactly(count: number, { command, operands }: SopsInvocation): readonly string[] {
  if (operands.length !== count)
    throw new NoFileNamed(`sops ${command} wants ${count} arguments, not ${operands.length}`, operandsOf[command])
  return operands
}

/** What is to be read, and where it was asked for, what is to be written; without that, what is written stays in its format. */
function types(invocation: SopsInvocation, world: World): string[] {
  const { input, output } = formatsOf(invocation, world)
  const asked = invocation.flags.has("output-type") && output !== undefined
  return [...(input === undefined ? [] : [`--input-type=${input}`]), ...(asked ? [`--output-type=${output}`] : [])]
}

function changeOptions(invocation: SopsInvocation): string[] {
  return pass(invocation, ["ignore-mac", "idempotent", "indent"])
}

async function decryptArguments(invocation: SopsInvocation, world: World): Promise<string[]> {
  const { flags, operands } = invocation
  const [file] = operands
  if (flags.has("in-place") && (file === undefined || flags.has("output")))
    throw new WrongUsage("--in-place wants a file, and no --output")
  const { name, input, output } = formatsOf(invocation, world)
  const indent =
    valueOf(invocation, "indent") ??
    (await configuredIndent(invocation, output ?? input ?? formatOfName(name ?? ""), world))
  return [
    ...pass(invocation, ["extract", "ignore-mac", "output", "in-place"]),
    ...passFormats(invocation, world),
    ...(indent === undefined ? [] : [`--indent=${indent}`]),
    ...(file === undefined ? [] : ["--", file]),
  ]
}

/** sops prints with the indentation that `.sops.yaml` wants. A configuration that is broken is no reason not to decrypt. */
async function configuredIndent(invocation: SopsInvocation, format: Format, world: World): Promise<string | undefined> {
  const config = valueOf(invocation, "config")
  try {
    const configs = new Configs(config === undefined ? {} : { config }, { ...world, err: () => undefined })
    return (await configs.indentOf(format))?.toString()
  } catch (failure) {
    if (failure instanceof Failure) return undefined
    throw failure
  }
}

async function set(invocation: SopsInvocation, world: World): Promise<number> {
  const { flags, operands } = invocation
  const old = flags.get("set")
  const options = [...changeOptions(invocation), ...types(invocation, world)]
  if (typeof old === "string") {
    const [path, value] = /^(.*?\]) (.*)$/s.exec(old)?.slice(1) ?? []
    if (path === undefined || value === undefined) throw new KeyPathInvalid(old, "a space and a JSON value follow it")
    return ours("set", [...options, "--", wanted(operands[0]), path, value], world)
  }
  const [fromFile, fromInput] = [flags.has("value-file"), flags.has("value-stdin")]
  if (fromFile && fromInput) throw new WrongUsage("--value-file and --value-stdin exclude each other")
  const [file = "", path = "", value = ""] = exactly(fromInput ? 2 : 3, invocation)
  if (fromInput) return ours("set", [...options, "--value-stdin", "--", file, path], world)
  if (fromFile) return ours("set", [...options, `--value-file=${value}`, "--", file, path], world)
  return ours("set", [...options, "--", file, path, value], world)
}

function groupChange(invocation: SopsInvocation): GroupChange {
  const { operands, flags } = invocation
  const [action, ...rest] = operands
  const [index] = rest
  const threshold = valueOf(invocation, "shamir-secret-sharing-threshold")
  const options = {
    path: wanted(valueOf(invocation, "file")),
    threshold: threshold !== undefined ? numberOf("shamir-secret-sharing-threshold", threshold) : 0,
    inPlace: flags.has("in-place"),
  }
  if (action === "add" && index === undefined) return { ...options, change: { add: list(flags.get("age")) } }
  if (action === "delete" && index !== undefined && rest.length === 1)
    return { ...options, change: { remove: numberOf("index", index) } }
  throw new WrongUsage("sops groups wants: add --file FILE --age RECIPIENT, or delete --file FILE INDEX")
}
