/** The exposure ledger of a repository: its whole history read once, with the work tree as the newest version, and no key. */
import { existsSync } from "node:fs"
import { join, relative, sep } from "node:path"
import { readTextIfThere } from "../read-file.ts"
import { configName } from "../sops/find-config.ts"
import { type CommitNote, type Exposure, exposuresOf, type Step } from "./exposure.ts"
import { type ExposureMark, exposureMarksName, parseExposureMarks } from "./exposure-marks.ts"
import { keyId, VersionReader, versionOf, wantedKeyId } from "./file-version.ts"
import { type Blob, type Change, isShallow, listTree, readBlobs, readCommits } from "./history.ts"
import { type NamedKey, readKeyNames } from "./key-names.ts"
import { Lineage, type Succession } from "./lineage.ts"
import { isExcluded, type Repository, sniffLimit, within } from "./repository.ts"

/** A file that is encrypted, and once was committed in plain text: everybody who has the history can read that. */
export type PlainOnce = Readonly<{ file: string; commit: CommitNote }>

export type Ledger = Readonly<{
  exposures: readonly Exposure[]
  plainOnce: readonly PlainOnce[]
  /** How many commits were looked at. */
  commits: number
  /** The clone lacks older commits, so that the ledger may lack exposures. */
  shallow: boolean
  /** Blobs that this clone does not have, or that are too large. */
  unread: number
  /** The names of keys, of now and of the past. */
  names: ReadonlyMap<string, NamedKey>
}>

/** What stands for the work tree where commits are named. */
const workTree: CommitNote = { id: "", date: "", subject: "" }

/** What a blob turned out to be: the number of its version, or why it has none. */
type BlobState = number | "plain" | "unreadable"

/**
 * Reads the ledger of a repository that git keeps.
 * @returns null without git, or before the first commit
 * @throws GitFailed, ExposureMarksInvalid
 */
export async function readLedger(repository: Repository): Promise<Ledger | null> {
  const { git, root } = repository
  if (git?.head === undefined || git.head === null) return null
  const history = new HistoryReader(git.top, pathBelow(git.top, root), repository)
  await history.readCommits(git.head)
  await history.readBlobs()
  const present = await history.present(git.head)
  const names = new Map([...history.names, ...repository.names])
  return {
    exposures: exposuresOf({
      lineage: history.lineage,
      commits: history.commits,
      steps: history.steps,
      present,
      marks: (await readMarks(repository)).map((mark) => ({ ...mark, file: history.below + mark.file })),
      ...entitlement(repository, history.below),
    }),
    plainOnce: history.plainOnce,
    commits: history.commits.length,
    shallow: await isShallow(git.top),
    unread: history.unread,
    names,
  }
}

/** The folder as git's paths begin: with a slash at its end, or "" for the top. */
function pathBelow(top: string, root: string): string {
  const below = relative(top, root).split(sep).join("/")
  return below === "" ? "" : `${below}/`
}

/** The marks of a repository; none without their file. @throws ExposureMarksInvalid, ReadFailed */
async function readMarks({ root }: Repository): Promise<ExposureMark[]> {
  const text = (await readTextIfThere(join(root, exposureMarksName))) ?? ""
  return within(exposureMarksName, () => parseExposureMarks(text))
}

/** Who shall read what: by the rules, and where none is for a file, by the file. */
function entitlement(
  { files, config, policy }: Repository,
  below: string,
): Pick<Parameters<typeof exposuresOf>[0], "entitled" | "entitledOnce"> {
  const everybody = new Set((config.rules ?? []).flatMap((rule) => rule.groups.flat().map(wantedKeyId)))
  const byPath = new Map<string, ReadonlySet<string>>()
  for (const { path, rule, content } of files) {
    if (rule !== null) byPath.set(below + path, new Set(rule.groups.flat().map(wantedKeyId)))
    else if (content.state === "encrypted")
      byPath.set(below + path, new Set(content.file.metadata.groups.flat().map(keyId)))
  }
  return {
    entitled: (path) => byPath.get(path) ?? null,
    entitledOnce: (path, keys) => {
      if (!path.startsWith(below) || isExcluded(path.slice(below.length), policy)) return null
      return new Set([...keys].filter((key) => everybody.has(key)))
    },
  }
}

class HistoryReader {
  readonly lineage = new Lineage()
  readonly commits: CommitNote[] = []
  readonly steps: Step[] = []
  readonly plainOnce: PlainOnce[] = []
  readonly names = new Map<string, NamedKey>()
  readonly below: string
  unread = 0
  readonly #top: string
  readonly #repository: Repository
  readonly #changes: (readonly Change[])[] = []
  /** Blobs, each with a path that it stood under, oldest first. */
  readonly #paths = new Map<string, string>()
  readonly #states = new Map<string, BlobState>()
  readonly #versions = new VersionReader()

  constructor(top: string, below: string, repository: Repository) {
    this.#top = top
    this.below = below
    this.#repository = repository
  }

