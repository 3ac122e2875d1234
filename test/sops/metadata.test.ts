import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { Failure } from "../../src/failure.ts"
import { MetadataInvalid, SelectionInvalid } from "../../src/sops/failures.ts"
import { flatten, unflatten } from "../../src/sops/flatten.ts"
import { groupsNeeded, keyName, readMetadata, writeMetadata } from "../../src/sops/metadata.ts"
import { writeMetadataLike } from "../../src/sops/metadata-layout.ts"
import { emitYamlDocuments, parseYamlDocuments } from "../../src/sops/stores/yaml.ts"
import { type Branch, branch, entry, list, str } from "../../src/sops/tree.ts"
import { fuzzRuns } from "../fuzz-runs.ts"

const yaml = (text: string): Branch => parseYamlDocuments(Buffer.from(text))[0]!
const text = (map: Branch): string => Buffer.from(emitYamlDocuments([map])).toString()
const rest = 'lastmodified: "2026-06-30T12:00:00Z"\nmac: ENC[x]\nversion: 3.13.3\n'

/** As sops 3.7 to 3.9 wrote it. */
const old = `kms: []
gcp_kms: []
azure_kv: []
hc_vault: []
age:
    - recipient: age1a
      enc: |
        A
    - recipient: age1b
      enc: |
        B
lastmodified: "2026-06-30T12:00:00Z"
mac: ENC[x]
pgp: []
unencrypted_suffix: _unencrypted
version: 3.7.3
`

describe("metadata", () => {
  it("of sops 3.13 is read and written back byte for byte", () => {
    const now = `age:\n    - enc: |\n        A\n      recipient: age1a\n${rest.replace("version", "mac_only_encrypted: true\nshamir_threshold: 1\nunencrypted_regex: ^a\nversion")}`
    const metadata = readMetadata(yaml(now))
    expect(metadata).toMatchObject({
      groups: [[{ type: "age", recipient: "age1a", enc: "A\n" }]],
      shamirThreshold: 1,
      selection: { rule: "unencrypted_regex", text: "^a" },
      macOnlyEncrypted: true,
    })
    expect(text(writeMetadata(metadata))).toBe(now)
  })

  it("of older versions keeps its order and its empty lists when it is written again", () => {
    const written = yaml(old)
    const metadata = readMetadata(written)
    expect(metadata.groups).toHaveLength(1)
    expect(text(writeMetadataLike(metadata, written))).toBe(old)
    const [group] = metadata.groups
    const added = { ...metadata, groups: [[...group!, { type: "age", recipient: "age1c", enc: "C\n" } as const]] }
    expect(text(writeMetadataLike(added, written))).toBe(
      old.replace("lastmodified", "    - recipient: age1c\n      enc: |\n        C\nlastmodified"),
    )
  })

  it("takes a file without a rule to follow the default one, and does not write it in", () => {
    const written = yaml(`age:\n    - enc: A\n      recipient: age1a\n${rest}`)
    expect(readMetadata(written).selection).toEqual({ rule: "unencrypted_suffix", text: "_unencrypted" })
    expect(text(writeMetadataLike(readMetadata(written), written))).toBe(text(written))
  })

  it("counts numbers and booleans that are written as texts, as dotenv and INI have them", () => {
    const metadata = readMetadata(
      yaml(`mac_only_encrypted: "true"\nshamir_threshold: "2"\nage:\n  - {recipient: a, enc: b}\n${rest}`),
    )
    expect(metadata).toMatchObject({ macOnlyEncrypted: true, shamirThreshold: 2 })
  })

  it("of several groups needs all of them when it does not say how many", () => {
    const groups = "key_groups:\n    - age: [{recipient: a, enc: x}]\n    - age: [{recipient: b, enc: y}]\n"
    expect(groupsNeeded(readMetadata(yaml(groups + rest)))).toBe(2)
    expect(groupsNeeded(readMetadata(yaml(`${groups}shamir_threshold: 1\n${rest}`)))).toBe(1)
  })

  it("carries keys of other kinds along as they are", () => {
    const pgp = `age:\n    - enc: A\n      recipient: age1a\nlastmodified: "2026-06-30T12:00:00Z"\nmac: ENC[x]\npgp:\n    - created_at: "2024-01-01T00:00:00Z"\n      enc: |-\n        -----BEGIN\n        x\n      fp: ABCD\nunencrypted_suffix: _unencrypted\nversion: 3.13.3\n`
    const metadata = readMetadata(yaml(pgp))
    expect(metadata.groups[0]!.map(keyName)).toEqual(["pgp ABCD", "age1a"])
    expect(text(writeMetadata(metadata))).toBe(pgp)
  })

  it.each([
    { name: "no keys", given: rest, failure: MetadataInvalid },
    { name: "a list that is a text", given: `age: x\n${rest}`, failure: MetadataInvalid },
    { name: "an entry that is a text", given: `age: [x]\n${rest}`, failure: MetadataInvalid },
    {
      name: "a time that is none",
      given: "age: [{recipient: a, enc: b}]\nlastmodified: yesterday\n",
      failure: MetadataInvalid,
    },
    ...[".nan", ".inf", "-1.5", "256.0", "99999999999999999999"].map((number) => ({
      name: `a threshold of ${number}`,
      given: `shamir_threshold: ${number}\nage: [{recipient: a}]\n${rest}`,
      failure: MetadataInvalid,
    })),
    {
      name: "a threshold that is no number",
      given: `shamir_threshold: many\nage: [{recipient: a}]\n${rest}`,
      failure: MetadataInvalid,
    },
    {
      name: "two rules",
      given: `encrypted_suffix: a\nencrypted_regex: b\nage: [{recipient: a}]\n${rest}`,
      failure: SelectionInvalid,
    },
  ])("with $name is refused", ({ given, failure }) => {
    expect(() => readMetadata(yaml(given))).toThrow(failure)
  })
})

