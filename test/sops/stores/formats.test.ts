import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { Failure } from "../../../src/failure.ts"
import {
  AlreadyEncrypted,
  MetadataInvalid,
  NotEncrypted,
  SyntaxInvalid,
  ValueUnsupported,
} from "../../../src/sops/failures.ts"
import { formats, storeOf } from "../../../src/sops/format.ts"
import type { Format } from "../../../src/sops/stores/store.ts"
import { branch, comment, entry, list, NULL, str } from "../../../src/sops/tree.ts"
import { fuzzRuns } from "../../fuzz-runs.ts"

async function rewritten(format: Format, text: string | Uint8Array): Promise<string> {
  const store = await storeOf(format)
  return Buffer.from(store.emit(store.parse(Buffer.from(text)))).toString()
}

describe("JSON", () => {
  it.each([
    { text: '{"a":1}', out: '{\n\t"a": 1\n}\n' },
    { text: '{"a":{},"b":[]}', out: '{\n\t"a": {},\n\t"b": []\n}\n' },
    { text: '{"a":1,"a":2}', out: '{\n\t"a": 1,\n\t"a": 2\n}\n' },
    {
      text: '{"a":9223372036854775807,"b":-0,"c":1.0,"d":1e21,"e":1e-7}',
      out: '{\n\t"a": 9223372036854775807,\n\t"b": 0,\n\t"c": 1,\n\t"d": 1e+21,\n\t"e": 1e-7\n}\n',
    },
    {
      text: '{"a":"<&>\\u2028\\u0000\\b\\/\\ud800"}',
      out: '{\n\t"a": "\\u003c\\u0026\\u003e\\u2028\\u0000\\b/\ufffd"\n}\n',
    },
    { text: '{"a":1} trailing', out: '{\n\t"a": 1\n}\n' },
  ])("$text", async ({ text, out }) => {
    expect(await rewritten("json", text)).toBe(out)
  })

  it.each([
    "",
    "{",
    '{"a"',
    '{"a":',
    '{"a":1',
    '{"a":1,}',
    "{a:1}",
    '{"a":01}',
    '{"a":1.}',
    '{"a":+1}',
    '{"a":"\n"}',
    '{"a":"\\x"}',
    '{"a":1e400}',
    "{'a':1}",
    `{"a":${"[".repeat(2000)}`,
  ])("%j is refused", async (text) => {
    await expect(rewritten("json", text)).rejects.toBeInstanceOf(SyntaxInvalid)
  })

  it.each(["[]", "1", '"a"', "null"])("%s is no object, so it is refused", async (text) => {
    await expect(rewritten("json", text)).rejects.toBeInstanceOf(ValueUnsupported)
  })

  it("any JSON comes back as it was", async () => {
    const store = await storeOf("json")
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: "grapheme" }), fc.jsonValue({ noUnicodeString: false })), (value) => {
        const text = JSON.stringify(value).replaceAll("-0", "0")
        expect(JSON.parse(Buffer.from(store.emit(store.parse(Buffer.from(text)))).toString())).toEqual(JSON.parse(text))
      }),
    )
  })

  it("leaves comments out", async () => {
    const store = await storeOf("json")
    const document = branch([comment("c"), entry("a", list([comment("d"), NULL]))])
    expect(Buffer.from(store.emit([document], { indent: 2 })).toString()).toBe('{\n  "a": [\n    null\n  ]\n}\n')
  })
})

describe("dotenv", () => {
  it.each([
    { text: "# c\nA=b\n\nfoo = x y \n", out: "# c\nA=b\nfoo = x y \n" },
    { text: "A=a\\nb=c", out: "A=a\\nb=c\n" },
    { text: "A='q' # x\n", out: "A='q' # x\n" },
    { text: "", out: "" },
  ])("$text", async ({ text, out }) => {
    expect(await rewritten("dotenv", text)).toBe(out)
  })

  it("keeps bytes that are no text", async () => {
    const store = await storeOf("dotenv")
    const bytes = Buffer.from([0x41, 0x3d, 0xff, 0xfe, 0x0a])
    expect(Buffer.from(store.emit(store.parse(bytes)))).toEqual(bytes)
  })

  it("has no place for maps, and none for lines without an equals sign", async () => {
    const store = await storeOf("dotenv")
    expect(() => store.emit([branch([entry("a", branch([]))])])).toThrow(ValueUnsupported)
    expect(() => store.parse(Buffer.from("A=1\nB\n"))).toThrow(SyntaxInvalid)
  })
})

