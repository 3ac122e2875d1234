/** `ts-age-yk audit`: who can decrypt what, what is not as it should be, and what removed keys could read. Needs no key. */
import { realpath } from "node:fs/promises"
import { join, relative, resolve, sep } from "node:path"
import { Command, InvalidArgumentError } from "commander"
import { type Audit, audit } from "../../ceremony/audit.ts"
import { auditDocument } from "../../ceremony/audit-document.ts"
import { auditPage } from "../../ceremony/audit-html.ts"
import { appendExposureMarks, exposureMarksName, marksFor } from "../../ceremony/exposure-marks.ts"
import { MarkRefused } from "../../ceremony/failures.ts"
import { keyLabel, keyNamed, type NamedKey } from "../../ceremony/key-names.ts"
import { hostOfName, type Manifest, parseManifest } from "../../ceremony/manifest-needs.ts"
import { type Repository, readRepository, within } from "../../ceremony/repository.ts"
import { readRepositoryAt } from "../../ceremony/repository-at.ts"
import { counted } from "../../counted.ts"
import { EXIT, keyPathText } from "../../failure.ts"
import { printable, quote } from "../../quote.ts"
import { readText, readTextIfThere } from "../../read-file.ts"
import { replaceFile } from "../../replace-file.ts"
import { parseKeyPath } from "../../sops/key-path.ts"
import { auditText } from "../audit-text.ts"
import { attested } from "../evidence.ts"
import { WrongUsage } from "../failures.ts"
import { collect } from "../options.ts"
import type { World } from "../world.ts"

type ManifestOption = Readonly<{ host: string; path: string }>
type Options = Readonly<{
  at?: string
  manifest?: ManifestOption[]
  attestationRoot?: string[]
  html?: string
  json?: true
}>

export function define(command: Command, world: World, done: (status: number) => void): void {
  command
    .argument("[PATH...]", "only these files and folders; all unless given")
    .option("--at <REV>", "as a commit has it, without a checkout, instead of the work tree")
    .option(
      "--manifest <FILE>",
      "what a host needs: the JSON that sops-install-secrets is given, by the host's name or as NAME=FILE (repeatable)",
      collect(parseManifestOption),
    )
    .option(
      "--attestation-root <PEM>",
      "trust attestations by this root instead of Yubico's (repeatable)",
      collect(String),
    )
    .option("--html <FILE>", "write it to FILE as one page that needs no network")
    .option("--json", "one JSON document")
    .action(async (paths: string[], options: Options) => {
      done(await run(paths, options, world))
    })
  for (const state of ["rotated", "waived"] as const) command.addCommand(markCommand(state, world, done))
}

function parseManifestOption(text: string): ManifestOption {
  const [, host, path] = /^([A-Za-z0-9_.-]+)=(.+)$/s.exec(text) ?? []
  if (host !== undefined && path !== undefined) return { host, path }
  const name = hostOfName(text)
  if (name === "") throw new InvalidArgumentError("its name says no host: use NAME=FILE")
  return { host: name, path: text }
}

async function run(paths: readonly string[], options: Options, world: World): Promise<number> {
  const repository = options.at === undefined ? await readRepository(".") : await readRepositoryAt(".", options.at)
  for (const { line, text } of repository.config.warnings)
    world.err(`ts-age-yk: warning: .sops.yaml, line ${line}: ${text}\n`)
  const manifests = await Promise.all((options.manifest ?? []).map(readManifest))
  const found = await audit(repository, {
    at: options.at === undefined ? null : (repository.git?.head ?? null),
    manifests,
    attested: await attested(repository, options, world),
    covers: await coverOf(paths, repository),
  })
  const names = found.ledger?.names ?? repository.names
  if (options.html !== undefined) {
    const page = auditPage(found, names, { root: repository.root, now: world.now() })
    await replaceFile(options.html, Buffer.from(page), 0o644)
  }
  if (options.json === true) await world.out(`${JSON.stringify(auditDocument(found, names), null, 2)}\n`)
  else if (options.html === undefined) await world.out(auditText(found, names))
  return found.drift.due ? EXIT.changesDue : 0
}

async function readManifest({ host, path }: ManifestOption): Promise<Manifest> {
  const text = await readText(path)
  return within(path, () => parseManifest(text, host))
}