describe("flat metadata", () => {
  const nested = yaml("age:\n  - enc: E\n    recipient: R\n  - enc: F\nmac: M\nkms: []\n")

  it("has a step for each map and list", () => {
    expect(flatten(nested, "sops_").map(({ key }) => key)).toEqual([
      "sops_age__list_0__map_enc",
      "sops_age__list_0__map_recipient",
      "sops_age__list_1__map_enc",
      "sops_mac",
    ])
  })

  it("comes back nested, but for what was empty", () => {
    expect(text(unflatten(flatten(nested)))).toBe("age:\n    - enc: E\n      recipient: R\n    - enc: F\nmac: M\n")
  })

  it("steps are told from the left, so that keys may begin like one", () => {
    const map = branch([entry("", list([str("x")])), entry("a", branch([entry("_map_b", str("y"))]))])
    expect(flatten(map).map(({ key }) => key)).toEqual(["__list_0", "a__map__map_b"])
    expect(unflatten(flatten(map))).toEqual(map)
  })

  it.each([
    { keys: ["a", "a"], what: "occurs twice" },
    { keys: ["a", "a__map_b"], what: "several kinds" },
    { keys: ["a__list_1"], what: "has a gap" },
  ])("with $keys is refused: $what", ({ keys, what }) => {
    expect(() => unflatten(keys.map((key) => entry(key, str("x"))))).toThrow(what)
  })

  it("arbitrary keys give metadata or a failure", () => {
    const key = fc
      .array(fc.constantFrom("a", "__map_", "__list_", "0", "1", "b", "_", "age", "enc", "mac"))
      .map((parts) => parts.join(""))
    fc.assert(
      fc.property(fc.array(fc.tuple(key, fc.string())), (pairs) => {
        try {
          readMetadata(unflatten(pairs.map(([name, value]) => entry(name, str(value)))))
        } catch (failure) {
          expect(failure).toBeInstanceOf(Failure)
        }
      }),
      { numRuns: fuzzRuns },
    )
  })
})

describe("a branch", () => {
  it("that is empty is no metadata", () => {
    expect(() => readMetadata(branch([]))).toThrow(Failure)
  })
})
