/**
 * The exposure ledger: what keys that were removed could read, and whether the values were changed since. A key that once had a data key
 * can read whatever was ever encrypted with it, also what was written after the key was removed. Pure.
 */
import { type KeyPath, keyPathText } from "../failure.ts"
import type { ExposureMark } from "./exposure-marks.ts"
import type { Commit } from "./history.ts"
import type { Lineage, StoredVersion } from "./lineage.ts"

export type CommitNote = Pick<Commit, "id" | "date" | "subject">

/** `rotated`: it was changed, by a commit (null: in a merge), or somebody said so; `waived`: somebody said why it need not be. */
export type ExposureState = Readonly<
  | { is: "open" }
  | { is: "rotated"; by: CommitNote | null; mark: null }
  | { is: "rotated"; by: null; mark: ExposureMark }
  | { is: "waived"; mark: ExposureMark }
>

/** One value that one removed key could read. */
export type Exposure = Readonly<{
  file: string
  keyPath: KeyPath
  /** As the audit knows keys. */
  key: string
  /** False where the key needed keys of other groups beside it. */
  alone: boolean
  since: CommitNote
  /** The last commit that made a version which the key could read, and the blob of that version. */
  last: CommitNote
  version: string
  /** How many values it had that the key could read. */
  values: number
  /** Whether the value is still in the repository. */
  present: boolean
  /** Whether the key can read what stands there now: the file was not rekeyed, or not with a new data key. */
  readable: boolean
  state: ExposureState
}>

/** A version as a commit made it. `commit` counts from 0, oldest first. */
export type Step = Readonly<{ commit: number; path: string; blob: string; version: number }>

export type ExposureInput = Readonly<{
  lineage: Lineage
  commits: readonly CommitNote[]
  steps: readonly Step[]
  /** The versions that stand now, by path. */
  present: ReadonlyMap<string, number>
  /** Who shall read a file that stands now; null for files that are not asked about. */
  entitled: (path: string) => ReadonlySet<string> | null
  /** The same for a file that is gone, whose last version had these keys. */
  entitledOnce: (path: string, keys: ReadonlySet<string>) => ReadonlySet<string> | null
  marks: readonly ExposureMark[]
}>

type Grant = { since: number; alone: boolean }
type Seen = { since: number; last: Step; at: number; alone: boolean; plaintexts: Set<number> }
type Place = { path: string; keyPath: KeyPath; value: number }

/** Keys of a version, and whether each opens it alone. */
function keysOf({ groups, needed }: StoredVersion): Map<string, boolean> {
  const counts = new Map<string, number>()
  for (const group of groups) for (const key of new Set(group)) counts.set(key, (counts.get(key) ?? 0) + 1)
  return new Map([...counts].map(([key, count]) => [key, count >= needed]))
}

/** @returns all exposures, by file and key path */
export function exposuresOf(input: ExposureInput): Exposure[] {
  return new Ledger(input).rows()
}

class Ledger {
  readonly #input: ExposureInput
  readonly #grants = new Map<number, Map<string, Grant>>()
  readonly #presentFiles = new Map<number, string[]>()
  readonly #places = new Map<number, Place[]>()
  /** By slot and key: what the key could read there. */
  readonly #seen = new Map<number, Map<string, Seen>>()

