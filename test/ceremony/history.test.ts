import { readdirSync, readFileSync, rmSync, statSync, symlinkSync } from "node:fs"
import { join } from "node:path"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { DisjointSets, NumberList } from "../../src/ceremony/disjoint-sets.ts"
import { GitFailed, RevisionUnknown } from "../../src/ceremony/failures.ts"
import { readVersion, VersionReader, type VersionState } from "../../src/ceremony/file-version.ts"
import { type Commit, listTree, parseBatch, readBlobs, readCommits, resolveCommit } from "../../src/ceremony/history.ts"
import { MarkTable } from "../../src/ceremony/mark-table.ts"
import { fuzzRuns } from "../fuzz-runs.ts"
import { SopsHistory } from "./sops-history.ts"

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const item of items) list.push(item)
  return list
}

const head = (history: SopsHistory): Promise<string> => resolveCommit(history.root, "HEAD")
const commitsOf = async (history: SopsHistory): Promise<Commit[]> => all(readCommits(history.root, await head(history)))
const changesOf = (commit: Commit | undefined): unknown[] =>
  commit?.changes.map(({ path, before, after }) => [path, before.length, after === null ? 0 : 1]) ?? []

describe("the commits of a history", () => {
  it("come oldest first, each with what it added, changed and deleted", async () => {
    using history = new SopsHistory()
    history.write("a", "1")
    history.write("b", "1")
    const first = history.commit("first: two files")
    history.write("a", "2")
    rmSync(join(history.root, "b"))
    const second = history.commit("second")
    const commits = await commitsOf(history)
    expect(commits.map(({ id, subject }) => [id, subject])).toEqual([
      [first, "first: two files"],
      [second, "second"],
    ])
    expect(commits[0]?.date).toMatch(/^2026-01-02T00:00:00/)
    expect(changesOf(commits[0])).toEqual([
      ["a", 0, 1],
      ["b", 0, 1],
    ])
    expect(changesOf(commits[1])).toEqual([
      ["a", 1, 1],
      ["b", 1, 0],
    ])
    expect(commits[1]?.changes[0]?.before[0]).toBe(commits[0]?.changes[0]?.after)
  })

  it.each(["with space", "with\nline feed", "with\ttab", "ümläut", '"quoted"', ":colon", "\u0001control", "-dash"])(
    "have paths as they are: %j",
    async (path) => {
      using history = new SopsHistory()
      history.write(path, "1")
      history.commit("odd")
      expect(changesOf((await commitsOf(history))[0])).toEqual([[path, 0, 1]])
      expect([...(await listTree(history.root, await head(history))).keys()]).toEqual([path])
    },
  )

  it("have no links, and no subject that is taken for a change", async () => {
    using history = new SopsHistory()
    history.write("a", "1")
    symlinkSync("a", join(history.root, "link"))
    history.commit(":100644 100644 is my subject")
    rmSync(join(history.root, "link"))
    history.git("commit", "--quiet", "--all", "--allow-empty-message", "--message", "")
    const commits = await commitsOf(history)
    expect(changesOf(commits[0])).toEqual([["a", 0, 1]])
    expect(commits.map(({ subject }) => subject)).toEqual([":100644 100644 is my subject", ""])
    expect(commits[1]?.changes).toEqual([])
    expect([...(await listTree(history.root, await head(history))).keys()]).toEqual(["a"])
  })

  it("of merges have what differs from all parents, with all of them", async () => {
    using history = new SopsHistory()
    history.write("a", "1")
    history.write("b", "1")
    history.commit("base")
    history.git("checkout", "--quiet", "-b", "side")
    history.write("a", "side")
    history.commit("side")
    history.git("checkout", "--quiet", "main")
    history.write("a", "main")
    history.write("b", "main")
    history.commit("main")
    history.git("merge", "--quiet", "--no-commit", "--strategy=ours", "side")
    history.write("a", "both")
    history.commit("merge")
    const commits = await commitsOf(history)
    expect(commits).toHaveLength(4)
    expect(changesOf(commits.at(-1))).toEqual([["a", 2, 1]])
  })

  it("are those of a commit that git knows, whatever its name", async () => {
    using history = new SopsHistory()
    const id = history.commit("first")
    history.git("tag", "v1")
    for (const name of ["HEAD", "v1", "main", id, id.slice(0, 8)])
      expect(await resolveCommit(history.root, name)).toBe(id)
    for (const name of ["no-such", "HEAD~9", "--all", "-h", "", "HEAD..main"])
      await expect(resolveCommit(history.root, name), name).rejects.toThrow(RevisionUnknown)
  })

  it("fail with what git says", async () => {
    using history = new SopsHistory()
    await expect(all(readCommits(history.root, "0".repeat(40)))).rejects.toThrow(GitFailed)
  })
})

