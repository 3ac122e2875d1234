import { generateX25519Identity, identityToRecipient } from "age-encryption"
import { beforeAll, describe, expect, it } from "vitest"
import { IvStash } from "../../src/sops/cipher.ts"
import { disposeParts, openDataKey, openParts } from "../../src/sops/data-key.ts"
import { encryptAgain, encryptNew } from "../../src/sops/encrypt.ts"
import { DataKeyUnavailable, KeyTypeUnsupported, MacMismatch, NotMergeable } from "../../src/sops/failures.ts"
import { decryptFile, openFile, printDecrypted, readEncrypted } from "../../src/sops/file.ts"
import { storeOf } from "../../src/sops/format.ts"
import { type MergedFile, mergeFiles, type OpenVersion, openVersion } from "../../src/sops/merge-files.ts"
import { keysOf } from "../../src/sops/merge-keys.ts"
import type { KeyGroup } from "../../src/sops/metadata.ts"
import { rotateFile } from "../../src/sops/rotate.ts"
import { defaultSelection, type Selection } from "../../src/sops/selection.ts"
import type { Format } from "../../src/sops/stores/store.ts"
import { applyKeys, planKeys } from "../../src/sops/update-keys.ts"
import { openerOf, wrapWithAge } from "./keys.ts"

const now = new Date("2026-06-30T12:00:00Z")
let identities: string[]
/** Recipients by a letter each. */
let keys: Record<"A" | "B" | "C", string>

beforeAll(async () => {
  identities = await Promise.all([1, 2, 3].map(() => generateX25519Identity()))
  const [A = "", B = "", C = ""] = await Promise.all(identities.map(identityToRecipient))
  keys = { A, B, C }
})

/** "AB,C" is two groups. */
const groupsOf = (letters: string): KeyGroup[] =>
  letters
    .split(",")
    .map((group) => Array.from(group, (letter) => ({ type: "age", recipient: keys[letter as "A"], enc: "" })))

const lettersOf = (groups: readonly KeyGroup[]): string =>
  groups
    .map((group) =>
      group
        .map((key) => Object.entries(keys).find(([, text]) => key.type === "age" && key.recipient === text)?.[0] ?? "?")
        .join(""),
    )
    .join(",")

async function encrypt(
  text: string,
  letters = "A",
  format: Format = "yaml",
  selection: Selection | null = null,
  shamirThreshold = 0,
) {
  const store = await storeOf(format)
  const wish = { groups: groupsOf(letters), shamirThreshold, selection, macOnlyEncrypted: false }
  return encryptNew(store.parse(Buffer.from(text)), { store, input: store }, wish, wrapWithAge, now)
}

/** The same file with other values, its data key and IVs kept, as `edit` writes it. */
async function edit(bytes: Uint8Array, text: string, format: Format = "yaml"): Promise<Uint8Array> {
  const file = await readEncrypted(bytes, format)
  using key = await openDataKey(file.metadata, openerOf(...identities))
  const ivs = new IvStash()
  await decryptFile(file, key, { ivs })
  return await encryptAgain(bytes, file, file.store.parse(Buffer.from(text)), key, { ivs, now })
}

/** As `updatekeys` does, with the data key kept. */
async function rekey(bytes: Uint8Array, letters: string, shamirThreshold = 0): Promise<Uint8Array> {
  const file = await readEncrypted(bytes, "yaml")
  const parts = await openParts(file.metadata, openerOf(...identities))
  const wish = { ...keysOf({ ...file.metadata, groups: groupsOf(letters) }), shamirThreshold }
  const done = await applyKeys(bytes, file, planKeys(file.metadata, wish), parts, wrapWithAge)
  disposeParts(parts)
  return done
}

async function rotate(bytes: Uint8Array, letters: string): Promise<Uint8Array> {
  const file = await readEncrypted(bytes, "yaml")
  const documents = await openFile(file, openerOf(...identities))
  return rotateFile(bytes, file, documents, { groups: groupsOf(letters), shamirThreshold: 0 }, wrapWithAge, now)
}

