/** Where sops itself errs: each row of the table in docs/sops.md, shown with the real sops, and what is here instead. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { X25519Identity } from "../src/age/x25519.ts"
import { type Outcome, run, scratch } from "./harness.ts"

const program = new URL("../dist/cli.js", import.meta.url).pathname
const place = scratch()
const key = X25519Identity.generate()
const env = { SOPS_AGE_KEY: key.revealText(), HOME: place }

const sops = (cwd: string, ...args: string[]): Promise<Outcome> => run("sops", args, { cwd, env })
const ours = (cwd: string, ...args: string[]): Promise<Outcome> =>
  run(process.execPath, [program, ...args], { cwd, env })

/** A folder with a file, and a rule for it. */
function folderWith(name: string, text: string, rule = ""): string {
  const folder = join(place, String(count++))
  mkdirSync(folder)
  writeFileSync(join(folder, ".sops.yaml"), `creation_rules:\n  - age: ${key.recipient.text}\n    ${rule}\n`)
  writeFileSync(join(folder, name), text)
  return folder
}
let count = 0

/** What a program makes of the file, written in its place, and what sops and we then read there. */
async function encryptedBy(
  encrypt: (cwd: string, ...args: string[]) => Promise<Outcome>,
  [name, text, rule]: readonly [name: string, text: string, rule?: string],
): Promise<{ encrypted: Outcome; bySops: Outcome; byOurs: Outcome; folder: string }> {
  const folder = folderWith(name, text, rule)
  const encrypted = await encrypt(folder, "encrypt", name)
  writeFileSync(join(folder, name), encrypted.stdout)
  const [bySops, byOurs] = [await sops(folder, "decrypt", name), await ours(folder, "decrypt", name)]
  return { encrypted, bySops, byOurs, folder }
}

const tab = '"\\ttab\\nx"'

describe("sops cannot read, or misreads, what it wrote; it reads what we write", () => {
  const cases: readonly Readonly<{
    what: string
    file: readonly [name: string, text: string, rule?: string]
    sops: RegExp
    right: string
  }>[] = [
    {
      what: "a plain text in a list that begins with a space",
      file: ["a.yaml", 'a_unencrypted:\n    - "  two\\n lines"\n'],
      sops: /did not find expected '-' indicator/,
      right: "a_unencrypted:\n    - |4-\n        two\n       lines\n",
    },
    {
      what: "a plain text in a list that begins with a line break",
      file: ["a.yaml", 'a_unencrypted:\n    - b: "\\nlead"\n'],
      sops: /did not find expected key/,
      right: "a_unencrypted:\n    - b: |4-\n\n        lead\n",
    },
    {
      what: "a plain negative zero",
      file: ["a.json", '{"a_unencrypted": -0.0}'],
      sops: /MAC mismatch/,
      right: '{\n\t"a_unencrypted": 0\n}\n',
    },
    {
      what: "a comment before a key of several lines",
      file: ["a.yaml", 'a: 1\n"m\\nk":\n    # c\n    b: 1\n'],
      sops: /^#ENC\[/m,
      right: "a: 1\n# c\n? |-\n    m\n    k\n:   b: 1\n",
    },
    {
      what: "a value that is selected by a comment which moves",
      file: ["a.yaml", "a:\n    - # enc\n      b: x\n      c: z\n", "encrypted_comment_regex: enc"],
      sops: /does not match sops' data format/,
      right: "a:\n    # enc\n    - b: x\n      c: z\n",
    },
    {
      what: "an empty map in a list behind an item with a comment on its line",
      file: ["a.yaml", "a_unencrypted:\n    - [x] # t\n    - {} # u\n"],
      sops: /could not find expected ':'/,
      right: "a_unencrypted:\n    - - x\n    # t\n    - {} # u\n",
    },
    {
      what: "the comment of an empty map",
      file: ["a.yaml", "a:\n    b: {} # c\n"],
      sops: /^a:\n {4}b: \{\}\n$/,
      right: "a:\n    b: {\n        # c\n}\n",
    },
    {
      what: "a comment in a list of maps that are merged",
      file: ["a.yaml", "a:\n    <<:\n        # c\n        - {x: 1}\n        - {y: 2}\n"],
      sops: /map merge requires map or sequence of maps/,
      right: 'a:\n    !!merge <<:\n        # c\n        - x: 1\n        - "y": 2\n',
    },
    {
      what: "the key << with a single value",
      file: ["a.yaml", '"<<": x\na: 1\n'],
      sops: /map merge requires map or sequence of maps/,
      right: "!!merge <<: x\na: 1\n",
    },
    {
      what: "a comment at the head of a list whose first item has one too",
      file: ["a.yaml", "a_unencrypted:\n    # list\n    -\n        # item\n        b: 1\n"],
      sops: /^a_unencrypted:\n {4}# item\n {4}- b: 1\n$/,
      right: "a_unencrypted:\n    # list\n    # item\n    - b: 1\n",
    },
  ]
  it.each(cases)("$what", async ({ file, sops: says, right }) => {
    const theirs = await encryptedBy(sops, file)
    expect(theirs.encrypted.code === 0 ? theirs.bySops.all : theirs.encrypted.all).toMatch(says)
    const own = await encryptedBy(ours, file)
    expect(own.bySops.stdout).toBe(right)
    expect(own.byOurs.stdout).toBe(right)
  })
})