describe("INI", () => {
  it.each([
    { what: "aligns equals signs", text: "[a]\nk=1\nlong_key: 2\n", out: "[a]\nk        = 1\nlong_key = 2\n" },
    { what: "keeps keys before any section", text: "k=1\n[a]\n", out: "k = 1\n\n[a]\n" },
    { what: "takes quotes off", text: "[a]\nk=\"x y\"\nl='z'\nm=`a;b`\n", out: "[a]\nk = x y\nl = z\nm = `a;b`\n" },
    {
      what: "keeps comments of sections and keys",
      text: "; s\n[a] # t\n# k\nk = 1 ; i\n",
      out: "; s\n# t\n[a]\n; k\n; i\nk = 1\n",
    },
    { what: "joins lines that go on", text: "[a]\nk = x \\\n  y\n", out: "[a]\nk = x y\n" },
    { what: "keeps texts of several lines", text: '[a]\nk = """x\ny"""\n', out: '[a]\nk = """x\ny"""\n' },
    { what: "lets the last of equal keys count", text: "[a]\nk=1\nl=2\nk=3\n", out: "[a]\nk = 3\nl = 2\n" },
    { what: "keeps sections of the same name", text: "[a]\nk=1\n[a]\nk=2\n", out: "[a]\nk = 1\n\n[a]\nk = 2\n" },
  ])("$what", async ({ text, out }) => {
    expect(await rewritten("ini", text)).toBe(out)
  })

  it.each([
    {
      what: "keys in a section",
      text: `[a]\n${Array.from({ length: 100_000 }, (_, index) => `k${index} = v\n`).join("")}`,
    },
    { what: "lines of one value", text: `[a]\nk = ${"x\\\n".repeat(200_000)}` },
    { what: "carriage returns behind a quote", text: `[a]\nk = """x\n"""${"\r".repeat(200_000)}x\n` },
  ])("many $what take linear time", async ({ text }) => {
    const start = performance.now()
    await rewritten("ini", text)
    expect(performance.now() - start).toBeLessThan(5000)
  })

  it("prints a value alone as JSON on one line", async () => {
    const store = await storeOf("ini")
    const value = list([str("x"), { type: "int", value: 2n }, NULL, branch([entry("k", list([]))])])
    expect(Buffer.from(store.emitValue(value)).toString()).toBe('["x",2,null,{"k":[]}]')
  })

  it.each(["[a\n", "[]\n", "k\n", "=x\n", '"k=1\n', '[a]\nk="""x\n', "[a]\n- = 1\n"])("%j is refused", async (text) => {
    await expect(rewritten("ini", text)).rejects.toBeInstanceOf(SyntaxInvalid)
  })

  it.each([
    { what: "values at the top", document: branch([entry("a", str("x"))]) },
    { what: "maps in sections", document: branch([entry("a", branch([entry("b", branch([]))]))]) },
    { what: "keys that would be comments", document: branch([entry("a", branch([entry("#b", str("x"))]))]) },
    { what: "sections with line breaks", document: branch([entry("a\nb", branch([]))]) },
  ])("has no place for $what", async ({ document }) => {
    const store = await storeOf("ini")
    expect(() => store.emit([document])).toThrow(ValueUnsupported)
  })
})

describe("every format", () => {
  it.each(formats)("%s: arbitrary bytes give documents or a failure, plain and encrypted", async (format) => {
    const store = await storeOf(format)
    const pieces = fc.array(
      fc.constantFrom(
        "[",
        "]",
        "{",
        "}",
        '"',
        "a",
        "=",
        ":",
        "\n",
        "sops",
        "sops_",
        "__list_0",
        "__map_",
        "#",
        ";",
        "\\",
        "`",
        '"""',
        " ",
        "1",
        "- ",
      ),
      { maxLength: 30 },
    )
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      pieces.map((parts) => new Uint8Array(Buffer.from(parts.join("")))),
    )
    fc.assert(
      fc.property(bytes, (given) => {
        for (const parse of [store.parse, store.parseEncrypted]) {
          try {
            parse(given)
          } catch (failure) {
            expect(failure).toBeInstanceOf(Failure)
          }
        }
      }),
      { numRuns: fuzzRuns },
    )
  })

  it.each([
    { format: "yaml", text: "a: 1\n" },
    { format: "json", text: "{}" },
    { format: "dotenv", text: "A=1\n" },
    { format: "ini", text: "[a]\n" },
    { format: "binary", text: '{"data": "x"}' },
  ] as const)("$format: a plain file is told from an encrypted one", async ({ format, text }) => {
    const store = await storeOf(format)
    expect(() => store.parseEncrypted(Buffer.from(text))).toThrow(NotEncrypted)
  })

  it("of keys that stand twice in metadata, the last counts, as with sops", async () => {
    const text = '{"sops": {"mac": "a", "age": [{"enc": "x", "recipient": "r", "enc": "y"}], "mac": "b"}}'
    const { metadata } = (await storeOf("json")).parseEncrypted(Buffer.from(text))
    const age = branch([entry("enc", str("y")), entry("recipient", str("r"))])
    expect(metadata).toEqual(branch([entry("mac", str("b")), entry("age", list([age]))]))
  })

  it("metadata that is no map, or there twice, is refused", async () => {
    const json = await storeOf("json")
    expect(() => json.parseEncrypted(Buffer.from('{"sops": 1}'))).toThrow(MetadataInvalid)
    expect(() => json.parseEncrypted(Buffer.from('{"sops": {}, "sops": {}}'))).toThrow(MetadataInvalid)
  })

  it.each(["yaml", "json", "dotenv", "ini"] as const)(
    "%s: a key of the documents that is the metadata's is refused",
    async (format) => {
      const store = await storeOf(format)
      const key = format === "dotenv" ? "sops_x" : "sops"
      const value = format === "ini" ? branch([]) : str("x")
      const documents = [branch([entry(key, value)])]
      expect(store.holdsMetadata(documents)).toBe(true)
      expect(() => store.emitEncrypted({ documents, metadata: branch([]) })).toThrow(AlreadyEncrypted)
    },
  )

  it("binary takes any bytes as one value, and gives them back", async () => {
    const store = await storeOf("binary")
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(Buffer.from(store.emit(store.parse(bytes)))).toEqual(Buffer.from(bytes))
      }),
    )
    expect(() => store.emit([branch([entry("a", str("x"))])])).toThrow(ValueUnsupported)
  })
})
