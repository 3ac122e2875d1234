import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { Failure } from "../../src/failure.ts"
import { parseConfig, ruleFor } from "../../src/sops/config.ts"
import { ConfigInvalid, SelectionInvalid, SyntaxInvalid } from "../../src/sops/failures.ts"
import { findConfig } from "../../src/sops/find-config.ts"
import { fuzzRuns } from "../fuzz-runs.ts"
import { readVector } from "./keys.ts"

const config = (text: string) => parseConfig(Buffer.from(text))
const rule = (text: string) => config(`creation_rules:\n  - ${text.trimEnd().replaceAll("\n", "\n    ")}\n`).rules![0]!
const names = (text: string): string[][] =>
  rule(text).groups.map((group) => group.map(({ type, name }) => `${type} ${name}`))

describe(".sops.yaml", () => {
  it("of the vectors is read, and nothing in it is warned about", async () => {
    const read = config(readVector("yubikey/repo/.sops.yaml"))
    expect(read.warnings).toEqual([])
    expect(read.rules).toHaveLength(4)
    expect(read.rules![0]).toMatchObject({ shamirThreshold: 2, line: 16 })
    expect(read.rules![0]!.groups.map((group) => group.length)).toEqual([1, 1, 1])
    const hit = async (path: string) => (await ruleFor(read, `/r/${path}`, "/r"))?.index ?? null
    expect(await hit("secrets/quorum/root.yaml")).toBe(0)
    expect(await hit("secrets/hosts/vega/net.yaml")).toBe(2)
    expect(await hit("secrets/app.env")).toBe(3)
    expect(await hit("other/app.env")).toBeNull()
  })

  it.each([
    { form: "a text", text: "age: a, b,", keys: [["age a", "age b"]] },
    { form: "a folded text", text: "age: >-\n  a,\n  b", keys: [["age a", "age b"]] },
    { form: "a list whose items have commas", text: "age: [a, 'b, c']", keys: [["age a", "age b", "age c"]] },
    {
      form: "flat keys of all kinds in sops' order",
      text: "pgp: 'AB CD'\nage: a\nkms: k",
      keys: [["age a", "pgp ABCD", "kms k"]],
    },
    {
      form: "groups",
      text: "key_groups:\n  - age: [a]\n  - age: [b]\n    pgp: [P]",
      keys: [["age a"], ["age b", "pgp P"]],
    },
    { form: "groups that beat flat keys", text: "age: x\nkey_groups: [{age: [a]}]", keys: [["age a"]] },
    {
      form: "merged groups, each key once",
      text: "key_groups:\n  - merge:\n      - age: [a]\n      - merge: [{age: [b]}]\n    age: [a, c]",
      keys: [["age a", "age b", "age c"]],
    },
    { form: "an empty list of groups", text: "age: a\nkey_groups: []", keys: [["age a"]] },
    {
      form: "cloud keys",
      text: "key_groups: [{kms: [{arn: A}], gcp_kms: [{resource_id: G}], azure_keyvault: [{vaultUrl: 'https://v', key: k, version: '1'}], hc_vault: ['https://h/v1/e/keys/k']}]",
      keys: [["kms A", "gcp_kms G", "azure_kv https://v/keys/k/1", "hc_vault https://h/v1/e/keys/k"]],
    },
  ])("takes keys as $form", ({ text, keys }) => {
    expect(names(text)).toEqual(keys)
  })

  it.each([
    { text: "age: r, AGE-SECRET-KEY-1QQQ", line: 2 },
    { text: "age: [r, age-secret-key-1qqq]", line: 2 },
    { text: "key_groups:\n  - age:\n      - r\n      - AGE-PLUGIN-X-1QQQ", line: 5 },
  ])("with an identity in the place of a recipient is refused, and does not show it: $text", ({ text, line }) => {
    expect(() => rule(text)).toThrow(expect.objectContaining({ code: "sops-config-invalid", where: { line } }))
    expect(() => rule(text)).not.toThrow(/qqq/i)
  })

  it("passes over items that are null, as sops does", () => {
    const read = config(
      "creation_rules:\n  -\n  - key_groups:\n      -\n      - age: [a, null]\n        merge: [~]\n  -\n",
    )
    expect(read.rules).toMatchObject([{ index: 1, groups: [[{ type: "age", name: "a" }]] }])
  })

  it.each(["utf16le", "utf-16be"])("is read in %s, as PowerShell writes it", (encoding) => {
    const bytes = Buffer.from("\ufeffcreation_rules: [{age: é}]\r\n", "utf16le")
    const read = parseConfig(encoding === "utf16le" ? bytes : bytes.swap16())
    expect(read.rules![0]!.groups).toEqual([[{ type: "age", name: "é" }]])
  })

  it.each([
    { what: "a key twice in a rule", text: "creation_rules:\n  - age: a\n    age: b\n", line: 3 },
    { what: "a key twice at the top", text: "creation_rules: []\ncreation_rules:\n  - age: b\n", line: 2 },
    { what: "two merges in one map", text: "x: &x {age: a}\ncreation_rules:\n  - <<: *x\n    <<: *x\n", line: 4 },
    { what: "a merge of what is no map", text: "creation_rules:\n  - <<: x\n    age: a\n", line: 2 },
    { what: "a merge of itself", text: "creation_rules:\n  - &x\n    age: a\n    <<: [*x, *x]\n", line: 2 },
  ])("with $what is refused, as by sops", ({ text, line }) => {
    expect(() => config(text)).toThrow(expect.objectContaining({ code: "sops-syntax-invalid", where: { line } }))
  })

  it.each([
    {
      what: "merged maps",
      first: "{encrypted_regex: a}",
      level: (of: string) => `{<<: [${of}]}`,
      rule: (top: string) => `<<: ${top}`,
    },
    {
      what: "merged groups",
      first: "{age: [a]}",
      level: (of: string) => `{merge: [${of}]}`,
      rule: (top: string) => `key_groups: [${top}]`,
    },
    { what: "lists", first: "a", level: (of: string) => `[${of}]`, rule: (top: string) => `age: ${top}` },
  ])("aliases that unfold without bound, as $what, end soon", ({ first, level, rule: ruleOf }) => {
    const lines = Array.from(
      { length: 15 },
      (_, index) =>
        `x${index}: &x${index} ${
          index === 0
            ? first
            : level(
                Array(10)
                  .fill(`*x${index - 1}`)
                  .join(", "),
              )
        }`,
    )
    const start = performance.now()
    try {
      config(`${lines.join("\n")}\ncreation_rules:\n  - ${ruleOf("*x14")}\n`)
    } catch (failure) {
      expect(failure).toBeInstanceOf(ConfigInvalid)
    }
    expect(performance.now() - start).toBeLessThan(10_000)
  })

  it("follows anchors and merge keys", () => {
    const read = config(
      "x: &base\n  age: a\n  mac_only_encrypted: on\ncreation_rules:\n  - <<: *base\n    path_regex: b\n    age: c\n",
    )
    expect(read.rules![0]).toMatchObject({
      macOnlyEncrypted: true,
      pathRegex: "b",
      groups: [[{ type: "age", name: "c" }]],
    })
  })

  it("warns about what means nothing to sops, with the line and the name that was meant", () => {
    const read = config(
      "creation_rules:\n  - path_regexp: a\n    age: b\n    mac_only: true\n    shamir-threshold: 2\nstore: {}\nkeys: [&k x]\n",
    )
    expect(read.warnings.map(({ line, text }) => `${line} ${text}`)).toEqual([
      expect.stringMatching(/^6 "store" in the configuration .*did you mean stores\?$/),
      expect.stringMatching(/^2 "path_regexp" in creation_rules\[0\] .*did you mean path_regex\?$/),
      expect.stringMatching(/^4 "mac_only" in creation_rules\[0\] means nothing to sops$/),
      expect.stringMatching(/^5 "shamir-threshold" .*did you mean shamir_threshold\?$/),
    ])
  })

  it("warns about flat keys beside groups", () => {
    expect(config("creation_rules:\n  - age: a\n    key_groups: [{age: [b]}]\n").warnings).toEqual([
      { line: 2, text: "age beside key_groups means nothing to sops" },
    ])
  })

  it("without rules is as if it were not there, and with none of them fits nothing", async () => {
    for (const text of ["", "---\n", "null\n", "creation_rules:\n", "destination_rules: []\n"])
      expect(config(text).rules).toBeNull()
    expect(await ruleFor(config("creation_rules: []\n"), "/a", "/")).toBeNull()
  })

  it("has indents by format", () => {
    expect(config("stores:\n  yaml: {indent: 2}\n  json: {indent: 0}\n  json_binary: {indent: -1}\n").indents).toEqual({
      yaml: 2,
      json: 0,
      binary: -1,
    })
    expect(config("stores: {yaml: {indent: 0}, ini: null}\n").indents).toEqual({})
  })

  it("matches the path below its own folder, other paths whole, the first that fits, anywhere in the path", async () => {
    const read = config(
      "creation_rules:\n  - {path_regex: '^sub/a', age: x}\n  - {path_regex: '^/else', age: y}\n  - {path_regex: z$, age: z}\n  - {age: w}\n",
    )
    const hit = async (path: string) => (await ruleFor(read, path, "/home/me"))?.index
    expect(await hit("/home/me/sub/a.yaml")).toBe(0)
    expect(await hit("/else/sub/a.yaml")).toBe(1)
    expect(await hit("/home/me/xyz")).toBe(2)
    expect(await hit("/home/me/x")).toBe(3)
  })

  it.each([
    { name: "no map", text: "- a\n", failure: ConfigInvalid },
    { name: "rules that are no list", text: "creation_rules: {a: b}\n", failure: ConfigInvalid },
    { name: "a rule that is no map", text: "creation_rules: [a]\n", failure: ConfigInvalid },
    {
      name: "two selections",
      text: "creation_rules:\n  - encrypted_regex: a\n    encrypted_suffix: b\n",
      failure: ConfigInvalid,
    },
    {
      name: "a threshold that is a text",
      text: "creation_rules:\n  - shamir_threshold: two\n",
      failure: ConfigInvalid,
    },
    {
      name: "a boolean that is none",
      text: "creation_rules:\n  - mac_only_encrypted: maybe\n",
      failure: ConfigInvalid,
    },
    { name: "a key that is a map", text: "creation_rules:\n  - age: [{a: b}]\n", failure: ConfigInvalid },
    {
      name: "a group that merges itself",
      text: "creation_rules:\n  - key_groups:\n      - &g\n        merge: [*g]\n",
      failure: ConfigInvalid,
    },
    { name: "bad YAML", text: "creation_rules: [\n", failure: SyntaxInvalid },
  ])("with $name is refused with the line", ({ text, failure }) => {
    const thrown = ((): unknown => {
      try {
        return config(text)
      } catch (cause) {
        return cause
      }
    })()
    expect(thrown).toBeInstanceOf(failure)
    expect((thrown as Failure).where.line).toBeGreaterThan(0)
  })

  it("with an expression that Go cannot read is refused when a file comes to it", async () => {
    const failure = await ruleFor(config("creation_rules:\n  - {path_regex: '(?!test)', age: a}\n"), "/a", "/").catch(
      (cause: unknown) => cause,
    )
    expect(failure).toBeInstanceOf(SelectionInvalid)
    expect((failure as SelectionInvalid).where).toEqual({ line: 2, option: "creation_rules[0].path_regex" })
  })

  it("an expression that would take exponential time takes none", async () => {
    const read = config("creation_rules:\n  - {path_regex: '(a+)+b$', age: a}\n  - {path_regex: (.*.*)*x, age: b}\n")
    const start = performance.now()
    expect(await ruleFor(read, `/${"a".repeat(4000)}`, "/")).toBeNull()
    expect(performance.now() - start).toBeLessThan(3000)
  })

  it("arbitrary texts give a configuration or a failure", () => {
    const piece = fc.constantFrom(
      "creation_rules:",
      "\n  - ",
      "\n    ",
      "age: ",
      "key_groups: ",
      "[",
      "]",
      "{",
      "}",
      "a",
      ",",
      "merge: ",
      "&x ",
      "*x",
      "<<: ",
      "1",
      "~",
      "stores: ",
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 14 }), (pieces) => {
        try {
          config(pieces.join(""))
        } catch (failure) {
          expect(failure).toBeInstanceOf(Failure)
        }
      }),
      { numRuns: fuzzRuns },
    )
  })
})

describe("looking for .sops.yaml", () => {
  const among =
    (...files: string[]) =>
    (path: string) =>
      Promise.resolve(files.includes(path))

  it("climbs from the folder to the root", async () => {
    expect(await findConfig("/a/b/c", among("/a/.sops.yaml", "/.sops.yaml"))).toEqual({
      path: "/a/.sops.yaml",
      ignored: null,
    })
    expect(await findConfig("/a/b/c", among())).toEqual({ path: null, ignored: null })
  })

  it("tells of the nearest .sops.yml that it passed by", async () => {
    const files = among("/a/b/.sops.yml", "/a/.sops.yml", "/.sops.yaml")
    expect(await findConfig("/a/b/c", files)).toEqual({ path: "/.sops.yaml", ignored: "/a/b/.sops.yml" })
  })
})
