/**
 * Follows encrypted values through versions of files, without a key. What can be known:
 *
 *   - one ciphertext is one value, in whatever file it stands;
 *   - files that share a wrapped data key or a ciphertext have the same data key;
 *   - under one data key, a value that stays keeps its ciphertext (sops keeps its IV), so another ciphertext is another value;
 *   - under a new data key all ciphertexts are new: type and length must do. Where they are the same, the value is presumed to be;
 *   - where all lengths are others too, nothing shows that the data key is new, and it is presumed to be the old.
 *
 * Whatever cannot be known is presumed unchanged, so that no value is taken for a new one that may be the old.
 */
import { DisjointSets, NumberList } from "./disjoint-sets.ts"
import type { FileVersion, SealedValue } from "./file-version.ts"
import { MarkTable } from "./mark-table.ts"

type Layout = readonly Pick<SealedValue, "path" | "keys">[]

/** A version in little space: `values` are numbers of ciphertexts, in the order of `layout`. */
export type StoredVersion = Readonly<{
  groups: FileVersion["groups"]
  needed: number
  layout: Layout
  values: Int32Array
  /** The number of a wrapped key or ciphertext, by which its data key is found; -1 when it shows none. */
  token: number
}>

/** What became of a file in a commit, by numbers of versions. `after`: null where it was deleted. */
export type Succession = Readonly<{ path: string; before: readonly number[]; after: number | null }>

/** A value that has no counterpart in its own file. */
type Loose = Readonly<{ value: number; keys: string; path: string; version: number }>

export class Lineage {
  readonly #tokens = new MarkTable()
  readonly #shapes = new Map<string, number>()
  readonly #layouts = new Map<string, Layout>()
  readonly #groups = new Map<string, FileVersion["groups"]>()
  readonly #versions: StoredVersion[] = []
  readonly #shapeOf = new NumberList()
  readonly #dataKeys = new DisjointSets()
  readonly #values = new DisjointSets()
  readonly #slots = new DisjointSets()
  readonly #files = new DisjointSets()
  /** Values that were replaced: three numbers each, value, its successor, commit. */
  readonly #replaced = new NumberList()

  /** Takes up a version. All versions come before the first `follow`. @returns its number */
  add({ groups, needed, wraps, sealed }: FileVersion): number {
    const tokens = [...wraps, ...sealed.map(({ tag }) => tag)].map((token) => this.#token(token))
    const [first = -1] = tokens
    for (const token of tokens) this.#dataKeys.join(first, token)
    const values = Int32Array.from(tokens.slice(wraps.length))
    sealed.forEach(({ type, length }, index) => {
      this.#shapeOf.set(values[index]!, intern(this.#shapes, `${type} ${length}`, this.#shapes.size))
    })
    const layout = sealed.map(({ path, keys }) => ({ path, keys }))
    this.#versions.push({
      groups: intern(this.#groups, JSON.stringify(groups), groups),
      needed,
      layout: intern(this.#layouts, JSON.stringify(layout), layout),
      values,
      token: first,
    })
    return this.#files.add()
  }

  #token(text: string): number {
    const token = this.#tokens.number(text)
    if (token === this.#shapeOf.length) {
      this.#dataKeys.add()
      this.#values.add()
      this.#slots.add()
      this.#shapeOf.push(0)
    }
    return token
  }

  version(number: number): StoredVersion {
    const version = this.#versions[number]
    if (version === undefined) throw new RangeError(`there is no version ${number}`)
    return version
  }

  /** What stands for the data key of a version; -1 when nothing does. */
  dataKeyOf({ token }: StoredVersion): number {
    return token < 0 ? -1 : this.#dataKeys.find(token)
  }

  /** What stands for the data key that a ciphertext was made with. */
  dataKeyOfValue(value: number): number {
    return this.#dataKeys.find(value)
  }

  /** What stands for a value: ciphertexts with the same are, or are presumed to be, of the same value. */
  plaintextOf(value: number): number {
    return this.#values.find(value)
  }

  /** What stands for the place of a value, whatever values it had, and through moves. */
  slotOf(value: number): number {
    return this.#slots.find(value)
  }

  /** What stands for a file, through all its versions and names. */
  fileOf(version: number): number {
    return this.#files.find(version)
  }