  constructor(input: ExposureInput) {
    this.#input = input
    const { lineage, present, steps } = input
    for (const { commit, version } of steps) this.#grant(commit, lineage.version(version))
    for (const [path, version] of present) {
      getOr(this.#presentFiles, lineage.fileOf(version), () => []).push(path)
      const { layout, values } = lineage.version(version)
      layout.forEach((entry, index) => {
        const value = values[index]!
        getOr(this.#places, lineage.slotOf(value), () => []).push({ path, keyPath: entry.path, value })
      })
    }
    for (const step of steps) this.#look(step)
  }

  #grant(commit: number, version: StoredVersion): void {
    const dataKey = this.#input.lineage.dataKeyOf(version)
    if (dataKey < 0) return
    const grants = getOr(this.#grants, dataKey, () => new Map<string, Grant>())
    for (const [key, alone] of keysOf(version)) {
      const grant = grants.get(key)
      if (grant === undefined) grants.set(key, { since: commit, alone })
      else grant.alone ||= alone
    }
  }

  /** Keys that could read a version, and are not meant to read everything that became of its file. */
  #suspects(step: Step): [string, Grant][] {
    const { lineage, entitled, entitledOnce } = this.#input
    const version = lineage.version(step.version)
    const grants = [...(this.#grants.get(lineage.dataKeyOf(version)) ?? [])]
    const paths = this.#presentFiles.get(lineage.fileOf(step.version))
    // Parts of a file that stands may be gone, or have gone to another file, so this only leaves out who may read all of it.
    const sets = (paths ?? []).map((path) => entitled(path))
    if (paths === undefined) sets.push(entitledOnce(step.path, new Set(keysOf(version).keys())))
    return grants.filter(([key]) => sets.some((set) => set !== null && !set.has(key)))
  }

  #look(step: Step): void {
    const suspects = this.#suspects(step)
    if (suspects.length === 0) return
    const { lineage } = this.#input
    const version = lineage.version(step.version)
    version.values.forEach((value, at) => {
      const keys = getOr(this.#seen, lineage.slotOf(value), () => new Map<string, Seen>())
      const plaintext = lineage.plaintextOf(value)
      for (const [key, { since, alone }] of suspects) {
        const from = Math.max(step.commit, since)
        const seen = keys.get(key)
        if (seen === undefined) keys.set(key, { since: from, last: step, at, alone, plaintexts: new Set([plaintext]) })
        else {
          seen.since = Math.min(seen.since, from)
          seen.last = step
          seen.at = at
          seen.alone ||= alone
          seen.plaintexts.add(plaintext)
        }
      }
    })
  }

  rows(): Exposure[] {
    const rows: Exposure[] = []
    const changes = this.#changes()
    const marks = this.#marks()
    for (const [slot, keys] of this.#seen)
      for (const [key, seen] of keys)
        for (const row of this.#rowsOf(slot, key, seen, changes.get(slot) ?? []))
          rows.push(marked(row, this.#marksOf(row, marks.get(slot) ?? [], this.#places.get(slot) ?? []), seen))
    return rows.sort(
      (one, other) =>
        compare(one.file, other.file) || compare(pathOf(one), pathOf(other)) || compare(one.key, other.key),
    )
  }

  /** Marks for a row. Of copies, a mark means the one in its file; a file that is gone under that name means what became of it. */
  #marksOf(row: Exposure, marks: readonly PlacedMark[], places: readonly Place[]): PlacedMark[] {
    return marks.filter(
      ({ mark }) => mark.key === row.key && (mark.file === row.file || !places.some(({ path }) => path === mark.file)),
    )
  }

  #rowsOf(slot: number, key: string, seen: Seen, changes: readonly Change[]): Exposure[] {
    const { lineage, entitled, entitledOnce, commits } = this.#input
    const common = {
      key,
      alone: seen.alone,
      since: commits[seen.since]!,
      last: commits[seen.last.commit]!,
      version: seen.last.blob,
      values: seen.plaintexts.size,
    }
    const places = this.#places.get(slot)
    if (places === undefined) {
      const { path, version } = seen.last
      const once = entitledOnce(path, new Set(keysOf(lineage.version(version)).keys()))
      if (once === null || once.has(key)) return []
      const keyPath = lineage.version(version).layout[seen.at]!.path
      return [{ ...common, file: path, keyPath, present: false, readable: false, state: { is: "open" } }]
    }
    return places.flatMap(({ path: file, keyPath, value }): Exposure[] => {
      const set = entitled(file)
      if (set === null || set.has(key)) return []
      const readable = this.#grants.get(lineage.dataKeyOfValue(value))?.has(key) ?? false
      const row = { ...common, file, keyPath, present: true, readable }
      if (readable || seen.plaintexts.has(lineage.plaintextOf(value))) return [{ ...row, state: { is: "open" } }]
      const by = changes.findLast(
        (change) => seen.plaintexts.has(change.plaintext) && !seen.plaintexts.has(change.byPlaintext),
      )
      return [{ ...row, state: { is: "rotated", by: by === undefined ? null : commits[by.commit]!, mark: null } }]
    })
  }

  /** By slot, in order: which value became which. */
  #changes(): Map<number, Change[]> {
    const { lineage } = this.#input
    const changes = new Map<number, Change[]>()
    for (const { value, by, commit } of lineage.replacements()) {
      const slot = lineage.slotOf(value)
      if (!this.#seen.has(slot)) continue
      const change = { plaintext: lineage.plaintextOf(value), byPlaintext: lineage.plaintextOf(by), commit }
      const earlier = getOr(changes, slot, () => [])
      // A merge that takes a branch's value repeats what the branch did.
      const repeats = earlier.some(
        ({ plaintext, byPlaintext }) => plaintext === change.plaintext && byPlaintext === change.byPlaintext,
      )
      if (!repeats) earlier.push(change)
    }
    return changes
  }

  /** Marks by the slot of the value that they name, with the number of the commit that made their version. */
  #marks(): Map<number, PlacedMark[]> {
    const { lineage, marks, steps } = this.#input
    const wanted = new Set(marks.map(({ version }) => version))
    const made = new Map<string, Step>()
    for (const step of steps) if (wanted.has(step.blob)) made.set(step.blob, step)
    const placed = new Map<number, PlacedMark[]>()
    for (const mark of marks) {
      const step = made.get(mark.version)
      if (step === undefined) continue
      const { layout, values } = lineage.version(step.version)
      layout.forEach(({ path }, index) => {
        if (!mark.paths.includes(keyPathText(path))) return
        getOr(placed, lineage.slotOf(values[index]!), () => []).push({ mark, commit: step.commit })
      })
    }
    return placed
  }
}

type Change = Readonly<{ plaintext: number; byPlaintext: number; commit: number }>
type PlacedMark = Readonly<{ mark: ExposureMark; commit: number }>

/** A mark counts for what the key could read until then: a key that came back, and could read more, is not excused by it. */
function marked(row: Exposure, marks: readonly PlacedMark[], seen: Seen): Exposure {
  if (row.state.is !== "open") return row
  const mark = marks.findLast(
    (placed) => placed.commit >= seen.last.commit && (placed.mark.state === "waived" || !row.readable),
  )?.mark
  if (mark === undefined) return row
  return { ...row, state: mark.state === "waived" ? { is: "waived", mark } : { is: "rotated", by: null, mark } }
}

function pathOf({ keyPath }: Exposure): string {
  return keyPathText(keyPath)
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0
}

function getOr<Key, T>(map: Map<Key, T>, key: Key, make: () => T): T {
  const found = map.get(key)
  if (found !== undefined) return found
  const made = make()
  map.set(key, made)
  return made
}
