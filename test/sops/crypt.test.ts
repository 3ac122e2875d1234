import { describe, expect, it } from "vitest"
import { Secret } from "../../src/secret.ts"
import { IvStash } from "../../src/sops/cipher.ts"
import { decryptDocuments, encryptDocuments } from "../../src/sops/crypt.ts"
import { SelectionInvalid, ValueDamaged, ValueUnsupported } from "../../src/sops/failures.ts"
import { Mac } from "../../src/sops/mac.ts"
import { compileSelection, compileWritten, defaultSelection, type Selection } from "../../src/sops/selection.ts"
import { parseYamlDocuments } from "../../src/sops/stores/yaml.ts"
import { branch, comment, entry, list, NULL, str, type Value } from "../../src/sops/tree.ts"

const key = Secret.owning("data key", new Uint8Array(32).fill(3))

async function options(selection: Selection = defaultSelection, macOnlyEncrypted = false) {
  return { key, selector: await compileSelection(selection), macOnlyEncrypted, ivs: new IvStash() }
}

function document(text: string) {
  return parseYamlDocuments(Buffer.from(text))
}

/** The paths of leaves and comments that were encrypted. */
function encryptedPaths(value: Value, path = ""): string[] {
  if (value.type === "map") {
    return value.items.flatMap((item) => {
      if (item.type === "comment") return item.value.startsWith("ENC[") ? [`${path}#`] : []
      return encryptedPaths(item.value, `${path}/${typeof item.key === "string" ? item.key : "?"}`)
    })
  }
  if (value.type === "list") {
    return value.items.flatMap((item, index) =>
      item.type === "comment" ? [] : encryptedPaths(item, `${path}/${index}`),
    )
  }
  return value.type === "str" && value.value.startsWith("ENC[") ? [path] : []
}

describe("what is encrypted", () => {
  const text = [
    "a_x: 1",
    "# mark",
    "b: 2",
    "c:",
    "    d_x: 3",
    "    # plain words",
    "    e: [4]",
    "n: null",
    "m: {}",
    "",
  ].join("\n")
  const rows: { rule: Selection; paths: string[] }[] = [
    { rule: defaultSelection, paths: ["/a_x", "#", "/b", "/c/d_x", "/c#", "/c/e/0"] },
    { rule: { rule: "unencrypted_suffix", text: "_x" }, paths: ["#", "/b", "/c#", "/c/e/0"] },
    { rule: { rule: "encrypted_suffix", text: "_x" }, paths: ["/a_x", "/c/d_x"] },
    { rule: { rule: "unencrypted_regex", text: "^c$" }, paths: ["/a_x", "#", "/b"] },
    { rule: { rule: "encrypted_regex", text: "(?i)^[BE]$" }, paths: ["/b", "/c/e/0"] },
    { rule: { rule: "unencrypted_comment_regex", text: "^ mark" }, paths: ["/a_x", "/c/d_x", "/c#", "/c/e/0"] },
    { rule: { rule: "encrypted_comment_regex", text: "mark|plain" }, paths: ["/b", "/c/e/0"] },
    { rule: { rule: "everything" }, paths: ["/a_x", "#", "/b", "/c/d_x", "/c#", "/c/e/0"] },
  ]
  it.each(rows)("by $rule.rule", async ({ rule, paths }) => {
    const { documents, mac } = encryptDocuments(document(text), await options(rule))
    expect(encryptedPaths(documents[0]!)).toEqual(paths)
    const back = decryptDocuments(documents, await options(rule))
    expect(back.documents).toEqual(document(text))
    expect(back.mac).toBe(mac)
  })

  it("an expression with a nested repetition takes linear time", async () => {
    const slow = await compileSelection({ rule: "encrypted_regex", text: "^(a+)+$" })
    const start = performance.now()
    expect(slow.encrypts([`${"a".repeat(5000)}!`], [], false)).toBe(false)
    expect(performance.now() - start).toBeLessThan(2000)
  })

  it("many comments in front of one value take linear time", async () => {
    const comments = Array.from({ length: 20_000 }, (_, index) => `# c${index}\n`).join("")
    const start = performance.now()
    encryptDocuments(
      document(`${comments}a: 1\n`),
      await options({ rule: "encrypted_comment_regex", text: "sops:enc" }),
    )
    expect(performance.now() - start).toBeLessThan(5000)
  })

  it.each([
    { rule: "encrypted_regex", sealed: false },
    { rule: "unencrypted_regex", sealed: true },
    { rule: "encrypted_comment_regex", sealed: false },
    { rule: "unencrypted_comment_regex", sealed: true },
  ] as const)("$rule that Go cannot read has matched nothing in a file that sops made", async ({ rule, sealed }) => {
    const selector = await compileWritten({ rule, text: "^(?!a)" })
    expect(selector.marks("b")).toBe(false)
    expect(selector.encrypts(["b"], [], false)).toBe(sealed)
  })

  it.each(["(?=a)", "(", "a**", "[z-a]"])("%s is no expression of Go's", async (pattern) => {
    await expect(compileSelection({ rule: "encrypted_regex", text: pattern })).rejects.toBeInstanceOf(SelectionInvalid)
  })

  it("refuses a comment expression that an encrypted comment would match", async () => {
    const rule: Selection = { rule: "unencrypted_comment_regex", text: "ENC" }
    await expect(options(rule).then((given) => encryptDocuments(document("# c\na: 1\n"), given))).rejects.toThrow(
      SelectionInvalid,
    )
  })
})

