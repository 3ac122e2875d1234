/** Random documents in every format, as awkward as people's are, from a seed. */

/** A generator of numbers from 0 to below 1: mulberry32, so that a case can be named by its seed. */
export function randomFrom(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

const keys = [
  ..."a b key some_key x-y list sub Key#1 plain_unencrypted secret_enc data yes no on null true ~ 1e3 0x1 12 1.5 é ☃".split(
    " ",
  ),
  "two words",
  "a:b",
  "a: b",
  "#h",
  " lead",
  "trail ",
  "",
  "-",
  "- x",
  "?",
  "multi\nline key",
  "tab\tkey",
  "2024-01-02",
  "😀",
  "k".repeat(140),
]

const texts = [
  ..."plain it's say".split(" "),
  "",
  " lead",
  "trail ",
  "two words",
  "a: b",
  "a #b",
  "# c",
  "yes",
  "No",
  "~",
  "null",
  "1e3",
  "0x1F",
  "0o17",
  "017",
  "1_000",
  "12:30:45",
  "2024-01-02",
  "-",
  "- x",
  "? x",
  ":",
  "x:",
  "!t",
  "&a",
  "*a",
  "|",
  ">",
  "%p",
  "@at",
  "`tick`",
  "{a}",
  "[a]",
  "a, b",
  "=",
  "<<",
  "'q'",
  '"q"',
  "--- x",
  "...",
  "multi\nline",
  "multi\nline\n",
  "more\n\n\n",
  "\n",
  "\nlead",
  "  two\n lines",
  "a \nb",
  "tab\tx",
  "\ttab\nx",
  "back\\slash",
  "\\n",
  "cr\r\nlf",
  "é ☃ 😀",
  "\u0001ctl",
  "\u0085nel",
  "\u2028ls",
  "\u00a0nbsp",
  "\ufeffbom",
  "\u007f",
  "ENC[AES256_GCM,data:x]",
  "x".repeat(300),
  "long ".repeat(60),
  "<&>",
  "9223372036854775808",
]

const numbers = [
  "0",
  "-0",
  "1",
  "-1",
  "42",
  "9223372036854775807",
  "-9223372036854775808",
  "123456789012",
  "1.5",
  "-2.25",
]
  .concat(["9223372036854775808", "-9223372036854775809", "18446744073709551615", "18446744073709551616"])
  .concat(["0.1", "1e21", "1e-7", "3.14159265358979", "10000000000.5", "1e100", "123456.75", "1.0", "-0.0"])

const plainYaml = [
  "true",
  "false",
  "null",
  "~",
  "0x1F",
  "0o17",
  "017",
  ".inf",
  "-.inf",
  "2024-01-02",
  "2024-01-02T10:11:12Z",
].concat([
  "2024-01-02T10:11:12.5Z",
  "2024-1-2 3:4:5",
  "1_000",
  "+5",
  "1e3",
  "0b11",
  "",
  "plain",
  "é",
  "a b",
  "12:30",
  "yes",
  "!!str 12",
  "!!binary aGk=",
  "!!binary /w==",
  "!!float 1",
  "!foo bar",
  "1_0.5",
  "0x_F",
  "2024-01-02T10:11:12.5+02:00",
])

const comments = [" c", "c", "", " a: b", " two words", "#", "- x", " ENC", " sops:enc", " plain", " é", "\ttab\t"]

/** Keys that are no text where they stand without quotes. */
const oddKey = /^(yes|no|on|null|true|~|1e3|0x1|12|1\.5|2024-01-02)$/

export class Documents {
  readonly #random: () => number
  /** Of the YAML so far, by what they stand for. */
  readonly #anchors: { map: string[]; value: string[] } = { map: [], value: [] }

  constructor(seed: number) {
    this.#random = randomFrom(seed)
  }

  below(limit: number): number {
    return Math.floor(this.#random() * limit)
  }

  chance(probability: number): boolean {
    return this.#random() < probability
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!
  }

  /** What a file of this name may hold. */
  of(name: string): Uint8Array {
    if (name.endsWith(".yaml")) return Buffer.from(this.yaml())
    if (name.endsWith(".json")) return Buffer.from(this.json())
    if (name.endsWith(".env")) return Buffer.from(this.dotenv())
    return name.endsWith(".ini") ? Buffer.from(this.ini()) : this.binary()
  }

  yaml(): string {
    const documents = this.chance(0.15) ? 2 + this.below(2) : 1
    const parts = Array.from({ length: documents }, () => this.#yamlMap(0, this.pick([2, 2, 4]), 0))
    const start = this.chance(0.2) ? this.pick(["---\n", "---\n", "--- # c\n", "%YAML 1.1\n---\n", "\ufeff"]) : ""
    const text = start + parts.join(this.pick(["---\n", "---\n", "...\n---\n", "---\n---\n", "--- # c\n"]))
    return this.#ended(this.chance(0.05) ? text.replace(/\n$/, "") : text)
  }

  #yamlMap(indent: number, step: number, depth: number): string {
    const space = " ".repeat(indent)
    const used = new Set<string>()
    let text = ""
    for (let left = 1 + this.below(depth === 0 ? 5 : 3); left > 0; left--) {
      const key = this.pick(keys)
      if (used.has(key)) continue
      used.add(key)
      text += this.#yamlComments(space)
      const bare = oddKey.test(key) ? this.chance(0.1) : /^[a-z_é☃]+$/.test(key)
      const name = bare ? key : JSON.stringify(key)
      const simple = name.length < 100 ? `${space}${name}:` : `${space}? ${name}\n${space}:`
      text += simple + this.#yamlValue(indent, step, depth)
    }
    if (this.#anchors.map.length > 0 && this.chance(0.15)) text += `${space}<<: ${this.#merged()}\n`
    return text === "" ? `${space}a: 1\n` : text
  }

  #yamlComments(space: string): string {
    let text = ""
    if (this.chance(0.08)) text += "\n"
    while (this.chance(0.15)) text += `${this.chance(0.9) ? space : ""}#${this.pick(comments)}\n`
    if (text !== "" && this.chance(0.15)) text += "\n"
    return text
  }

  #yamlValue(indent: number, step: number, depth: number): string {
    if (depth < 3 && this.chance(0.25))
      return ` ${this.#anchor("map", () => `${this.#inline().trimStart()}\n${this.#yamlMap(indent + step, step, depth + 1)}`)}`
    if (depth < 3 && this.chance(0.2))
      return `${this.#inline()}\n${this.#yamlList(indent + (this.chance(0.7) ? step : 0), step, depth + 1)}`
    return `${this.chance(0.05) ? "\t" : " "}${this.#yamlLeaf(indent)}`
  }

  #merged(): string {
    const name = `*${this.pick(this.#anchors.map)}`
    return this.pick([name, `[${name}, {z: 1}]`])
  }

  /** `&a1 `, or nothing; what it names may be meant once it is written. */
  #anchor(kind: "map" | "value", write: () => string): string {
    if (!this.chance(0.08)) return write()
    const name = `${kind}${this.#anchors[kind].length}`
    const text = write()
    this.#anchors[kind].push(name)
    return `&${name}${text.startsWith("\n") ? "" : " "}${text}`
  }

  #inline(): string {
    return this.chance(0.1) ? `${this.chance(0.1) ? "\t" : " "}#${this.pick(comments)}` : ""
  }

  #yamlList(indent: number, step: number, depth: number): string {
    const space = " ".repeat(indent)
    let text = ""
    for (let left = 1 + this.below(3); left > 0; left--) {
      text += this.#yamlComments(space)
      if (depth < 3 && this.chance(0.2))
        text += `${space}-${this.#inline()}\n${this.#yamlMap(indent + 2, step, depth + 1)}`
      else if (depth < 3 && this.chance(0.1)) text += `${space}-\n${this.#yamlList(indent + 2, step, depth + 1)}`
      else text += `${space}- ${this.#yamlLeaf(indent)}`
    }
    return text
  }

  #yamlLeaf(indent: number): string {
    if (this.#anchors.value.length > 0 && this.chance(0.05))
      return `*${this.pick(this.#anchors.value)} ${this.#inline().trimStart()}\n`
    return this.#anchor("value", () => this.#yamlScalar(indent))
  }

  #yamlScalar(indent: number): string {
    const form = this.below(10)
    const end = `${this.#inline()}\n`
    if (form < 2) return this.pick(numbers) + end
    if (form < 4) return this.pick(plainYaml) + end
    if (form === 4) return `${this.pick(["[]", "{}", "[1, two]", "{a: 1, b: [x]}", "[{a: b}]"])}${end}`
    if (form === 5)
      return `'${this.pick(texts)
        .replace(/[^ -~é☃]/gu, "")
        .replaceAll("'", "''")}'${end}`
    if (form === 6) {
      const space = " ".repeat(indent + 4)
      return `${this.pick(["|", "|-", "|+", ">", ">-"])}${this.#inline()}\n${space}one\n${this.chance(0.3) ? "\n" : ""}${space}${this.chance(0.3) ? "  " : ""}two\n`
    }
    return JSON.stringify(this.pick(texts)).replaceAll("\u007f", "\\x7f").replaceAll("\ufeff", "\\ufeff") + end
  }

  json(): string {
    return this.#jsonMap(0) + this.pick(["", "", "\n", "\n", " \r\n\t", " junk"])
  }

  #jsonMap(depth: number): string {
    const used = new Set<string>()
    for (let left = this.below(5); left > 0; left--) used.add(this.pick(keys))
    const space = this.pick(["", " ", "\n  ", "\n\t", "\r\n\t"])
    const twice = this.chance(0.1) ? [...used].slice(0, 1) : []
    return `{${[...used, ...twice].map((key) => `${space}${JSON.stringify(key)}:${space}${this.#jsonValue(depth)}`).join(",")}}`
  }

  #jsonValue(depth: number): string {
    if (depth < 3 && this.chance(0.25)) return this.#jsonMap(depth + 1)
    if (depth < 3 && this.chance(0.2))
      return `[${Array.from({ length: this.below(4) }, () => this.#jsonValue(depth + 1)).join(", ")}]`
    const form = this.below(4)
    if (form === 0) return this.pick(numbers)
    if (form === 1) return this.pick(["true", "false", "null"])
    const text = JSON.stringify(this.pick(texts))
    if (!this.chance(0.1)) return text
    return this.pick(['"\\u00e9\\ud83d\\ude00"', '"\\ud800x"', '"\\/\\b\\f\\u0000"', text.replaceAll("e", "\\u0065")])
  }

  dotenv(): string {
    const lines: string[] = []
    for (let left = 1 + this.below(6); left > 0; left--) {
      if (this.chance(0.2)) lines.push(`#${this.pick(comments)}`)
      else if (this.chance(0.1)) lines.push("")
      else
        lines.push(
          `${this.pick(["A", "b", "LONG_NAME", "x_unencrypted", "secret_enc", "é", "foo ", "a.b", "export C", " lead", "a:b", ""])}=${this.#line()}`,
        )
    }
    return this.#ended(lines.join("\n") + this.pick(["\n", ""]))
  }

  /** Some files have the line ends of Windows. */
  #ended(text: string): string {
    return this.chance(0.08) ? text.replaceAll("\n", "\r\n") : text
  }

  /** A text without line breaks. */
  #line(): string {
    return this.pick(texts).replace(/[\n\r]/g, "\\n")
  }

  ini(): string {
    let text = this.chance(0.1) ? "first = 1\n" : ""
    for (let left = 1 + this.below(3); left > 0; left--) {
      if (this.chance(0.2)) text += `${this.pick([";", "#"])}${this.pick(comments)}x\n`
      text += `[${this.pick(["a", "db", "two words", "x_unencrypted", "DEFAULT", "é", "a.b", " a "])}]\n`
      for (let count = this.below(4); count > 0; count--) {
        if (this.chance(0.2)) text += `${this.pick(["; ", "#"])}note\n`
        const value = this.chance(0.15)
          ? this.pick([
              '"quoted"',
              "'single'",
              "`a;b`",
              '"""two\nlines"""',
              "`two\nlines`",
              "on\\\n  and on",
              "x ; c",
              '"a" b',
              '""',
            ])
          : this.#line().replace(/^["'`]|\\$/g, "")
        text += `${this.pick(["k", "long_key", "secret_enc", "p_unencrypted", "é"])}${this.pick([" = ", "=", ": "])}${value}\n`
      }
      text += "\n"
    }
    return this.#ended(text)
  }

  binary(): Uint8Array {
    const form = this.below(4)
    if (form === 0) return Buffer.from(this.pick(texts))
    if (form === 1) return Buffer.from(this.json())
    return Uint8Array.from({ length: this.below(300) }, () => this.below(256))
  }

  /** A value as `set` takes it, where sops' habit of making every number a float does not show. */
  setValue(): string {
    return this.pick([
      JSON.stringify(this.pick(texts)),
      "true",
      "null",
      "7",
      "-2.5",
      '{"a": [1, "b", {}]}',
      "[]",
      '"x"',
    ])
  }
}