describe("the contents of blobs", () => {
  it.each([
    { what: "a blob that is wanted", printed: "a blob 9\nabc", limit: 1000 },
    { what: "a blob that is passed over", printed: "a blob 9\nabc", limit: 1 },
    { what: "the line feed behind one", printed: "a blob 3\nabc", limit: 1000 },
    { what: "the first line", printed: "", limit: 1000 },
  ])("fails when git ends in $what", async ({ printed, limit }) => {
    async function* pieces(): AsyncGenerator<Uint8Array> {
      yield await Promise.resolve(Buffer.from(printed))
    }
    await expect(all(parseBatch(pieces(), ["a"], limit, "folder"))).rejects.toThrow(GitFailed)
  })

  it("come in order, without those that are too large or not there", async () => {
    using history = new SopsHistory()
    const content = { small: "small", empty: "", large: "x".repeat(200_000), binary: "\n\0blob 3\n" }
    for (const [name, text] of Object.entries(content)) history.write(name, text)
    history.commit("all")
    const tree = await listTree(history.root, await head(history))
    const ids = [
      ...["small", "large", "binary"].map((name) => tree.get(name) ?? ""),
      "0".repeat(40),
      tree.get("empty") ?? "",
    ]
    const blobs = await all(readBlobs(history.root, ids, 1000))
    expect(blobs.map(({ id }) => id)).toEqual(ids)
    expect(blobs.map(({ bytes }) => (bytes === null ? null : Buffer.from(bytes).toString()))).toEqual([
      "small",
      null,
      content.binary,
      null,
      "",
    ])
  })

  it("are many megabytes without being kept", async () => {
    using history = new SopsHistory()
    for (let index = 0; index < 30; index++) history.write(`f${index}`, String(index).repeat(100_000))
    history.commit("many")
    const ids = [...(await listTree(history.root, await head(history))).values()]
    let total = 0
    for await (const { bytes } of readBlobs(history.root, ids, 1 << 20)) total += bytes?.length ?? 0
    expect(total).toBe(10 * 100_000 + 20 * 200_000)
  })
})

const folder = new URL("../vectors/yubikey/repo/secrets/", import.meta.url).pathname
const files = readdirSync(folder, { recursive: true, encoding: "utf8" })
  .filter((name) => statSync(join(folder, name)).isFile())
  .map((name) => ({ name, bytes: readFileSync(join(folder, name)) }))

/** Tags and marks are the same whichever way they were found. */
function seen(state: VersionState): unknown {
  return state.state === "sops" ? state.version : state.state
}