describe("the MAC", () => {
  const macOf = async (text: string, onlyEncrypted = false): Promise<string> =>
    encryptDocuments(document(text), await options(defaultSelection, onlyEncrypted)).mac

  it("changes with any value, its order, and a value that goes or comes", async () => {
    const macs = await Promise.all(
      ["a: 1\nb: 2\n", "a: 2\nb: 1\n", "a: 1\n", "a: 1\nb: 2\nc: 3\n", "a: 1\nb: x\n"].map((text) => macOf(text)),
    )
    expect(new Set(macs).size).toBe(5)
  })

  it("does not see keys, comments, nulls and empty collections", async () => {
    const macs = await Promise.all(
      ["a: 1\n", "# c\nother: 1\n", "a: 1\nb: null\nc: {}\nd: []\n"].map((text) => macOf(text)),
    )
    expect(new Set(macs).size).toBe(1)
  })

  it("with mac_only_encrypted, leaves plain values out and always differs from the MAC without it", async () => {
    expect(await macOf("a: 1\nb_unencrypted: 2\n", true)).toBe(await macOf("a: 1\nb_unencrypted: 3\n", true))
    expect(await macOf("a: 1\n", true)).not.toBe(await macOf("a: 1\n"))
  })

  it("of nothing is the SHA-512 of nothing", () => {
    expect(new Mac(false).text()).toMatch(/^CF83E1357EEFB8BD/)
  })
})

describe("a tree", () => {
  it("with a key that is no text is refused with its place", async () => {
    const given = await options()
    expect(() => encryptDocuments(document("a:\n  1: x\n"), given)).toThrow(ValueUnsupported)
  })

  it("with an integer beyond 64 bits is refused", async () => {
    const given = await options()
    expect(() => encryptDocuments(document("a: 9223372036854775808\n"), given)).toThrow(/64 bits/)
  })

  it("with a plain value where an encrypted one should be is refused, text or not", async () => {
    const given = await options()
    for (const value of [str("plain"), { type: "int", value: 1n } as const]) {
      expect(() => decryptDocuments([branch([entry("a", value)])], given)).toThrow(ValueDamaged)
    }
  })

  it("keeps comments of lists in the list, as encrypted texts", async () => {
    const plain = [branch([entry("l", list([comment(" c"), str("x"), NULL]))])]
    const { documents } = encryptDocuments(plain, await options())
    const [first] = documents[0]!.items
    expect(first?.type === "entry" && first.value.type === "list" && first.value.items.map(({ type }) => type)).toEqual(
      ["str", "str", "null"],
    )
    expect(decryptDocuments(documents, await options()).documents).toEqual(plain)
  })

  it("passes over comments that do not decrypt: older versions left them plain", async () => {
    const { documents } = encryptDocuments(document("a: x\n"), await options())
    const withComment = [
      branch([
        comment(" plain"),
        comment("ENC[AES256_GCM,data:AA==,iv:AA==,tag:AA==,type:comment]"),
        ...documents[0]!.items,
      ]),
    ]
    expect(decryptDocuments(withComment, await options()).documents[0]!.items).toHaveLength(3)
  })
})
