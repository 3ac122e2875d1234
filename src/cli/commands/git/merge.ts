/** `ts-age-yk git merge`: git's merge driver for SOPS files. The plaintext of the three versions is in memory only. */
import { Command } from "commander"
import { isAgeFile } from "../../../age/file.ts"
import { keyPathText } from "../../../failure.ts"
import { readBytes } from "../../../read-file.ts"
import { replaceFile } from "../../../replace-file.ts"
import { MergeConflict, NotMergeable } from "../../../sops/failures.ts"
import { readEncrypted } from "../../../sops/file.ts"
import { formatOfEncrypted } from "../../../sops/format.ts"
import type { Conflict } from "../../../sops/merge.ts"
import { type MergedFile, mergeFiles, type OpenVersion, openVersion, type Version } from "../../../sops/merge-files.ts"
import { sessionOpener } from "../../../sops/session-opener.ts"
import { openSession } from "../../access.ts"
import { declareIdentities, type IdentityOptions, parseNumber } from "../../options.ts"
import { runProgramOf } from "../../shell.ts"
import { keyWrapper, locate } from "../../sops-change.ts"
import type { World } from "../../world.ts"

type Options = IdentityOptions & Readonly<{ markerSize?: number }>

export function mergeCommand(world: World, done: (status: number) => void): Command {
  return declareIdentities(new Command("merge"))
    .description("merge SOPS files value by value; exit 1 where both sides changed the same")
    .argument("<BASE>", "%O: the version that both sides come from")
    .argument("<OURS>", "%A: our version, replaced by the merged file")
    .argument("<THEIRS>", "%B: their version")
    .argument("<PATH>", "%P: the file's path")
    .option("--marker-size <N>", "%L: length of git's conflict markers, for files that are not encrypted", parseNumber)
    .action(async (base: string, ours: string, theirs: string, path: string, options: Options) => {
      done(await locate(path, () => merge({ base, ours, theirs }, path, options, world)))
    })
}

const sides = ["base", "ours", "theirs"] as const
type Three<T> = Readonly<{ base: T; ours: T; theirs: T }>

async function merge(files: Three<string>, path: string, options: Options, world: World): Promise<number> {
  const bytes = { base: readBytes(files.base), ours: readBytes(files.ours), theirs: readBytes(files.theirs) }
  const versions = Object.values(bytes).filter(({ length }) => length > 0)
  if (versions.some(isAgeFile)) throw new NotMergeable("both sides changed it, and an age file has no parts to merge")
  const encrypted = versions.filter((version) => formatOfEncrypted(path, version) !== null)
  if (encrypted.length === 0) return mergeText(files, options, world)
  if (encrypted.length < versions.length) {
    const plain = sides.filter((side) => bytes[side].length > 0 && !encrypted.includes(bytes[side]))
    throw new NotMergeable(
      `not all of its versions are encrypted: ${plain.join(" and ")} ${plain.length > 1 ? "are" : "is"} not`,
    )
  }
  const merged = await mergeEncrypted(bytes, path, options, world)
  await replaceFile(files.ours, merged.bytes)
  if (merged.conflicts.length > 0 || merged.keysUndecided) throw new MergeConflict(disagreements(merged))
  return 0
}

/** What is not encrypted is merged as git does it. */
function mergeText(files: Three<string>, { markerSize }: Options, world: World): Promise<number> {
  const size = markerSize === undefined ? [] : [`--marker-size=${markerSize}`]
  const labels = ["ours", "base", "theirs"].flatMap((label) => ["-L", label])
  return runProgramOf("git", ["merge-file", ...size, ...labels, files.ours, files.base, files.theirs], world.env)
}

async function mergeEncrypted(
  bytes: Three<Uint8Array>,
  path: string,
  options: Options,
  world: World,
): Promise<MergedFile> {
  await using session = openSession(options, world)
  const open = async (side: keyof typeof bytes, known: readonly OpenVersion[]): Promise<OpenVersion> =>
    locate(`${path} (${side})`, async () => {
      const version = { name: `${path} (${side})`, ...(await readVersion(bytes[side], path)) }
      return openVersion(version, known, await sessionOpener(version.file.metadata, session))
    })
  using ours = await open("ours", [])
  using theirs = await open("theirs", [ours])
  // Without a common ancestor, git gives an empty file.
  using base = bytes.base.length === 0 ? null : await open("base", [ours, theirs])
  return await mergeFiles(base, ours, theirs, keyWrapper(world), world.now())
}

async function readVersion(bytes: Uint8Array, path: string): Promise<Version> {
  return { bytes, file: await readEncrypted(bytes, formatOfEncrypted(path, bytes) ?? "binary") }
}

function disagreements({ conflicts, keysUndecided }: MergedFile): string[] {
  const keys = keysUndecided ? ["for whom the file is encrypted: ours are kept"] : []
  return [...keys, ...conflicts.map(disagreement)]
}

/** Never the values themselves. */
function disagreement({ document, keyPath, ours, theirs }: Conflict): string {
  const place = [...(document === 0 ? [] : [`document ${document + 1}`]), keyPathText(keyPath)].join(" ").trim()
  return `${place === "" ? "the whole" : place}: ${ours === theirs ? `${ours} by both` : `${ours} by ours, ${theirs} by theirs`}`
}
