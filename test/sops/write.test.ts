import { generateX25519Identity, identityToRecipient } from "age-encryption"
import { beforeAll, describe, expect, it } from "vitest"
import { IvStash } from "../../src/sops/cipher.ts"
import type { ConfigKey } from "../../src/sops/config-keys.ts"
import { disposeParts, openDataKey, openParts } from "../../src/sops/data-key.ts"
import { encryptAgain, encryptNew } from "../../src/sops/encrypt.ts"
import {
  AlreadyEncrypted,
  ConfigInvalid,
  KeyGroupEmpty,
  KeyTypeUnsupported,
  ValueUnsupported,
} from "../../src/sops/failures.ts"
import { decryptFile, openFile, printDecrypted, readEncrypted } from "../../src/sops/file.ts"
import { formats, storeOf } from "../../src/sops/format.ts"
import type { KeyGroup } from "../../src/sops/metadata.ts"
import { rotateFile } from "../../src/sops/rotate.ts"
import { defaultSelection, type Selection } from "../../src/sops/selection.ts"
import type { Format } from "../../src/sops/stores/store.ts"
import { branch, entry } from "../../src/sops/tree.ts"
import { applyKeys, needsKey, planKeys, requireWritable } from "../../src/sops/update-keys.ts"
import { openerOf, wrapWithAge } from "./keys.ts"

const now = new Date("2026-06-30T12:00:00.900Z")
let identities: string[]
let recipients: string[]

beforeAll(async () => {
  identities = await Promise.all([1, 2, 3].map(() => generateX25519Identity()))
  recipients = await Promise.all(identities.map(identityToRecipient))
})

const plain: Record<Format, string> = {
  yaml: "# head\na: 1\nb_unencrypted: x\nc:\n    - d # tail\n    - e: 1.5\n",
  json: '{\n\t"a": 1,\n\t"b_unencrypted": "x",\n\t"c": [\n\t\ttrue\n\t]\n}\n',
  dotenv: "# head\nA=1\nB_unencrypted=x\n",
  ini: "[a]\nk             = 1\nb_unencrypted = x\n",
  binary: "any \u0000 bytes\n",
}

const groups = (...names: string[][]): KeyGroup[] =>
  names.map((group) => group.map((recipient) => ({ type: "age", recipient, enc: "" })))
const keys = (...names: string[][]): ConfigKey[][] => names.map((group) => group.map((name) => ({ type: "age", name })))

async function encrypt(
  format: Format,
  wanted: KeyGroup[],
  {
    text = plain[format],
    threshold = 0,
    selection = null,
  }: { text?: string; threshold?: number; selection?: Selection | null } = {},
): Promise<Uint8Array> {
  const store = await storeOf(format)
  const wish = { groups: wanted, shamirThreshold: threshold, selection, macOnlyEncrypted: false }
  return encryptNew(store.parse(Buffer.from(text)), { store, input: store }, wish, wrapWithAge, now)
}

async function decrypt(bytes: Uint8Array, format: Format, ...with_: string[]): Promise<string> {
  const file = await readEncrypted(bytes, format)
  return Buffer.from(printDecrypted(await openFile(file, openerOf(...with_)), file.store)).toString()
}

/** The `enc` blocks of a file, whatever its format: armor without white space and escapes. */
function encs(bytes: Uint8Array): string[] {
  const text = Buffer.from(bytes).toString().replaceAll("\\n", "\n").replace(/^ +/gm, "")
  return text.match(/-----BEGIN AGE ENCRYPTED FILE-----[^-]*/g) ?? []
}