async function merge(
  base: Uint8Array | null,
  ours: Uint8Array,
  theirs: Uint8Array,
  {
    format = "yaml",
    with_ = identities,
    wrap = wrapWithAge,
  }: { format?: Format; with_?: string[]; wrap?: typeof wrapWithAge } = {},
): Promise<MergedFile> {
  const opener = openerOf(...with_)
  const open = async (bytes: Uint8Array, ...known: OpenVersion[]): Promise<OpenVersion> =>
    openVersion({ bytes, file: await readEncrypted(bytes, format) }, known, opener)
  using own = await open(ours)
  using other = await open(theirs, own)
  using before = base === null ? null : await open(base, own, other)
  return await mergeFiles(before, own, other, wrap, now)
}

async function plain(bytes: Uint8Array, identity: number | undefined = 0, format: Format = "yaml"): Promise<string> {
  const file = await readEncrypted(bytes, format)
  return Buffer.from(printDecrypted(await openFile(file, openerOf(identities[identity]!)), file.store)).toString()
}

const recipientsOf = async (bytes: Uint8Array): Promise<string> =>
  lettersOf((await readEncrypted(bytes, "yaml")).metadata.groups)

/** The lines of values, by their keys. */
function valueLines(bytes: Uint8Array): Record<string, string> {
  const lines = Buffer.from(bytes).toString().split("\nsops:")[0]?.split("\n") ?? []
  return Object.fromEntries(lines.map((line): [string, string] => [line.trim().split(":")[0] ?? "", line]))
}

const encs = async (bytes: Uint8Array): Promise<string[]> =>
  (await readEncrypted(bytes, "yaml")).metadata.groups.flat().map((key) => (key.type === "age" ? key.enc : ""))

const sameKey = async (one: Uint8Array, other: Uint8Array): Promise<boolean> => {
  const [first, second] = [await readEncrypted(one, "yaml"), await readEncrypted(other, "yaml")]
  using key = await openDataKey(first.metadata, openerOf(...identities))
  using match = await openDataKey(second.metadata, openerOf(...identities))
  return key.use((bytes) => match.use((others) => Buffer.from(bytes).equals(others)))
}

describe("values", () => {
  it.each<{ format: Format; base: string; ours: string; theirs: string; merged: string }>([
    {
      format: "yaml",
      base: "a: 1\nb: 1\n",
      ours: "a: 2\nb: 1\n",
      theirs: "a: 1\nb: 2\nc: x\n",
      merged: "a: 2\nb: 2\nc: x\n",
    },
    {
      format: "json",
      base: '{"a": 1, "b": 1}',
      ours: '{"a": 2, "b": 1}',
      theirs: '{"a": 1, "b": 2}',
      merged: '{\n\t"a": 2,\n\t"b": 2\n}\n',
    },
    { format: "dotenv", base: "A=1\nB=1\n", ours: "A=2\nB=1\n", theirs: "A=1\nB=2\n", merged: "A=2\nB=2\n" },
    {
      format: "ini",
      base: "[s]\na = 1\nb = 1\n",
      ours: "[s]\na = 2\nb = 1\n",
      theirs: "[s]\na = 1\nb = 2\n",
      merged: "[s]\na = 2\nb = 2\n",
    },
  ])("of both sides come together in $format", async ({ format, base, ours, theirs, merged }) => {
    const before = await encrypt(base, "A", format)
    const { bytes, conflicts } = await merge(
      before,
      await edit(before, ours, format),
      await edit(before, theirs, format),
      { format },
    )
    expect(conflicts).toEqual([])
    expect(await plain(bytes, 0, format)).toBe(merged)
  })

  it("keep the ciphertext of the side that they come from", async () => {
    const base = await encrypt("a: 1\nb: 1\nc: 1\nd: 1\n")
    const ours = await edit(base, "a: 2\nb: 1\nc: 1\nd: 5\n")
    const theirs = await edit(base, "a: 1\nb: 2\nc: 1\nd: 5\n")
    const { bytes } = await merge(base, ours, theirs)
    const [own, other] = [valueLines(ours), valueLines(theirs)]
    expect(valueLines(bytes)).toEqual({ ...own, b: other["b"] })
    expect(own["d"]).not.toBe(other["d"])
  })

  it("leave the bytes of the side that has all of it", async () => {
    const base = await encrypt("a: 1\nb: 1\n")
    const side = await edit(base, "a: 2\nb: 1\n")
    const more = await edit(side, "a: 2\nb: 2\n")
    expect((await merge(base, side, base)).bytes).toEqual(side)
    expect((await merge(base, base, side)).bytes).toEqual(side)
    expect((await merge(base, side, more)).bytes).toEqual(more)
  })

  it("stay ours where both changed them", async () => {
    const base = await encrypt("a: 1\nb: 1\n")
    const { bytes, conflicts } = await merge(base, await edit(base, "a: 2\nb: 1\n"), await edit(base, "a: 3\nb: 2\n"))
    expect(conflicts).toEqual([{ document: 0, keyPath: ["a"], ours: "changed", theirs: "changed" }])
    expect(await plain(bytes)).toBe("a: 2\nb: 2\n")
  })

  it("of files that each side made are all there", async () => {
    const { bytes } = await merge(null, await encrypt("a: 1\n", "AB"), await encrypt("b: 1\n", "AC"))
    expect(await plain(bytes, 2)).toBe("a: 1\nb: 1\n")
    expect(await recipientsOf(bytes)).toBe("ABC")
  })

  it("of a binary file are one", async () => {
    const base = await encrypt("1", "A", "binary")
    const { conflicts } = await merge(base, await edit(base, "2", "binary"), await edit(base, "3", "binary"), {
      format: "binary",
    })
    expect(conflicts).toHaveLength(1)
  })
})

