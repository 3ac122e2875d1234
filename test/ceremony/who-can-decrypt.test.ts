import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { driftOf } from "../../src/ceremony/drift.ts"
import { hostOfName, type Manifest, needsOf, parseManifest } from "../../src/ceremony/manifest-needs.ts"
import { readRepository } from "../../src/ceremony/repository.ts"
import { type WhoCanDecrypt, whoCanDecrypt } from "../../src/ceremony/who-can-decrypt.ts"
import { Failure, keyPathText } from "../../src/failure.ts"
import { fuzzRuns } from "../fuzz-runs.ts"
import { SopsHistory } from "./sops-history.ts"

async function accessOf(history: SopsHistory): Promise<WhoCanDecrypt> {
  const repository = await readRepository(history.root)
  return whoCanDecrypt(repository, repository.names)
}

/** A file's keys by name: `x` alone, `q` with others, `-` not wanted, `+` wanted. */
function letters(history: SopsHistory, access: WhoCanDecrypt, path: string): string {
  const file = access.files.find((candidate) => candidate.path === path)
  return [...(file?.keys ?? [])]
    .map(([key, { reach, wanted }]) => {
      const letter = reach === null ? "+" : !wanted ? "-" : reach === "alone" ? "x" : "q"
      return `${history.nameOf(key)}${letter}`
    })
    .sort()
    .join(" ")
}