describe("encrypting", () => {
  it("keeps a comment that moves into a list when the file is read again", async () => {
    const text = "l:\n    - {}\n# c\n\n    -\n      a: # x\n      - 5\n"
    const bytes = await encrypt("yaml", groups([recipients[0]!]), { text })
    expect(await decrypt(bytes, "yaml", identities[0]!)).toBe(
      "l:\n    - {}\n    # x\n    - a:\n        - 5\n        # c\n",
    )
  })

  it("refuses a comment that moves, and would leave more plain or a value sealed for ever", async () => {
    const text = "l:\n- a\n-\n  - # plain\n    k: 1\n    m: b\n  - 7 #- x\n"
    const selection = { rule: "unencrypted_comment_regex", text: "plain$" } as const
    await expect(encrypt("yaml", groups([recipients[0]!]), { text, selection })).rejects.toThrow(ValueUnsupported)
  })

  it.each(formats)("%s: comes back as it was, and leaves plain what the default rule leaves", async (format) => {
    const bytes = await encrypt(format, groups([recipients[0]!, recipients[1]!]))
    const text = Buffer.from(bytes).toString()
    if (format !== "binary") expect(text).toMatch(/[bB]_unencrypted.*x/)
    expect(text).toContain("2026-06-30T12:00:00Z")
    expect(text.includes("unencrypted_suffix")).toBe(format !== "binary")
    for (const identity of identities.slice(0, 2)) {
      const expected = format === "yaml" ? plain.yaml.replace("- d # tail", "# tail\n    - d") : plain[format]
      expect(await decrypt(bytes, format, identity)).toBe(expected)
    }
  })

  it("writes the threshold of several groups, and all of them are needed unless it is told otherwise", async () => {
    const all = await encrypt("yaml", groups(...recipients.map((recipient) => [recipient])))
    expect(Buffer.from(all).toString()).toContain("shamir_threshold: 3\n")
    const two = await encrypt("yaml", groups(...recipients.map((recipient) => [recipient])), { threshold: 2 })
    expect(await decrypt(two, "yaml", identities[0]!, identities[2]!)).toContain("a: 1\n")
  })

  it("refuses what is encrypted already, empty, or for nobody", async () => {
    const bytes = await encrypt("yaml", groups([recipients[0]!]))
    await expect(
      encrypt("yaml", groups([recipients[0]!]), { text: Buffer.from(bytes).toString() }),
    ).rejects.toBeInstanceOf(AlreadyEncrypted)
    await expect(encrypt("dotenv", groups([recipients[0]!]), { text: "sops_mac=x\n" })).rejects.toBeInstanceOf(
      AlreadyEncrypted,
    )
    await expect(encrypt("yaml", groups([recipients[0]!]), { text: "" })).rejects.toBeInstanceOf(ValueUnsupported)
    await expect(encrypt("yaml", groups([]))).rejects.toBeInstanceOf(KeyGroupEmpty)
  })

  const awkward: { what: string; format: Format; text: string; selection: Selection; back: string }[] = [
    {
      what: "a negative zero left plain, which comes back as an integer",
      format: "json",
      text: '{"a_unencrypted": -0.0}',
      selection: defaultSelection,
      back: '{\n\t"a_unencrypted": 0\n}\n',
    },
    {
      what: "a comment that moves to a key of several lines",
      format: "yaml",
      text: 'a: 1\n"m\\nk":\n    # c\n    b: 1\n',
      selection: defaultSelection,
      back: "a: 1\n# c\n? |-\n    m\n    k\n:   b: 1\n",
    },
    {
      what: "a text of several lines that begins with a tab",
      format: "yaml",
      text: 'a: "\\ttab\\nx"\n',
      selection: defaultSelection,
      back: 'a: "\\ttab\\nx"\n',
    },
    {
      what: "a plain text in a list that begins with spaces",
      format: "yaml",
      text: 'a_unencrypted:\n    - "  two\\n lines"\n',
      selection: defaultSelection,
      back: "a_unencrypted:\n    - |4-\n        two\n       lines\n",
    },
  ]
  it.each(awkward)(
    "settles $what (sops' own file cannot be read again, or loses it)",
    async ({ format, text, selection, back }) => {
      const bytes = await encrypt(format, groups([recipients[0]!]), { text, selection })
      expect(await decrypt(bytes, format, identities[0]!)).toBe(back)
    },
  )
})

describe("encrypting again", () => {
  it("keeps the ciphertext of what stays, and every byte of the recipients", async () => {
    const bytes = await encrypt("yaml", groups([recipients[0]!]))
    const file = await readEncrypted(bytes, "yaml")
    using key = await openDataKey(file.metadata, openerOf(identities[0]!))
    const ivs = new IvStash()
    const documents = await decryptFile(file, key, { ivs })
    const store = await storeOf("yaml")
    const edited = store.parse(Buffer.from(Buffer.from(store.emit(documents)).toString().replace("a: 1", "a: 2")))
    const again = await encryptAgain(bytes, file, edited, key, { ivs, now: new Date("2027-01-01T00:00:00Z") })
    const lines = (given: Uint8Array): string[] => Buffer.from(given).toString().split("\n")
    const changed = lines(again).filter((line, index) => line !== lines(bytes)[index])
    expect(changed.map((line) => line.trim().split(":")[0])).toEqual(["a", "lastmodified", "mac"])
    expect(await decrypt(again, "yaml", identities[0]!)).toContain("a: 2\n")
  })
})