describe("recipients", () => {
  it.each([
    { base: "A", ours: "AB", theirs: "AC", merged: "ABC" },
    { base: "ABC", ours: "AC", theirs: "AB", merged: "A" },
    { base: "AB", ours: "A", theirs: "ABC", merged: "AC" },
    { base: "A,B", ours: "A,BC", theirs: "A,B", merged: "A,BC" },
    { base: "A", ours: "A", theirs: "A,B", merged: "A,B" },
    { base: "A,B", ours: "AC,B", theirs: "A", merged: null },
    { base: "AB", ours: "A", theirs: "B", merged: null },
  ])("$base, here $ours and there $theirs: $merged", async ({ base, ours, theirs, merged }) => {
    const before = await encrypt("a: 1\nb: 1\n", base)
    const [own, other] = [await edit(before, "a: 2\nb: 1\n"), await edit(before, "a: 1\nb: 2\n")]
    const result = await merge(before, await rekey(own, ours), await rekey(other, theirs))
    expect(result.keysUndecided).toBe(merged === null)
    expect(await recipientsOf(result.bytes)).toBe(merged ?? ours)
    const file = await readEncrypted(result.bytes, "yaml")
    const documents = await openFile(file, openerOf(...identities))
    expect(Buffer.from(printDecrypted(documents, file.store)).toString()).toBe("a: 2\nb: 2\n")
  })

  it("that either side added keep what was wrapped for them, so that nobody wraps anew", async () => {
    const base = await encrypt("a: 1\nb: 1\n", "A")
    const ours = await edit(await rekey(base, "AB"), "a: 2\nb: 1\n")
    const theirs = await edit(await rekey(base, "AC"), "a: 1\nb: 2\n")
    const { bytes } = await merge(base, ours, theirs, { wrap: () => Promise.reject(new TypeError("wraps")) })
    expect(await encs(bytes)).toEqual([...(await encs(ours)), (await encs(theirs))[1]])
    expect(await plain(bytes, 2)).toBe("a: 2\nb: 2\n")
  })

  it("are so many as either side changed the threshold to", async () => {
    const base = await encrypt("a: 1\nb: 1\n", "A,B,C", "yaml", null, 2)
    const ours = await rekey(await edit(base, "a: 2\nb: 1\n"), "A,B,C", 3)
    const { bytes } = await merge(base, ours, await edit(base, "a: 1\nb: 2\n"))
    const { metadata } = await readEncrypted(bytes, "yaml")
    expect(metadata.shamirThreshold).toBe(3)
    await expect(openDataKey(metadata, openerOf(identities[0]!, identities[1]!))).rejects.toThrow(DataKeyUnavailable)
  })
})