  async readCommits(head: string): Promise<void> {
    for await (const { id, date, subject, changes } of readCommits(this.#top, head)) {
      this.commits.push({ id, date, subject })
      this.#changes.push(changes)
      for (const { path, before, after } of changes)
        for (const blob of after === null ? before : [...before, after])
          if (!this.#paths.has(blob)) this.#paths.set(blob, path)
    }
  }

  async readBlobs(): Promise<void> {
    for await (const blob of readBlobs(this.#top, [...this.#paths.keys()], sniffLimit)) await this.#readBlob(blob)
  }

  async #readBlob({ id, bytes }: Blob): Promise<void> {
    const path = this.#paths.get(id) ?? ""
    if (bytes === null) {
      this.unread += 1
      return
    }
    if (path === this.below + configName)
      for (const [key, named] of readKeyNames(Buffer.from(bytes).toString("utf8"))) this.names.set(key, named)
    const read = await this.#versions.read(path, bytes)
    this.#states.set(id, read.state === "sops" ? this.lineage.add(read.version) : read.state)
  }

  /** Follows all commits and the work tree. @returns the versions that stand now, by path */
  async present(head: string): Promise<Map<string, number>> {
    const tree = await listTree(this.#top, head)
    const changed = this.#workTreeChanges(tree)
    const follower = new Follower(this.lineage, this.#states, this.plainOnce)
    this.#changes.forEach((changes, commit) => {
      const note = this.commits[commit] ?? workTree
      this.steps.push(...follower.follow(commit, note, changes))
    })
    if (changed.length > 0) {
      // Nobody who was removed could read what was not committed yet, so it is no step; it counts as what stands now.
      this.commits.push(workTree)
      follower.follow(this.commits.length - 1, workTree, changed)
    }
    const present = new Map<string, number>()
    for (const [path, blob] of tree) {
      const version = follower.versionAt(path, blob)
      if (version !== null) present.set(path, version)
    }
    for (const { path, after } of changed) {
      const version = after === null ? null : follower.versionAt(path, after)
      if (version === null) present.delete(path)
      else present.set(path, version)
    }
    return present
  }

  #workTreeChanges(tree: ReadonlyMap<string, string>): Change[] {
    const { files, git, root } = this.#repository
    if (git === null || git.changed.size === 0) return []
    const changes: Change[] = []
    for (const { path, changed, content, sha256 } of files) {
      if (!changed || content.state !== "encrypted") continue
      // A name that no blob can have.
      const blob = `work tree ${sha256}`
      this.#states.set(blob, this.lineage.add(versionOf(content.file)))
      const before = tree.get(this.below + path)
      changes.push({ path: this.below + path, before: before === undefined ? [] : [before], after: blob })
    }
    for (const path of git.changed) {
      const before = tree.get(path)
      if (before === undefined || !path.startsWith(this.below)) continue
      if (!existsSync(join(root, path.slice(this.below.length)))) changes.push({ path, before: [before], after: null })
    }
    return changes
  }
}

/** Turns changes of blobs into successions of versions. */
class Follower {
  readonly #lineage: Lineage
  readonly #states: ReadonlyMap<string, BlobState>
  readonly #plainOnce: PlainOnce[]
  /** What a blob that shows nothing stands for: the version before it, by path and blob. */
  readonly #standIns = new Map<string, number>()
  /** The last version that a path had, for files that come back. */
  readonly #last = new Map<string, number>()

  constructor(lineage: Lineage, states: ReadonlyMap<string, BlobState>, plainOnce: PlainOnce[]) {
    this.#lineage = lineage
    this.#states = states
    this.#plainOnce = plainOnce
  }

  /** The version that a blob at a path is, or stands for where it is damaged; null for what is no secret. */
  versionAt(path: string, blob: string): number | null {
    const state = this.#states.get(blob)
    if (typeof state === "number") return state
    return state === "plain" ? null : (this.#standIns.get(`${path}\0${blob}`) ?? null)
  }

  follow(commit: number, note: CommitNote, changes: readonly Change[]): Step[] {
    const successions: Succession[] = []
    const steps: Step[] = []
    for (const { path, before, after } of changes) {
      const from = before.flatMap((blob) => this.#before(path, blob) ?? [])
      const state = after === null ? null : this.#states.get(after)
      if (after !== null && typeof state === "number") {
        const last = this.#last.get(path)
        successions.push({ path, before: before.length === 0 && last !== undefined ? [last] : from, after: state })
        steps.push({ commit, path, blob: after, version: state })
        this.#last.set(path, state)
        if (before.some((blob) => this.#states.get(blob) === "plain")) this.#notePlain(path, note)
      } else if (after === null) {
        if (from.length > 0) successions.push({ path, before: from, after: null })
      } else if (from[0] !== undefined) {
        this.#standIns.set(`${path}\0${after}`, from[0])
        if (state === "plain") this.#notePlain(path, note)
      }
    }
    this.#lineage.follow(commit, successions)
    return steps
  }

  #before(path: string, blob: string): number | null {
    const state = this.#states.get(blob)
    return typeof state === "number" ? state : (this.#standIns.get(`${path}\0${blob}`) ?? null)
  }

  #notePlain(file: string, commit: CommitNote): void {
    if (commit !== workTree && !this.#plainOnce.some((note) => note.file === file))
      this.#plainOnce.push({ file, commit })
  }
}