/** Whether paths of the repository are asked about. Files of the past, which are not there, are asked about by their paths too. */
async function coverOf(paths: readonly string[], { root }: Repository): Promise<(path: string) => boolean> {
  const wanted = await Promise.all(paths.map((path) => repositoryPath(path, root)))
  if (wanted.length === 0) return () => true
  return (path) => wanted.some((folder) => folder === "" || path === folder || path.startsWith(`${folder}/`))
}

/** A path that was typed, as the repository has it. */
async function repositoryPath(path: string, root: string): Promise<string> {
  const absolute = await realpath(path).catch(() => resolve(path))
  return relative(root, absolute).split(sep).join("/")
}

type MarkOptions = Readonly<{ key?: string; reason?: string }>

function markCommand(state: "rotated" | "waived", world: World, done: (status: number) => void): Command {
  const command = new Command(state === "rotated" ? "rotated" : "waive")
    .description(
      state === "rotated"
        ? "say that values were changed, where the history does not show it"
        : "say why values that a removed key could read need not be changed",
    )
    .argument("[FILE]", "only values of this file, as the ledger names it")
    .argument("[PATH]", 'only this value, like ["db"]["password"]')
    .option("--key <NAME>", "only what this key could read; by name or recipient")
  if (state === "waived") command.requiredOption("--reason <TEXT>", "why; it is recorded")
  else command.option("--reason <TEXT>", "what was done; it is recorded")
  return command.action(async (file: string | undefined, path: string | undefined, options: MarkOptions) => {
    done(await mark(state, file, path, options, world))
  })
}

async function mark(
  state: "rotated" | "waived",
  file: string | undefined,
  path: string | undefined,
  options: MarkOptions,
  world: World,
): Promise<number> {
  if (file === undefined && options.key === undefined)
    throw new WrongUsage("which values? name a file, or a key with --key")
  if (state === "waived" && !/\S/.test(options.reason ?? ""))
    throw new WrongUsage("a reason is wanted", { where: { option: "--reason" } })
  const repository = await readRepository(".")
  const wish = { at: null, manifests: [], attested: new Set<string>(), covers: () => true }
  const found = await audit(repository, wish)
  const names = found.ledger?.names ?? repository.names
  const wanted = file === undefined ? null : await repositoryPath(file, repository.root)
  const keyPath = path === undefined ? null : keyPathText(parseKeyPath(path))
  const key = options.key === undefined ? null : keyCalled(options.key, names)
  const rows = openRows(found).filter(
    (row) =>
      (wanted === null || row.file === wanted || row.file.startsWith(`${wanted}/`)) &&
      (keyPath === null || keyPathText(row.keyPath) === keyPath) &&
      (key === null || row.key === key),
  )
  if (rows.length === 0)
    throw new MarkRefused("the ledger has no open value that fits", { hint: "ts-age-yk audit lists what is open" })
  const readable = rows.find((row) => row.readable)
  if (state === "rotated" && readable !== undefined)
    throw new MarkRefused(`${keyLabel(readable.key, names)} reads what stands there now, so it cannot be rotated yet`, {
      where: { file: readable.file, keyPath: readable.keyPath },
      hint: "first ts-age-yk rekey, and commit; then change the value",
    })
  const marksPath = join(repository.root, exposureMarksName)
  const before = (await readTextIfThere(marksPath)) ?? ""
  const day = world.now().toISOString().slice(0, 10)
  const marks = marksFor(rows, state, options.reason ?? "", day)
  const after = within(exposureMarksName, () => appendExposureMarks(before, marks))
  await replaceFile(marksPath, Buffer.from(after), 0o644)
  await world.out(`${counted(rows.length, "value")} ${state}, in ${exposureMarksName}\n`)
  return 0
}

function openRows({ ledger }: Audit): NonNullable<Audit["ledger"]>["exposures"] {
  return ledger?.exposures.filter(({ state }) => state.is === "open") ?? []
}

function keyCalled(name: string, names: ReadonlyMap<string, NamedKey>): string {
  const named = keyNamed(name, names)
  if (named !== undefined) return named.recipient
  // A key that never had a name is called by itself.
  if (/^(age1|ssh-)/.test(name)) return name
  throw new WrongUsage(`no key is, or was, called ${quote(name)}`, {
    where: { option: "--key" },
    hint: `names are those of .sops.yaml, of now and before: ${[...names.values()]
      .flatMap((key) => key.names.map(printable))
      .slice(0, 20)
      .join(", ")}`,
  })
}