describe("who can decrypt", () => {
  it("says who opens a file, who should not, and who should and does not", async () => {
    using history = new SopsHistory()
    history.config({ "secrets/.*": ["admin", "vega"] })
    await history.encrypt("secrets/a.yaml", "a: b\n", ["admin", "lena"])
    expect(letters(history, await accessOf(history), "secrets/a.yaml")).toBe("admin× lena- vega+".replace("×", "x"))
  })

  it("calls nobody too many where no rule is for a file", async () => {
    using history = new SopsHistory()
    history.config({ "secrets/.*": ["admin"] })
    await history.encrypt("other.yaml", "a: b\n", ["admin", "lena"])
    expect(letters(history, await accessOf(history), "other.yaml")).toBe("adminx lenax")
  })

  it.each([
    { who: [["admin"], ["lena"], ["vega"]], expected: "adminq lenaq vegaq" },
    { who: [["admin", "lena"], ["admin"], ["vega"]], expected: "adminx lenaq vegaq" },
  ])("counts the groups that a key is in: $expected", async ({ who, expected }) => {
    using history = new SopsHistory()
    history.config({ "secrets/.*": who })
    await history.encrypt("secrets/a.yaml", "a: b\n", who)
    const access = await accessOf(history)
    expect(letters(history, access, "secrets/a.yaml")).toBe(expected)
    expect(access.files[0]).toMatchObject({ groups: 3, needed: 2 })
  })

  it("lists keys in the order of the configuration, then those that it does not know", async () => {
    using history = new SopsHistory()
    history.config({ "secrets/.*": ["vega", "admin"] })
    await history.encrypt("secrets/a.yaml", "a: b\n", ["admin", "lena"])
    const { keys } = await accessOf(history)
    expect(keys.map(({ key, configured, files }) => [history.nameOf(key), configured, files])).toEqual([
      ["vega", true, 0],
      ["admin", true, 1],
      ["lena", false, 1],
    ])
    expect(keys.map(({ names }) => names.length)).toEqual([1, 1, 0])
  })

  it("tells values in plain text that are meant so from those that are not", async () => {
    using history = new SopsHistory()
    history.config({ "secrets/.*": ["admin"] })
    await history.encrypt("secrets/a.yaml", "a: b\nb: c\nport_unencrypted: 1\ngone: ''\nnothing: null\n", ["admin"])
    const text = Buffer.from(history.read("secrets/a.yaml")).toString()
    history.write("secrets/a.yaml", text.replace(/^b: .*$/m, "b: plain by hand"))
    const access = await accessOf(history)
    expect(access.files[0]?.plain.map(({ keyPath, mistake }) => [keyPathText(keyPath), mistake])).toEqual([
      ['["b"]', true],
      ['["port_unencrypted"]', false],
    ])
    expect(access.files[0]?.sealed.map(keyPathText)).toEqual(['["a"]'])
    const drift = driftOf(await readRepository(history.root), access, new Set(), false)
    expect([drift.due, drift.files.length, drift.mistakes.length]).toEqual([true, 0, 1])
  })

  it("takes all that is plain for a mistake where the file's own rule cannot be read", async () => {
    using history = new SopsHistory()
    history.config({ "secrets/.*": ["admin"] })
    await history.encrypt("secrets/a.yaml", "a: b\nport_unencrypted: 1\n", ["admin"])
    const text = Buffer.from(history.read("secrets/a.yaml")).toString()
    history.write("secrets/a.yaml", text.replace("unencrypted_suffix: _unencrypted", "encrypted_regex: ^(?!a)"))
    const access = await accessOf(history)
    expect(access.files[0]?.plain.map(({ mistake }) => mistake)).toEqual([true])
  })

  it("has files that are plain or cannot be read, and says so", async () => {
    using history = new SopsHistory()
    history.config({ "secrets/.*": ["admin"] })
    history.write("secrets/plain.yaml", "a: b\n")
    history.write("secrets/broken.yaml", "sops:\n  age: [\n")
    const access = await accessOf(history)
    expect(access.files.map(({ path, state }) => [path, state])).toEqual([
      ["secrets/broken.yaml", "broken"],
      ["secrets/plain.yaml", "plain"],
    ])
    const drift = driftOf(await readRepository(history.root), access, new Set(), false)
    expect(drift.files.map(({ path, change }) => [path, change.kind])).toEqual([["secrets/broken.yaml", "refuse"]])
    expect(drift.guards.map(({ name }) => name)).toEqual(expect.arrayContaining(["plain-file", "broken-file"]))
  })

  it("finds keys without a name, and keys that no rule names", async () => {
    using history = new SopsHistory()
    history.config({ "secrets/.*": ["admin"] }, { named: false })
    await history.encrypt("secrets/a.yaml", "a: b\n", ["admin", "lena"])
    const drift = driftOf(await readRepository(history.root), await accessOf(history), new Set(), false)
    expect(drift.unnamed.map((key) => history.nameOf(key)).sort()).toEqual(["admin", "lena"])
    expect(drift.unknown.map((key) => history.nameOf(key))).toEqual(["lena"])
  })

  it("is due for what the policy demands, not for what it does not", async () => {
    using history = new SopsHistory()
    history.config({ "secrets/.*": ["admin"] })
    await history.encrypt("secrets/a.yaml", "a: b\n", ["admin"])
    const due = async (): Promise<boolean> =>
      driftOf(await readRepository(history.root), await accessOf(history), new Set(), false).due
    expect(await due()).toBe(false)
    history.write(".ts-age-yk.yaml", "backups: 1\n")
    expect(await due()).toBe(true)
  })
})