describe("sops reads wrongly, and we rightly", () => {
  it("a text of several lines that begins with a tab, whoever encrypted it", async () => {
    for (const encrypt of [sops, ours]) {
      const { bySops, byOurs } = await encryptedBy(encrypt, ["a.yaml", `a: ${tab}\n`])
      expect(bySops.stdout).toBe("a: null\n")
      expect(byOurs.stdout).toBe(`a: ${tab}\n`)
    }
  })

  it("the same where it is plain: what sops wrote has lost it, what we wrote has it", async () => {
    const theirs = await encryptedBy(sops, ["a.yaml", `a_unencrypted: ${tab}\n`])
    expect(theirs.bySops.stderr).toMatch(/MAC mismatch/)
    const own = await encryptedBy(ours, ["a.yaml", `a_unencrypted: ${tab}\n`])
    expect(own.byOurs.stdout).toBe(`a_unencrypted: ${tab}\n`)
  })

  it("and sops' updatekeys loses it from a file that had it", async () => {
    const added = X25519Identity.generate().recipient.text
    const { folder } = await encryptedBy(ours, ["a.yaml", `a_unencrypted: ${tab}\n`])
    const config = join(folder, ".sops.yaml")
    writeFileSync(config, readFileSync(config, "utf8").replace(/(age1\w+)/, `$1,${added}`))
    const before = readFileSync(join(folder, "a.yaml"))
    await sops(folder, "updatekeys", "--yes", "a.yaml")
    expect(readFileSync(join(folder, "a.yaml"), "utf8")).toContain("a_unencrypted: null")
    writeFileSync(join(folder, "a.yaml"), before)
    await ours(folder, "updatekeys", "--yes", "a.yaml")
    expect((await ours(folder, "decrypt", "a.yaml")).stdout).toBe(`a_unencrypted: ${tab}\n`)
  })

  it("a comment in INI that begins with an empty line", async () => {
    for (const encrypt of [sops, ours]) {
      const { bySops, byOurs } = await encryptedBy(encrypt, ["a.ini", "[s]\n; \n\n; x\nk = 1\n"])
      expect(bySops.stderr).toMatch(/index out of range/)
      expect(byOurs.stdout).toBe("[s]\n; \n; x\nk = 1\n")
    }
  })

  it("a second comment between the one that selects and the value that it selects", async () => {
    const text = "a:\n    # enc\n    # x\n    - b\n"
    const { bySops, byOurs } = await encryptedBy(ours, ["a.yaml", text, "encrypted_comment_regex: enc"])
    expect(bySops.stderr).toMatch(/MAC mismatch/)
    expect(byOurs.stdout).toBe(text)
  })
})