describe("a binary file", () => {
  it("is not written without its one value, nor with another in its place", async () => {
    const bytes = await encrypt("binary", groups([recipients[0]!]))
    const file = await readEncrypted(bytes, "binary")
    using key = await openDataKey(file.metadata, openerOf(identities[0]!))
    for (const items of [[], [entry("data", { type: "bool", value: true } as const)]])
      await expect(encryptAgain(bytes, file, [branch(items)], key, { ivs: new IvStash(), now })).rejects.toThrow(
        ValueUnsupported,
      )
  })
})

describe("a merge that stopped in the middle", () => {
  it.each(formats)("%s: is told as what it is, with its line", async (format) => {
    const text = Buffer.from(await encrypt(format, groups([recipients[0]!]))).toString()
    const lines = text.split("\n")
    const at = lines.findIndex((line) => line.includes("lastmodified"))
    lines.splice(at, 1, "<<<<<<< HEAD", lines[at]!, "=======", lines[at]!, ">>>>>>> theirs")
    const read = readEncrypted(Buffer.from(lines.join("\n")), format)
    await expect(read).rejects.toMatchObject({ code: "sops-conflict-markers", where: { line: at + 1 } })
  })

  it.each(["<<<<<<< HEAD", "||||||| base", ">>>>>>> theirs"])(
    "is told by one line that was left: %s",
    async (marker) => {
      const text = `${marker}\n${Buffer.from(await encrypt("yaml", groups([recipients[0]!]))).toString()}`
      const read = readEncrypted(Buffer.from(text), "yaml")
      await expect(read).rejects.toMatchObject({ code: "sops-conflict-markers", where: { line: 1 } })
    },
  )
})

describe("rotating", () => {
  it.each(formats)("%s: nothing of the old file opens the new one, and all values stay", async (format) => {
    const bytes = await encrypt(format, groups([recipients[0]!, recipients[1]!]))
    const file = await readEncrypted(bytes, format)
    const opener = openerOf(identities[0]!)
    using oldKey = await openDataKey(file.metadata, opener)
    const to = { groups: [file.metadata.groups[0]!.slice(0, 1)], shamirThreshold: 0 }
    const rotated = await rotateFile(bytes, file, await decryptFile(file, oldKey), to, wrapWithAge, now)
    expect(await decrypt(rotated, format, identities[0]!)).toBe(await decrypt(bytes, format, identities[0]!))
    await expect(decrypt(rotated, format, identities[1]!)).rejects.toMatchObject({ code: "sops-data-key-unavailable" })
    await expect(decryptFile(await readEncrypted(rotated, format), oldKey)).rejects.toMatchObject({ exit: 7 })
  })
})