describe("versions", () => {
  it.each(files)("of $name show the same when they are read by their shape", async ({ name, bytes }) => {
    const reader = new VersionReader()
    const alone = await readVersion(name, bytes)
    expect(alone.state).toBe("sops")
    for (const turn of [1, 2]) expect(seen(await reader.read(name, bytes)), String(turn)).toEqual(seen(alone))
  })

  it("show the same by their shape however they are damaged", async () => {
    const reader = new VersionReader()
    const damaged = fc.constantFrom(...files).chain(({ name, bytes }) =>
      fc.record({
        name: fc.constant(name),
        bytes: fc
          .tuple(
            fc.nat(bytes.length - 1),
            fc.nat(40),
            fc.oneof(fc.uint8Array({ maxLength: 4 }), fc.constant(bytes.subarray(0, 90))),
          )
          .map(([at, less, more]) => Buffer.concat([bytes.subarray(0, at), more, bytes.subarray(at + less)])),
      }),
    )
    await fc.assert(
      fc.asyncProperty(damaged, async ({ name, bytes }) => {
        expect(seen(await reader.read(name, bytes))).toEqual(seen(await readVersion(name, bytes)))
      }),
      { numRuns: fuzzRuns },
    )
  })

  it("are plain or unreadable where they are no SOPS file, whatever the bytes", async () => {
    const reader = new VersionReader()
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array(),
        fc.constantFrom("a.yaml", "a.json", "a.env", "a.ini", "a"),
        async (bytes, name) => {
          expect(["plain", "unreadable"]).toContain((await reader.read(name, bytes)).state)
        },
      ),
      { numRuns: fuzzRuns },
    )
  })

  it("tell values by their tags, with their length, type and place", async () => {
    const { bytes } = files.find(({ name }) => name === "app.json") ?? { bytes: Buffer.alloc(0) }
    const state = await readVersion("app.json", bytes)
    if (state.state !== "sops") throw new TypeError("it cannot be read")
    const { sealed, wraps, groups, needed } = state.version
    expect(sealed.map(({ path, type, length }) => [path, type, length])).toEqual([
      [["a"], "str", 12],
      [["n", 0], "int", 1],
      [["n", 1], "float", 3],
      [["n", 2], "bool", 4],
      [["n", 4, "k"], "str", 12],
      [["u"], "str", 8],
    ])
    expect(sealed[0]).toMatchObject({ keys: "a:", tag: "oGSq6HOnIctM3PrWFBa1vw==" })
    expect(sealed[4]).toMatchObject({ keys: "n:k:" })
    expect(new Set(wraps).size).toBe(6)
    expect([groups[0]?.length, needed]).toEqual([6, 1])
  })
})

describe("sets that are joined", () => {
  it("hold those that were joined together, and nobody else", () => {
    const pair = fc.tuple(fc.nat(30), fc.nat(30))
    fc.assert(
      fc.property(fc.array(pair), (joins) => {
        const sets = new DisjointSets()
        const model = Array.from({ length: 31 }, (_, index) => new Set([index]))
        for (let member = 0; member <= 30; member++) expect(sets.add()).toBe(member)
        for (const [one, other] of joins) {
          sets.join(one, other)
          const joined = new Set([...(model[one] ?? []), ...(model[other] ?? [])])
          for (const member of joined) model[member] = joined
        }
        for (let one = 0; one <= 30; one++)
          for (let other = 0; other <= 30; other++)
            expect(sets.find(one) === sets.find(other)).toBe(model[one]?.has(other))
      }),
    )
  })

  it("count as far as there is memory", () => {
    const list = new NumberList()
    for (let number = 0; number < 5000; number++) list.push(number)
    expect([list.length, list.at(0), list.at(4999), list.at(5000)]).toEqual([5000, 0, 4999, 0])
  })
})

describe("numbers of marks", () => {
  it("are the same for the same text, and another for each other, in the order of their first coming", () => {
    const table = new MarkTable()
    const model = new Map<string, number>()
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.base64String({ minLength: 1, maxLength: 32 }), fc.string())), (texts) => {
        for (const text of texts) {
          const expected = model.get(text) ?? model.size
          model.set(text, expected)
          expect(table.number(text)).toBe(expected)
        }
      }),
      { numRuns: 500 },
    )
    expect(table.size).toBe(model.size)
    expect(model.size).toBeGreaterThan(1000)
  })
})
