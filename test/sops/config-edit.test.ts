import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { Failure } from "../../src/failure.ts"
import { parseConfig } from "../../src/sops/config.ts"
import { type ConfigChange } from "../../src/sops/config-change.ts"
import { editConfig } from "../../src/sops/config-edit.ts"
import { ConfigNotEdited } from "../../src/sops/failures.ts"
import { changedLines } from "../../src/sops/line-changes.ts"
import { vectorText } from "../cards.ts"
import { fuzzRuns } from "../fuzz-runs.ts"

const seed = vectorText("yubikey/repo/.sops.yaml")
const nova = "age1novaxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const edit = (text: string, change: ConfigChange): string =>
  new TextDecoder().decode(editConfig(bytes(text), change).bytes)
const addLike = (like: string, comment: string | null = "nova: host SSH key"): ConfigChange => ({
  kind: "add",
  name: "nova",
  recipient: nova,
  comment,
  place: { like },
})
const removeNova: ConfigChange = { kind: "remove", name: "nova" }
const shown = (text: string, change: ConfigChange): string[] =>
  editConfig(bytes(text), change).lines.map(({ line, sign, text: content }) => `${line}${sign}${content}`)

function refusal(text: string, change: ConfigChange): string {
  try {
    editConfig(bytes(text), change)
  } catch (failure) {
    if (failure instanceof ConfigNotEdited) return `${failure.message}; ${failure.hint ?? ""}`
    throw failure
  }
  return "edited"
}