  /** Each value that was replaced by another: both, and the commit that did. */
  *replacements(): Generator<Readonly<{ value: number; by: number; commit: number }>> {
    for (let at = 0; at < this.#replaced.length; at += 3)
      yield { value: this.#replaced.at(at), by: this.#replaced.at(at + 1), commit: this.#replaced.at(at + 2) }
  }

  /** Takes up what one commit did. Commits come in order, parents first. @param commit - its number */
  follow(commit: number, successions: readonly Succession[]): void {
    const gone: Loose[] = []
    const come: Loose[] = []
    const deleted = successions.filter(({ after }) => after === null)
    const moved = new Set<Succession>()
    for (const { path, before, after } of successions) {
      if (after === null) continue
      const origin = before.length > 0 ? null : this.#originOf(path, after, deleted)
      if (origin !== null) moved.add(origin)
      const from = before.length > 0 ? before : (origin?.before ?? [])
      this.#succeed(from, after, path, commit, gone, come)
    }
    for (const succession of deleted) {
      if (moved.has(succession)) continue
      for (const version of succession.before) gone.push(...this.#all(version, succession.path))
    }
    this.#rejoin(gone, come)
  }

  #all(version: number, path: string): Loose[] {
    const { layout, values } = this.version(version)
    return layout.map(({ keys }, index) => ({ value: values[index]!, keys, path, version }))
  }

  /** The deleted file that a new one was: it shares ciphertexts, or else most of its keys. */
  #originOf(path: string, after: number, deleted: readonly Succession[]): Succession | null {
    if (deleted.length === 0) return null
    const own = this.version(after)
    const values = new Set(own.values)
    const sharing = deleted.find(({ before }) =>
      before.some((number) => this.version(number).values.some((value) => values.has(value))),
    )
    if (sharing !== undefined) return sharing
    const keys = new Set(own.layout.map((entry) => entry.keys))
    let best: Succession | null = null
    let most = 0
    for (const candidate of deleted) {
      const theirs = new Set(
        candidate.before.flatMap((number) => this.version(number).layout.map((entry) => entry.keys)),
      )
      const common = [...theirs].filter((key) => keys.has(key)).length
      const likeness = common / Math.max(1, keys.size + theirs.size - common)
      const sameName = path.split("/").at(-1) === candidate.path.split("/").at(-1)
      const points = likeness < 0.5 ? 0 : likeness + (sameName ? 1 : 0)
      if (points > most) {
        most = points
        best = candidate
      }
    }
    return best
  }

  /** One version follows others: of each value that is not there any more, what stands in its place. */
  #succeed(before: readonly number[], after: number, path: string, commit: number, gone: Loose[], come: Loose[]): void {
    const next = this.#all(after, path)
    const here = new Set(next.map(({ value }) => value))
    const known = new Set<number>()
    const answered = new Set<string>()
    for (const number of before) {
      this.#files.join(number, after)
      for (const value of this.version(number).values) known.add(value)
    }
    for (const number of before) {
      const own = new Set(this.version(number).values)
      const left = this.#all(number, path).filter(({ value }) => !here.has(value))
      const kept = own.size > left.length
      if (!kept && left.length > 0 && !this.#isRotated(left, next)) this.#presumeSameDataKey(number, after)
      const proven = this.#sameDataKey(number, after) && (kept || own.size === 1)
      const arrived = next.filter(({ value }) => !own.has(value))
      const byKeys = groupBy(arrived, ({ keys }) => keys)
      for (const [keys, losers] of groupBy(left, (loose) => loose.keys)) {
        const winners = byKeys.get(keys) ?? []
        if (winners.length === 0) gone.push(...losers)
        else answered.add(keys)
        // What a merge took from another parent is that parent's value, and says nothing of this one's.
        const fresh = winners.filter(({ value }) => !known.has(value))
        this.#replace(losers, winners, proven ? [] : fresh, commit)
      }
    }
    for (const loose of next) if (!known.has(loose.value) && !answered.has(loose.keys)) come.push(loose)
  }

  /**
   * Whether a value that looks as it did has another ciphertext, as it has after a rotation. Without one, all values may have been changed
   * and the old data key wrapped anew for all, as `sops updatekeys` does.
   */
  #isRotated(left: readonly Loose[], next: readonly Loose[]): boolean {
    const looks = ({ value, keys }: Loose): string => `${this.#shapeOf.at(value)} ${keys}`
    const here = new Set(next.map(looks))
    return left.some((loose) => here.has(looks(loose)))
  }

  #presumeSameDataKey(one: number, other: number): void {
    const [first, second] = [this.version(one).token, this.version(other).token]
    if (first >= 0 && second >= 0) this.#dataKeys.join(first, second)
  }

  #sameDataKey(one: number, other: number): boolean {
    const key = this.dataKeyOf(this.version(one))
    return key >= 0 && key === this.dataKeyOf(this.version(other))
  }

  /** Values under the same keys: `winners` came for `losers`; `alike`: those of them that may be the old values, if they look so. */
  #replace(losers: readonly Loose[], winners: readonly Loose[], alike: readonly Loose[], commit: number): void {
    for (const { value } of losers) for (const winner of winners) this.#slots.join(value, winner.value)
    const byShape = groupBy(alike, ({ value }) => this.#shapeOf.at(value))
    for (const [shape, same] of groupBy(losers, ({ value }) => this.#shapeOf.at(value))) {
      const matches = byShape.get(shape) ?? []
      // Lists keep their order; where something was added to or taken from them, any may be any.
      if (matches.length === same.length) same.forEach(({ value }, at) => this.#values.join(value, matches[at]!.value))
      else for (const { value } of same) for (const match of matches) this.#values.join(value, match.value)
      if (matches.length > 0) continue
      for (const { value } of same) {
        const [first] = winners
        if (first === undefined) continue
        for (const number of [value, first.value, commit]) this.#replaced.push(number)
      }
    }
  }

  /** What went here may be what came there: under the same keys in another file, or under other keys in the same. */
  #rejoin(gone: readonly Loose[], come: readonly Loose[]): void {
    if (gone.length === 0 || come.length === 0) return
    const places: ((loose: Loose) => string)[] = [({ keys }) => `keys ${keys}`, ({ path }) => `file ${path}`]
    for (const place of places) {
      const key = (loose: Loose): string => `${this.#shapeOf.at(loose.value)} ${place(loose)}`
      const came = groupBy(come, key)
      for (const [at, left] of groupBy(gone, key)) {
        const matches = came.get(at) ?? []
        const [first] = matches
        if (first === undefined) continue
        for (const loose of [...left, ...matches]) {
          this.#values.join(first.value, loose.value)
          this.#slots.join(first.value, loose.value)
          this.#files.join(first.version, loose.version)
        }
      }
    }
  }
}

/** Node 20 has no Map.groupBy. */
function groupBy<Key, T>(items: readonly T[], keyOf: (item: T) => Key): Map<Key, T[]> {
  const groups = new Map<Key, T[]>()
  for (const item of items) {
    const key = keyOf(item)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [item])
    else group.push(item)
  }
  return groups
}

function intern<T>(known: Map<string, T>, key: string, value: T): T {
  const found = known.get(key)
  if (found !== undefined) return found
  known.set(key, value)
  return value
}