describe("updating keys", () => {
  const otherKeys: ConfigKey[] = [
    { type: "kms", name: "arn:aws:kms:us-east-1:1:key/a" },
    { type: "kms", name: "arn:aws:kms:us-east-1:1:key/b" },
    { type: "kms", name: "arn:aws:kms:us-east-1:1:key/c" },
    { type: "pgp", name: "ABCD" },
  ]

  async function update(
    bytes: Uint8Array,
    format: Format,
    wish: ConfigKey[][],
    threshold: number,
    ...with_: string[]
  ): Promise<Uint8Array> {
    const file = await readEncrypted(bytes, format)
    const plan = planKeys(file.metadata, { groups: wish, shamirThreshold: threshold })
    const parts = needsKey(plan) ? await openParts(file.metadata, openerOf(...with_)) : new Map<number, never>()
    try {
      return await applyKeys(bytes, file, plan, parts, wrapWithAge)
    } finally {
      disposeParts(parts)
    }
  }

  it.each(formats)("%s: one who is added reads it; all else stays byte for byte", async (format) => {
    const bytes = await encrypt(format, groups([recipients[0]!]))
    const updated = await update(bytes, format, keys([recipients[0]!, recipients[1]!]), 0, identities[0]!)
    expect(await decrypt(updated, format, identities[1]!)).toBe(await decrypt(bytes, format, identities[0]!))
    expect(encs(updated)[0]).toBe(encs(bytes)[0])
    const before = Buffer.from(bytes).toString().split("\n")
    const after = new Set(Buffer.from(updated).toString().split("\n"))
    expect(before.filter((line) => !after.has(line) && !/^\s*[\]}],?$/.test(line))).toEqual([])
  })

  it("one who is removed is gone without any key being opened", async () => {
    const bytes = await encrypt("yaml", groups([recipients[0]!, recipients[1]!]))
    const updated = await update(bytes, "yaml", keys([recipients[1]!]), 0)
    expect(Buffer.from(updated).toString()).not.toContain(recipients[0])
    expect(encs(updated)).toEqual([encs(bytes)[1]])
  })

  it("the order of keys does not matter, and nothing to do leaves the file as it is", async () => {
    const bytes = await encrypt("yaml", groups([recipients[0]!, recipients[1]!]))
    expect(await update(bytes, "yaml", keys([recipients[1]!, recipients[0]!]), 0)).toBe(bytes)
  })

  it("a group gets a second key for its share, from the shares of the others alone", async () => {
    const bytes = await encrypt("yaml", groups([recipients[0]!], [recipients[1]!], [recipients[0]!]), { threshold: 2 })
    const wish = keys([recipients[0]!], [recipients[1]!], [recipients[0]!, recipients[2]!])
    const updated = await update(bytes, "yaml", wish, 2, identities[0]!, identities[1]!)
    expect(encs(updated).slice(0, 3)).toEqual(encs(bytes))
    expect(await decrypt(updated, "yaml", identities[2]!, identities[1]!)).toContain("a: 1\n")
  })

  it("a group is added under the same threshold without new shares for the others", async () => {
    const bytes = await encrypt("yaml", groups([recipients[0]!], [recipients[1]!]), { threshold: 2 })
    const updated = await update(
      bytes,
      "yaml",
      keys([recipients[0]!], [recipients[1]!], [recipients[2]!]),
      2,
      identities[0]!,
      identities[1]!,
    )
    expect(encs(updated).slice(0, 2)).toEqual(encs(bytes))
    expect(await decrypt(updated, "yaml", identities[2]!, identities[0]!)).toContain("a: 1\n")
  })

  it.each([
    { what: "one group becomes three", from: [[0], []], to: [[0], [1], [2]], threshold: 2, reader: [1, 2] },
    { what: "three groups become one", from: [[0], [1], [2]], to: [[2], []], threshold: 0, reader: [2] },
    {
      what: "the threshold of the rule is another",
      from: [[0], [1], [2]],
      to: [[0], [1], [2]],
      threshold: 2,
      reader: [0, 2],
    },
  ])("new shares for all when $what", async ({ from, to, threshold, reader }) => {
    const pick = (places: number[][]): string[][] =>
      places.filter((group) => group.length > 0).map((group) => group.map((index) => recipients[index]!))
    const bytes = await encrypt("json", groups(...pick(from)))
    const updated = await update(bytes, "json", keys(...pick(to)), threshold, ...identities)
    expect(encs(updated).some((enc) => encs(bytes).includes(enc))).toBe(false)
    expect(await decrypt(updated, "json", ...reader.map((index) => identities[index]!))).toBe(plain.json)
  })

  it("a file of an older sops keeps its layout", async () => {
    const bytes = await encrypt("yaml", groups([recipients[0]!]))
    const old = Buffer.from(bytes)
      .toString()
      .replace(/^sops:\n/m, "sops:\n    kms: []\n    pgp: []\n")
      .replace(/^( +)- enc: \|\n((?: {12}.*\n)+) +recipient: (.*)\n/m, "$1- recipient: $3\n$1  enc: |\n$2")
      .replace("- d", '-   "d"')
      .replace("c:\n", "c:\n\n")
    const wish = keys([recipients[0]!, recipients[1]!])
    const updated = Buffer.from(await update(Buffer.from(old), "yaml", wish, 0, identities[0]!)).toString()
    const added = updated.replace(
      new RegExp(`^ +- recipient: ${recipients[1]!}\\n +enc: \\|\\n(?: {12}.*\\n)+`, "m"),
      "",
    )
    expect(added).toBe(old)
  })

  it("entries of other kinds stay byte for byte, each with the fields and the order that it has", async () => {
    const bytes = await encrypt("yaml", groups([recipients[0]!], [recipients[1]!]))
    const others = `
          kms:
            - arn: arn:aws:kms:us-east-1:1:key/a
              role: arn:role
              context:
                z: "1"
                b: null
              created_at: "2020-01-01T00:00:00Z"
              enc: AQ==
              aws_profile: ""
            - aws_profile: p
              arn: arn:aws:kms:us-east-1:1:key/b
              created_at: "2020-01-01T00:00:00Z"
              enc: AQ==
            - created_at: "2020-01-01T00:00:00Z"
              arn: arn:aws:kms:us-east-1:1:key/c
              enc: AQ==
          gcp_kms: []
          pgp:
            - fp: ABCD
              enc: |-
                -----BEGIN PGP MESSAGE-----

                hQ==
                -----END PGP MESSAGE-----
              created_at: "2020-01-01T00:00:00Z"`
    const old = Buffer.from(bytes)
      .toString()
      .replace(/(?<=age:\n(?:.*\n)+?) {10}hc_vault: \[\]$/m, others.replace("\n", ""))
    const wish = keys([recipients[0]!, recipients[2]!], [recipients[1]!]).map((group, index): ConfigKey[] => [
      ...group,
      ...(index === 0 ? otherKeys : []),
    ])
    const updated = Buffer.from(await update(Buffer.from(old), "yaml", wish, 0, identities[0]!, identities[1]!))
    expect(updated.toString()).toContain(`${recipients[2]}\n${others.replace("\n", "")}\n`)
  })

  it.each([
    { what: "a binary file of 20 MB", format: "binary", text: "x".repeat(20_000_000), change: (text: string) => text },
    {
      what: "a text of a million escapes",
      format: "json",
      text: JSON.stringify({ a_unencrypted: '"\\'.repeat(500_000) }),
      change: (text: string) => text,
    },
    {
      what: "YAML with empty lines in its metadata",
      format: "yaml",
      text: "a: 1\n",
      change: (text: string) => text.replace("sops:\n", `sops:\n${" \n\n".repeat(200_000)}`),
    },
    {
      what: "YAML with a long line of spaces at its end",
      format: "yaml",
      text: "a: 1\n",
      change: (text: string) => `${text}\n\n${" ".repeat(400_000)}`,
    },
    {
      what: "INI with empty lines in its metadata",
      format: "ini",
      text: "[a]\nk = 1\n",
      change: (text: string) => text.replace("[sops]\n", `[sops]\n${"\n".repeat(400_000)}`),
    },
  ] as const)("$what is no harder than others of its size", async ({ format, text, change }) => {
    const bytes = Buffer.from(change(Buffer.from(await encrypt(format, groups([recipients[0]!]), { text })).toString()))
    const start = performance.now()
    const updated = await update(bytes, format, keys([recipients[0]!, recipients[1]!]), 0, identities[0]!)
    expect(performance.now() - start).toBeLessThan(5000)
    expect(await decrypt(updated, format, identities[1]!)).toBe(await decrypt(bytes, format, identities[0]!))
  })

  it("a plan says what changes, group by group", async () => {
    const file = await readEncrypted(await encrypt("yaml", groups([recipients[0]!, recipients[1]!])), "yaml")
    const plan = planKeys(file.metadata, { groups: keys([recipients[1]!, recipients[2]!]), shamirThreshold: 0 })
    expect(plan.groups[0]!.kept).toHaveLength(1)
    expect(plan.groups[0]!.added).toEqual([{ type: "age", name: recipients[2] }])
    expect(plan.groups[0]!.removed).toMatchObject([{ recipient: recipients[0] }])
    expect(plan).toMatchObject({ changes: true, resplit: false, threshold: { from: 0, to: 0 } })
    expect(() => planKeys(file.metadata, { groups: keys([]), shamirThreshold: 0 })).toThrow(KeyGroupEmpty)
    expect(() => planKeys(file.metadata, { groups: keys(["a"], ["b"]), shamirThreshold: 3 })).toThrow(ConfigInvalid)
  })

  it("keys of other kinds that stay are no hindrance, those that come are", async () => {
    const file = await readEncrypted(await encrypt("yaml", groups([recipients[0]!])), "yaml")
    const plan = planKeys(file.metadata, {
      groups: [
        [
          { type: "age", name: recipients[0]! },
          { type: "pgp", name: "ABCD" },
        ],
      ],
      shamirThreshold: 0,
    })
    expect(() => requireWritable(plan)).toThrow(KeyTypeUnsupported)
  })
})