describe("the vectors' configuration", () => {
  it("gets a host by the example of another", () => {
    expect(shown(seed, addLike("lena"))).toEqual([
      "6+  # nova: host SSH key",
      `7+  - &nova ${nova}`,
      "36+          - *nova",
    ])
    expect(shown(seed, addLike("vega"))).toEqual([
      "8+  # nova: host SSH key",
      `9+  - &nova ${nova}`,
      "28-      - age: [*vega, *yubikey-nano5c, *yubikey-5-nfc, *provision-key]",
      "30+      - age: [*vega, *nova, *yubikey-nano5c, *yubikey-5-nfc, *provision-key]",
      "37+          - *nova",
    ])
  })

  it("is what it was, byte for byte, after a key was added like any other and removed again", () => {
    for (const name of ["lena", "electra", "vega", "yubikey-nano5c", "yubikey-5-nfc", "provision-key"])
      expect(edit(edit(seed, addLike(name)), removeNova)).toBe(seed)
  })

  it("loses a host, its comment with it", () => {
    expect(shown(seed, { kind: "remove", name: "lena" })).toEqual([
      "4-  # lena: host SSH key",
      "5-  - &lena age1h4f2l5kgzlqvxr0wz86htrsj7xm2rsvn3fxp8f6gwa4sl0jnug9sl7mtlu",
      "33-          - *lena",
    ])
  })

  it("loses a YubiKey of a quorum only with its group", () => {
    expect(refusal(seed, { kind: "remove", name: "yubikey-5-nfc" })).toMatch(/rule 1 would be left without keys/)
  })

  it("gets a key by rules, at their ends", () => {
    const rules = (group: number | null): ConfigChange => ({
      ...addLike("", null),
      kind: "add",
      name: "nova",
      recipient: nova,
      comment: null,
      place: { rules: group === null ? [1, 3] : [0], group, behind: "vega" },
    })
    expect(shown(seed, rules(null))).toEqual([
      `8+  - &nova ${nova}`,
      "24-      - age: [*electra, *yubikey-nano5c, *yubikey-5-nfc, *provision-key]",
      "25+      - age: [*electra, *yubikey-nano5c, *yubikey-5-nfc, *provision-key, *nova]",
      "39+          - *nova",
    ])
    expect(shown(seed, rules(2)).slice(1)).toEqual([
      "21-      - age: [*provision-key]",
      "22+      - age: [*provision-key, *nova]",
    ])
    expect(
      refusal(seed, {
        kind: "add",
        name: "nova",
        recipient: nova,
        comment: null,
        place: { rules: [0], group: null, behind: null },
      }),
    ).toMatch(/3 key groups, and none was named; by hand: "- &nova age1nova/)
  })

  it("gets another name for a key, in its comment too, and another key for a name", () => {
    expect(shown(seed, { kind: "rename", name: "lena", to: "anna" })).toEqual([
      "4-  # lena: host SSH key",
      "5-  - &lena age1h4f2l5kgzlqvxr0wz86htrsj7xm2rsvn3fxp8f6gwa4sl0jnug9sl7mtlu",
      "4+  # anna: host SSH key",
      "5+  - &anna age1h4f2l5kgzlqvxr0wz86htrsj7xm2rsvn3fxp8f6gwa4sl0jnug9sl7mtlu",
      "33-          - *lena",
      "33+          - *anna",
    ])
    expect(shown(seed, { kind: "replace", name: "lena", recipient: nova })).toEqual([
      "5-  - &lena age1h4f2l5kgzlqvxr0wz86htrsj7xm2rsvn3fxp8f6gwa4sl0jnug9sl7mtlu",
      `5+  - &lena ${nova}`,
    ])
  })
})

const a = "age1aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
const b = "age1bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

describe("a style that people use", () => {
  const cases: readonly { what: string; before: string; like: string; after: string }[] = [
    {
      what: "one line of text with commas, without names",
      before: `creation_rules:\n  - age: "${a}, ${b}" # both\n`,
      like: a,
      after: `creation_rules:\n  - age: "${a}, ${nova}, ${b}" # both\n`,
    },
    {
      what: "a folded text with commas",
      before: `creation_rules:\n  - age: >-\n      ${a},\n      ${b}\n    path_regex: x\n`,
      like: b,
      after: `creation_rules:\n  - age: >-\n      ${a},\n      ${b},\n      ${nova}\n    path_regex: x\n`,
    },
    {
      what: "a single recipient",
      before: `creation_rules:\n- age: ${a}`,
      like: a,
      after: `creation_rules:\n- age: ${a},${nova}`,
    },
    {
      what: "a single alias, which becomes a list",
      before: `keys: [&a '${a}']\ncreation_rules:\n  - age: *a # one\n`,
      like: "a",
      after: `keys: [&a '${a}', &nova '${nova}']\ncreation_rules:\n  - age: [*a,*nova] # one\n`,
    },
    {
      what: "a single alias in brackets, which keeps them",
      before: `keys: [&a '${a}']\ncreation_rules:\n  - age: [*a] # one\n`,
      like: "a",
      after: `keys: [&a '${a}', &nova '${nova}']\ncreation_rules:\n  - age: [*a, *nova] # one\n`,
    },
    {
      what: "brackets with a line for each, the last with a comma",
      before: `creation_rules:\n  - age: [\n      ${a}, # first\n      ${b}, # second\n    ]\n`,
      like: b,
      after: `creation_rules:\n  - age: [\n      ${a}, # first\n      ${b}, # second\n      ${nova},\n    ]\n`,
    },
    {
      what: "brackets with a line for each, the last without a comma",
      before: `creation_rules:\n  - age: [\n      ${a}, # first\n      ${b} # second\n    ]\n`,
      like: b,
      after: `creation_rules:\n  - age: [\n      ${a}, # first\n      ${b}, # second\n      ${nova}\n    ]\n`,
    },
    {
      what: "lists that are not indented, with comments behind and Windows' line ends",
      before: `keys:\r\n- &a ${a} # laptop\r\n- &b ${b}\r\ncreation_rules:\r\n- age:\r\n  - *a # x\r\n  - *b\r\n`,
      like: "a",
      after: `keys:\r\n- &a ${a} # laptop\r\n- &nova ${nova} # nova: host SSH key\r\n- &b ${b}\r\ncreation_rules:\r\n- age:\r\n  - *a # x\r\n  - *nova\r\n  - *b\r\n`,
    },
    {
      what: "names in a map",
      before: `x-keys:\n  a: &a "${a}"\n\n  b: &b ${b}\ncreation_rules:\n  - age: [*b,*a]\n`,
      like: "a",
      after: `x-keys:\n  a: &a "${a}"\n  nova: &nova "${nova}"\n\n  b: &b ${b}\ncreation_rules:\n  - age: [*b,*a, *nova]\n`,
    },
    {
      what: "a list that has a name itself",
      before: `hosts: &hosts\n  - &a ${a}\n  - &b ${b}\ncreation_rules:\n  - path_regex: x\n    age: *hosts\n  - key_groups: [{age: *hosts}]\n`,
      like: "b",
      after: `hosts: &hosts\n  - &a ${a}\n  - &b ${b}\n  - &nova ${nova}\ncreation_rules:\n  - path_regex: x\n    age: *hosts\n  - key_groups: [{age: *hosts}]\n`,
    },
    {
      what: "keys that get their names in the first rule",
      before: `creation_rules:\n  - path_regex: x\n    age: [&a ${a}, &b ${b}]\n  - age: [*a]\n`,
      like: "a",
      after: `creation_rules:\n  - path_regex: x\n    age: [&a ${a}, &nova ${nova}, &b ${b}]\n  - age: [*a, *nova]\n`,
    },
    {
      what: "groups that are merged",
      before: `ops: &ops\n  age:\n    - ${a}\ncreation_rules:\n  - key_groups:\n      - merge:\n          - *ops\n        age:\n          - ${b}`,
      like: b,
      after: `ops: &ops\n  age:\n    - ${a}\ncreation_rules:\n  - key_groups:\n      - merge:\n          - *ops\n        age:\n          - ${b}\n          - ${nova}`,
    },
    {
      what: "a heading above several keys, which stays",
      before: `keys:\n  # hosts\n  - &a ${a}\n  - &b ${b}\ncreation_rules:\n  - age: [*a, *b]\n`,
      like: "b",
      after: `keys:\n  # hosts\n  - &a ${a}\n  - &b ${b}\n  - &nova ${nova}\ncreation_rules:\n  - age: [*a, *b, *nova]\n`,
    },
  ]

  it.each(cases)("$what", ({ before, like, after }) => {
    const got = edit(before, addLike(like))
    expect(got).toBe(after)
    if (after.includes("&nova")) expect(edit(after, removeNova)).toBe(before)
  })

  it("keeps a heading when the first key below it goes, and takes a key's own comment with it", () => {
    const text = `keys:\n  # hosts\n  - &a ${a}\n  - &b ${b}\n  # nova: spare\n  - &nova ${nova}\ncreation_rules:\n  - age: [*a, *b]\n`
    expect(shown(text, { kind: "remove", name: "a" })).toEqual([
      `3-  - &a ${a}`,
      "8-  - age: [*a, *b]",
      "7+  - age: [*b]",
    ])
    expect(shown(text, removeNova)).toEqual(["5-  # nova: spare", `6-  - &nova ${nova}`])
  })
})

describe("what would not be what was wished", () => {
  it.each<{ what: string; text: string; change: ConfigChange; says: RegExp }>([
    {
      what: "a rule that would be left without keys",
      text: `keys:\n  - &a ${a}\ncreation_rules:\n  - age:\n      - *a\n`,
      change: { kind: "remove", name: "a" },
      says: /rule 1 would be left without keys; remove the rule/,
    },
    {
      what: "an alias that is a rule's only key",
      text: `keys:\n  - &a ${a}\ncreation_rules:\n  - age: *a\n`,
      change: { kind: "remove", name: "a" },
      says: /left without keys/,
    },
    {
      what: "a key under two names, of which one goes",
      text: `keys:\n  - &a ${a}\n  - &also ${a}\n  - &b ${b}\ncreation_rules:\n  - age: [*also, *b]\n`,
      change: { kind: "remove", name: "a" },
      says: /rule 1 would be for others than was wished; by hand: take "&a …"/,
    },
    {
      what: "a list that another rule shares",
      text: `creation_rules:\n  - path_regex: x\n    age: &l [${a}]\n  - age: *l\n`,
      change: {
        kind: "add",
        name: "nova",
        recipient: nova,
        comment: null,
        place: { rules: [0], group: null, behind: null },
      },
      says: /rule 2 would be for others/,
    },
    {
      what: "a list that is an alias",
      text: `l: &l [${a}]\ncreation_rules:\n  - age: *l\n`,
      change: {
        kind: "add",
        name: "nova",
        recipient: nova,
        comment: null,
        place: { rules: [0], group: null, behind: null },
      },
      says: /no list of age keys there, but a text or an alias; by hand/,
    },
    {
      what: "a text in escapes",
      text: `creation_rules:\n  - age: "\\x61${a.slice(1)},${b}"\n`,
      change: addLike(a),
      says: /in escapes; by hand/,
    },
    {
      what: "an anchor that stands for two keys",
      text: `keys:\n  - &a ${a}\n  - &a ${b}\ncreation_rules:\n  - age: [*a]\n`,
      change: { kind: "remove", name: "a" },
      says: /stands for 2 keys/,
    },
    {
      what: "a name that is taken",
      text: seed,
      change: {
        ...addLike("lena"),
        kind: "add",
        name: "vega",
        recipient: nova,
        comment: null,
        place: { like: "lena" },
      },
      says: /called "vega" already/,
    },
    {
      what: "a name that is no anchor",
      text: seed,
      change: { kind: "rename", name: "lena", to: "le na" },
      says: /"le na" cannot be an anchor/,
    },
    {
      what: "a name that is not there",
      text: seed,
      change: { kind: "remove", name: "anna" },
      says: /no key is called "anna"/,
    },
    { what: "an example that is not there", text: seed, change: addLike("anna"), says: /no key is called "anna"/ },
    {
      what: "a name to rename to that is taken",
      text: seed,
      change: { kind: "rename", name: "lena", to: "vega" },
      says: /called "vega" already/,
    },
  ])("is refused: $what", ({ text, change, says }) => {
    expect(refusal(text, change)).toMatch(says)
  })
})

/** Configurations as people write them: each part in one of the styles that are met. */
type Written = Readonly<{ text: string; names: readonly string[]; like: string }>

const recipientOf = (index: number): string => `age1${String.fromCharCode(99 + index).repeat(58)}`
const lines = (parts: readonly string[]): string => parts.join("\n")

const config: fc.Arbitrary<Written> = fc
  .record({
    count: fc.integer({ min: 2, max: 5 }),
    keys: fc.constantFrom("list", "flush list", "map", "none" as const),
    quotes: fc.array(fc.constantFrom("", '"', "'"), { minLength: 5, maxLength: 5 }),
    comments: fc.array(fc.constantFrom("none", "above", "heading", "behind", "blank", "two" as const), {
      minLength: 5,
      maxLength: 5,
    }),
    rules: fc.array(
      fc.record({
        style: fc.constantFrom(
          "flow",
          "tight flow",
          "spaced flow",
          "tall flow",
          "tall flow with comma",
          "comma first",
          "block",
          "flush block",
          "groups",
          "flow groups",
          "commas",
          "quoted commas",
          "folded",
          "literal",
          "alone",
        ),
        members: fc.uniqueArray(fc.nat(4), { minLength: 1, maxLength: 5 }),
        comment: fc.constantFrom("", " # who", "  # *k0, [x]"),
        above: fc.constantFrom("", "  # a rule: &x", "\n"),
      }),
      { minLength: 1, maxLength: 4 },
    ),
    crlf: fc.boolean(),
    end: fc.constantFrom("\n", "", "\n\n", "\n# the end\n"),
    like: fc.nat(4),
    head: fc.constantFrom("", "---\n", "# secrets\n\n", "# keys: x\n"),
  })
  .map(({ count, keys, quotes, comments, rules, crlf, end, like, head }): Written => {
    const quoted = (index: number): string => `${quotes[index] ?? ""}${recipientOf(index)}${quotes[index] ?? ""}`
    const named = keys !== "none"
    const entry = (index: number): string => (named ? `*k${index}` : quoted(index))
    const definitions = Array.from({ length: count }, (_, index) => index).flatMap((index): string[] => {
      const pad = keys === "flush list" ? "" : "  "
      const line =
        keys === "map" ? `${pad}k${index}: &k${index} ${quoted(index)}` : `${pad}- &k${index} ${quoted(index)}`
      switch (comments[index] ?? "none") {
        case "above":
          return [`${pad}# k${index}: a host`, line]
        case "heading":
          return [`${pad}# hosts`, line]
        case "behind":
          return [`${line} # k${index} of mine`]
        case "blank":
          return ["", line]
        case "two":
          return [`${pad}# about k${index}`, `${pad}# k${index}, more`, line]
        case "none":
          return [line]
      }
    })
    const written = rules.map(({ style, members, comment, above }, number) => {
      const who = [...new Set(members.map((member) => member % count))]
      const items = who.map(entry)
      const bare = who.map(recipientOf)
      const body = ((): string[] => {
        switch (style) {
          case "flow":
            return [`    age: [${items.join(", ")}]${comment}`]
          case "tight flow":
            return [`    age: [${items.join(",")}]${comment}`]
          case "spaced flow":
            return [`    age: [ ${items.join(" , ")} ]${comment}`]
          case "tall flow":
            return [
              "    age: [",
              ...items.map((item, at) => `      ${item}${at < items.length - 1 ? "," : ""}${comment}`),
              "    ]",
            ]
          case "tall flow with comma":
            return ["    age:", "      [", ...items.map((item) => `        ${item},${comment}`), "      ]"]
          case "comma first":
            return [`    age: [ ${items[0]}`, ...items.slice(1).map((item) => `         , ${item}`), "         ]"]
          case "block":
            return ["    age:", ...items.map((item) => `      - ${item}${comment}`)]
          case "flush block":
            return ["    age:", ...items.map((item) => `    -   ${item}${comment}`), "    # below"]
          case "groups":
            return [
              "    key_groups:",
              "      - age:",
              ...items.map((item) => `          - ${item}${comment}`),
              "        pgp: [FBC7B9E2A4F9289AC0C1D4843D16CEE4A27381B4]",
            ]
          case "flow groups":
            return [
              `    key_groups: [{age: [${items.join(", ")}]}, {age: [${entry(0)}]}]${comment}`,
              "    shamir_threshold: 1",
            ]
          case "commas":
            return [`    age: ${bare.join(", ")}${comment}`]
          case "quoted commas":
            return [`    age: "${bare.join(",")}"${comment}`]
          case "folded":
            return ["    age: >-", `      ${bare.join(",\n      ")}`]
          case "literal":
            return ["    age: |", `      ${bare.join(",\n      ")},`]
          case "alone":
            return [`    age: ${entry(who[0] ?? 0)}${comment}`]
        }
      })()
      return lines([
        ...(above === "" ? [] : [above]),
        `  - path_regex: 'r${number}/.*'`,
        ...body,
        "    unencrypted_suffix: _x",
      ])
    })
    const text = `${head}${named ? `keys:\n${lines(definitions)}\n` : ""}creation_rules:\n${lines(written)}${end}`
    return {
      text: crlf ? text.replaceAll("\n", "\r\n") : text,
      names: named ? Array.from({ length: count }, (_, index) => `k${index}`) : [],
      like: named ? `k${like % count}` : recipientOf(like % count),
    }
  })

const groupsOf = (text: string): string[][][] =>
  (parseConfig(bytes(text)).rules ?? []).map(({ groups }) => groups.map((group) => group.map(({ name }) => name)))

describe("any configuration", () => {
  const runs = { numRuns: Math.max(300, fuzzRuns / 4) }

  it("is for whom it should be after a key was added like another, and all other lines are as they were", () => {
    fc.assert(
      fc.property(config, ({ text, like }) => {
        const model = like.startsWith("k") ? recipientOf(Number(like.slice(1))) : like
        fc.pre(text.includes(model))
        const wished = groupsOf(text).map((groups) =>
          groups.map((group) => group.flatMap((name) => (name === model ? [name, nova] : [name]))),
        )
        const after = edit(text, addLike(like))
        expect(groupsOf(after)).toEqual(wished)
        const isMeant = (line: string): boolean => line.includes(model) || line.includes(`*${like}`)
        const lost = changedLines(text, after).filter(({ sign }) => sign === "-")
        expect(lost.filter(({ text: line }) => !isMeant(line))).toEqual([])
      }),
      runs,
    )
  })

  it("is what it was, byte for byte, after a key was added and removed again", () => {
    fc.assert(
      fc.property(config, ({ text, like, names }) => {
        fc.pre(names.length > 0)
        expect(edit(edit(text, addLike(like)), removeNova)).toBe(text)
      }),
      runs,
    )
  })

  it("loses a key everywhere, or is left as it is with the way by hand", () => {
    fc.assert(
      fc.property(config, fc.nat(4), ({ text, names }, which) => {
        const name = names[which % Math.max(1, names.length)]
        fc.pre(name !== undefined)
        const gone = recipientOf(Number(name.slice(1)))
        const wished = groupsOf(text).map((groups) => groups.map((group) => group.filter((other) => other !== gone)))
        const empty = wished.some((groups) => groups.some((group) => group.length === 0))
        try {
          const after = edit(text, { kind: "remove", name })
          expect(groupsOf(after)).toEqual(wished)
          expect(empty).toBe(false)
          expect(after).not.toContain(gone)
          const lost = changedLines(text, after).filter(({ sign }) => sign === "-")
          // Besides lines that named it, only its own comment right above goes; what else stood on a line stands on another.
          const made = changedLines(text, after).filter(({ sign }) => sign === "+")
          const others = lost.filter(
            ({ text: line }) =>
              !line.includes(gone) &&
              !line.includes(`*${name}`) &&
              !/^ *# (k\d|about k\d|hosts)/.test(line) &&
              !made.some(({ text: other }) => other.includes(line.trim().replace(/^, *|,(?=$|  ? ?#)/g, ""))),
          )
          expect(others).toEqual([])
        } catch (failure) {
          if (!(failure instanceof ConfigNotEdited)) throw failure
          expect(failure.hint).toBeDefined()
          expect(empty).toBe(true)
        }
      }),
      runs,
    )
  })

  it("is what it was after a key was renamed, or replaced, and put back", () => {
    fc.assert(
      fc.property(config, ({ text, like, names }) => {
        fc.pre(names.length > 0)
        const there = edit(text, { kind: "rename", name: like, to: "zz" })
        expect(groupsOf(there)).toEqual(groupsOf(text))
        expect(edit(there, { kind: "rename", name: "zz", to: like })).toBe(text)
        const other = edit(text, { kind: "replace", name: like, recipient: nova })
        const old = recipientOf(Number(like.slice(1)))
        expect(groupsOf(other)).toEqual(
          groupsOf(text).map((groups) => groups.map((group) => group.map((name) => (name === old ? nova : name)))),
        )
        expect(edit(other, { kind: "replace", name: like, recipient: old })).toBe(text)
      }),
      runs,
    )
  })

  it("of any text is changed, or refused with a failure of its own", () => {
    const piece = fc.constantFrom(
      "keys:",
      "creation_rules:",
      "age:",
      " ",
      "  ",
      "- ",
      "\n",
      "[",
      "]",
      "{",
      "}",
      ", ",
      ",",
      "&a ",
      "*a",
      a,
      b,
      "'",
      '"',
      "# c",
      ">-",
      "x: ",
      "? ",
      "!t ",
    )
    const text = fc.array(piece, { maxLength: 30 }).map((pieces) => pieces.join(""))
    fc.assert(
      fc.property(
        text,
        fc.constantFrom<ConfigChange>(
          addLike("a"),
          addLike(a),
          { kind: "remove", name: "a" },
          { kind: "rename", name: "a", to: "z" },
          { kind: "replace", name: "a", recipient: nova },
        ),
        (content, change) => {
          try {
            editConfig(bytes(content), change)
          } catch (failure) {
            expect(failure).toBeInstanceOf(Failure)
          }
        },
      ),
      { numRuns: fuzzRuns },
    )
  })
})

describe("lines that changed", () => {
  it("make the new text of the old one", () => {
    const text = fc.array(fc.constantFrom("a", "b", "c", ""), { maxLength: 12 })
    fc.assert(
      fc.property(text, text, (before, after) => {
        const changes = changedLines(before.join("\n"), after.join("\n"))
        const gone = new Set(changes.filter(({ sign }) => sign === "-").map(({ line }) => line))
        const kept = (before.length === 0 ? [""] : before).filter((_, index) => !gone.has(index + 1))
        for (const { line, text: content } of changes.filter(({ sign }) => sign === "+"))
          kept.splice(line - 1, 0, content)
        expect(kept.join("\n")).toBe(after.join("\n"))
      }),
    )
  })
})