describe("a data key that was rotated", () => {
  it.each(["ours", "theirs"] as const)("by %s is the merged file's, and who was removed stays out", async (who) => {
    const base = await encrypt("a: 1\nb: 1\n", "AB")
    const rotated = await rotate(await edit(base, "a: 2\nb: 1\n"), "A")
    const other = await rekey(await edit(base, "a: 1\nb: 2\n"), "ABC")
    const { bytes } = await (who === "ours" ? merge(base, rotated, other) : merge(base, other, rotated))
    expect(await plain(bytes, 2)).toBe("a: 2\nb: 2\n")
    expect(await recipientsOf(bytes)).toBe("AC")
    expect(await sameKey(bytes, rotated)).toBe(true)
    expect(valueLines(bytes)["a"]).toBe(valueLines(rotated)["a"])
  })

  it("by both is ours, unless somebody has it who was removed there: then there is a new one", async () => {
    const base = await encrypt("a: 1\nb: 1\n", "ABC")
    const [own, other] = [await edit(base, "a: 2\nb: 1\n"), await edit(base, "a: 1\nb: 2\n")]
    const [all, withoutB, withoutC] = [await rotate(own, "ABC"), await rotate(own, "AC"), await rotate(other, "AB")]
    expect(await sameKey((await merge(base, all, await rotate(other, "ABC"))).bytes, all)).toBe(true)
    expect(await sameKey((await merge(base, all, withoutC)).bytes, withoutC)).toBe(true)
    const { bytes } = await merge(base, withoutB, withoutC)
    expect(await recipientsOf(bytes)).toBe("A")
    expect(await plain(bytes)).toBe("a: 2\nb: 2\n")
    expect(await sameKey(bytes, withoutB)).toBe(false)
    expect(await sameKey(bytes, withoutC)).toBe(false)
  })
})

describe("a merge opens", () => {
  it("one key where all versions have one data key, also a version that is not for this key", async () => {
    const before = await encrypt("a: 1\nb: 1\n", "A")
    const ours = await rekey(await edit(before, "a: 2\nb: 1\n"), "AB")
    const theirs = await edit(before, "a: 1\nb: 2\n")
    const { bytes } = await merge(before, ours, theirs, { with_: [identities[1]!] })
    expect(await plain(bytes, 1)).toBe("a: 2\nb: 2\n")
  })
})

describe("a merge refuses", () => {
  it("a version that is not what was encrypted", async () => {
    const base = await encrypt("a: 1\nb_unencrypted: 1\n")
    const other = await edit(base, "a: 2\nb_unencrypted: 1\n")
    const changed = Buffer.from(Buffer.from(base).toString().replace("b_unencrypted: 1", "b_unencrypted: 2"))
    await expect(merge(changed, base, other)).rejects.toThrow(MacMismatch)
    await expect(merge(base, changed, other)).rejects.toThrow(MacMismatch)
    await expect(merge(base, other, changed)).rejects.toThrow(MacMismatch)
  })

  it("sides by whose rules different values are encrypted", async () => {
    const base = await encrypt("a: 1\n", "A", "yaml", { ...defaultSelection, text: "_open" })
    await expect(merge(base, await encrypt("a: 2\n"), base)).rejects.toThrow(NotMergeable)
  })

  it("a new data key for keys that only sops can write for", async () => {
    const base = await encrypt("a: 1\nb: 1\n", "A")
    const pgp = (bytes: Uint8Array): Uint8Array =>
      Buffer.from(
        Buffer.from(bytes)
          .toString()
          .replace("    lastmodified:", "    pgp:\n        - fp: F\n          enc: x\n    lastmodified:"),
      )
    const [own, other] = [pgp(await edit(base, "a: 2\nb: 1\n")), await rotate(await edit(base, "a: 1\nb: 2\n"), "A")]
    await expect(merge(pgp(base), own, pgp(other))).resolves.toMatchObject({ conflicts: [] })
    await expect(merge(base, own, other)).rejects.toThrow(KeyTypeUnsupported)
  })
})