describe("sops mistakes a comment for another's, and we do not", () => {
  const rule = "encrypted_suffix: _enc"

  it("when set makes a map of the value that it is for", async () => {
    const file = ["a.yaml", "a_enc: 3 #c\nb:\n    - x\n", rule] as const
    const set = ["set", "a.yaml", '["a_enc"]', '{"a": 1}']
    const { folder } = await encryptedBy(ours, file)
    const before = readFileSync(join(folder, "a.yaml"))
    await sops(folder, ...set)
    expect((await sops(folder, "decrypt", "a.yaml")).stdout).toBe("a_enc:\n    a: 1\n#c\nb:\n    - x\n")
    writeFileSync(join(folder, "a.yaml"), before)
    await ours(folder, ...set)
    expect((await sops(folder, "decrypt", "a.yaml")).stdout).toBe("#c\na_enc:\n    a: 1\nb:\n    - x\n")
  })

  it("when unset takes away the value that it is for", async () => {
    const file = ["a.yaml", "a:\n    b: x #c\n    d: | # p\n        one\n        two\nz: 1\n", rule] as const
    const { folder } = await encryptedBy(ours, file)
    const before = readFileSync(join(folder, "a.yaml"))
    await sops(folder, "unset", "a.yaml", '["a"]["b"]')
    expect((await sops(folder, "decrypt", "a.yaml")).stderr).toMatch(/MAC mismatch/)
    writeFileSync(join(folder, "a.yaml"), before)
    await ours(folder, "unset", "a.yaml", '["a"]["b"]')
    const right = "a:\n    d: | #c\n        # p\n        one\n        two\nz: 1\n"
    expect((await sops(folder, "decrypt", "a.yaml")).stdout).toBe(right)
  })
})

describe("sops loses in silence, and we refuse", () => {
  it.each([
    {
      what: "what follows a colon at which JSON breaks off",
      name: "a.json",
      text: '{"a": 1, "b":',
      lost: '{\n\t"a": 1\n}\n',
    },
    {
      what: "a value that does not fit its tag",
      name: "a.yaml",
      text: "a: 1\n---\nb: !!int x\n",
      lost: "a: 1\n---\nb: null\n",
    },
  ])("$what", async ({ name, text, lost }) => {
    expect((await encryptedBy(sops, [name, text])).bySops.stdout).toBe(lost)
    expect((await ours(folderWith(name, text), "encrypt", name)).code).toBe(7)
  })

  it("a value that is set in a binary file beside its bytes", async () => {
    const { folder } = await encryptedBy(sops, ["a.bin", "bytes"])
    const set = ["set", "a.bin", '["a"]', '"lost"']
    expect((await ours(folder, ...set)).stderr).toContain('a binary file has no values but the one under "data"')
    expect((await sops(folder, ...set)).code).toBe(0)
    expect((await sops(folder, "decrypt", "a.bin")).stdout).toBe("bytes")
    // What sops has put there stays, and is in nobody's way.
    expect((await ours(folder, "set", "a.bin", '["data"]', '"other"')).code).toBe(0)
    expect((await sops(folder, "decrypt", "a.bin")).stdout).toBe("other")
  })

  it("a value that is to be set at a position in a map", async () => {
    const { folder } = await encryptedBy(sops, ["a.yaml", "a:\n    b: 1\n"])
    const set = ["set", "a.yaml", '["a"][0]', '"new"']
    expect((await sops(folder, ...set)).code).toBe(0)
    expect((await sops(folder, "decrypt", "a.yaml")).stdout).toBe("a:\n    b: 1\n")
    expect((await ours(folder, ...set)).stderr).toContain("is a position, but this is a map")
  })

  it("an expression that it cannot read: what it was to encrypt stays plain", async () => {
    const rule = "encrypted_regex: ^(?!a)"
    const { encrypted, byOurs } = await encryptedBy(sops, ["a.yaml", "b: 1\n", rule])
    expect(encrypted.stdout).toMatch(/^b: 1\n/)
    expect(byOurs.stdout).toBe("b: 1\n")
    expect((await ours(folderWith("a.yaml", "b: 1\n", rule), "encrypt", "a.yaml")).stderr).toContain(
      'encrypted_regex: "^(?!a)" is no regular expression that Go, and so sops, can read',
    )
  })

  it("the key - in INI", async () => {
    const text = "[s]\n- = x\nk = 1\n"
    expect((await encryptedBy(sops, ["a.ini", text])).bySops.stderr).toMatch(/MAC mismatch/)
    expect((await ours(folderWith("a.ini", text), "encrypt", "a.ini")).stderr).toContain('the key "-"')
  })
})