describe("what a host needs", () => {
  const store = "/nix/store/0123456789abcdfghijklmnpqrsvwxyz"
  const secret = (sopsFile: string, key: string, more: Record<string, string> = {}): Record<string, string> => ({
    name: key === "" ? "whole" : key,
    sopsFile,
    key,
    format: "yaml",
    ...more,
  })
  const manifest = (...secrets: readonly unknown[]): Manifest =>
    parseManifest(JSON.stringify({ secrets, useTmpfs: false, unknown: [1] }), "vega")

  async function repository(): Promise<SopsHistory> {
    const history = new SopsHistory()
    history.config({ "secrets/a.*": ["admin", "vega"], "secrets/.*": ["admin"] })
    await history.encrypt("secrets/a.yaml", "wifi:\n  home: x\n  work: y\ntoken: z\n", ["admin", "vega"])
    await history.encrypt("secrets/all.env", "A=b\n", ["admin", "vega"])
    await history.encrypt("secrets/other.yaml", "root: r\n", ["admin"])
    return history
  }

  it.each([
    {
      what: "a value",
      secrets: [secret(`${store}-source/secrets/a.yaml`, "token")],
      excess: ['["wifi"]["home"]', '["wifi"]["work"]'],
    },
    { what: "a map of values", secrets: [secret(`${store}-source/secrets/a.yaml`, "wifi")], excess: ['["token"]'] },
    {
      what: "a file of the store alone",
      secrets: [secret(`${store}-a.yaml`, "wifi/home")],
      excess: ['["wifi"]["work"]', '["token"]'],
    },
    {
      what: "a flake below its top",
      secrets: [secret(`${store}-source/nix/secrets/a.yaml`, "token")],
      excess: ['["wifi"]["home"]', '["wifi"]["work"]'],
    },
    { what: "the whole file", secrets: [secret("secrets/a.yaml", "")], excess: [] },
  ])("is $what, and what it can read besides is told", async ({ secrets, excess }) => {
    using history = await repository()
    const read = await readRepository(history.root)
    const needs = needsOf(manifest(...secrets), read, await whoCanDecrypt(read, read.names))
    expect(history.nameOf(needs.key ?? "")).toBe("vega")
    expect(needs.lacking).toEqual([])
    const expected = excess.length === 0 ? [] : [{ file: "secrets/a.yaml", whole: false, values: excess }]
    expect(needs.excess).toEqual([...expected, { file: "secrets/all.env", whole: true, values: ['["A"]'] }])
  })

  it("is found by the hash that Nix wrote, whatever the path", async () => {
    using history = await repository()
    const read = await readRepository(history.root)
    const sha256 = read.files.find(({ path }) => path === "secrets/all.env")?.sha256 ?? ""
    const wanted = manifest(secret("/elsewhere", "", { format: "dotenv", sopsFileHash: sha256 }))
    const needs = needsOf(wanted, read, await whoCanDecrypt(read, read.names))
    expect([needs.files, needs.lacking]).toEqual([["secrets/all.env"], []])
  })

  it.each([
    { secrets: [secret("secrets/other.yaml", "root")], why: "the host is no recipient of the file" },
    { secrets: [secret("secrets/a.yaml", "wifi/cafe")], why: 'the file has no ["wifi"]["cafe"]' },
    { secrets: [secret("secrets/none.yaml", "root")], why: "no file of the repository is it" },
  ])("is lacking: $why", async ({ secrets, why }) => {
    using history = await repository()
    const read = await readRepository(history.root)
    const needs = needsOf(manifest(...secrets), read, await whoCanDecrypt(read, read.names))
    expect(needs.lacking.map((one) => one.why)).toEqual([why])
  })

  it("is said to be unknown where no key is called as the host", async () => {
    using history = await repository()
    const read = await readRepository(history.root)
    const needs = needsOf({ host: "nova", secrets: [] }, read, await whoCanDecrypt(read, read.names))
    expect(needs).toMatchObject({ key: null, excess: [] })
  })

  it.each([
    ["lena.json", "lena"],
    ["/tmp/lena-manifest.json", "lena"],
    ["manifest-lena.json", "lena"],
    ["/nix/store/0123456789abcdfghijklmnpqrsvwxyz-lena.json", "lena"],
    ["manifest.json", ""],
  ])("belongs to the host that its name says: %s", (path, host) => {
    expect(hostOfName(path)).toBe(host)
  })

  it("is a manifest, or a failure that says why not, whatever the text", () => {
    const value = fc.jsonValue()
    const text = fc.oneof(
      fc.string(),
      value.map((some) => JSON.stringify(some)),
      fc
        .array(fc.oneof(value, fc.record({ sopsFile: value, key: value, name: value, format: value })))
        .map((secrets) => JSON.stringify({ secrets })),
    )
    fc.assert(
      fc.property(text, (some) => {
        try {
          expect(parseManifest(some, "x").secrets).toBeInstanceOf(Array)
        } catch (failure) {
          expect(failure).toBeInstanceOf(Failure)
        }
      }),
      { numRuns: fuzzRuns },
    )
  })
})
