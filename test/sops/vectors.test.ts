import { describe, expect, it } from "vitest"
import { encryptValue, IvStash } from "../../src/sops/cipher.ts"
import { encryptDocuments } from "../../src/sops/crypt.ts"
import { openDataKey } from "../../src/sops/data-key.ts"
import { SyntaxInvalid } from "../../src/sops/failures.ts"
import { decryptFile, type EncryptedFile, printDecrypted, readEncrypted } from "../../src/sops/file.ts"
import { writeMetadata } from "../../src/sops/metadata.ts"
import { compileSelection } from "../../src/sops/selection.ts"
import type { Format } from "../../src/sops/stores/store.ts"
import { emitYamlDocuments, parseYamlDocuments } from "../../src/sops/stores/yaml.ts"
import { branch, entry, list, type Value } from "../../src/sops/tree.ts"
import { openerOf, readVector, secretKeys } from "./keys.ts"

type Row = { in?: string; inB64?: string; out?: string; enc: string; dec?: string | null; identity?: string | null }

function rows(name: string): Row[] {
  return readVector(`sops/${name}.jsonl`)
    .trim()
    .split("\n")
    .map((line): Row => JSON.parse(line) as Row)
}

/** Comments may move to a neighbour when YAML is read again, in sops too. */
function withoutComments(value: Value): Value {
  if (value.type === "map") {
    return branch(
      value.items.flatMap((item) => (item.type === "comment" ? [] : [entry(item.key, withoutComments(item.value))])),
    )
  }
  if (value.type !== "list") return value
  return list(value.items.flatMap((item) => (item.type === "comment" ? [] : [withoutComments(item)])))
}

const opener = openerOf(...secretKeys("sops/identities.txt"))

/** Decrypts and prints; and encrypts again, with the IVs and the time that the file has. */
async function thereAndBack(file: EncryptedFile): Promise<{ plain: Buffer; again: string }> {
  const { store, metadata } = file
  using key = await openDataKey(metadata, opener)
  const ivs = new IvStash()
  const documents = await decryptFile(file, key, { ivs })
  const selector = await compileSelection(metadata.selection)
  const { macOnlyEncrypted, lastModified } = metadata
  const sealed = encryptDocuments(documents, { key, selector, macOnlyEncrypted, ivs })
  const mac = encryptValue({ type: "str", value: sealed.mac }, key, lastModified, ivs)
  const written = writeMetadata({ ...metadata, mac })
  return {
    plain: Buffer.from(printDecrypted(documents, store)),
    again: Buffer.from(store.emitEncrypted({ documents: sealed.documents, metadata: written })).toString(),
  }
}

describe("what sops' own code made of generated files", () => {
  it("plain YAML is written as sops writes it, in all 300 rows", () => {
    const vectors = rows("yaml-roundtrip")
    expect(vectors).toHaveLength(300)
    for (const row of vectors) {
      const documents = parseYamlDocuments(Buffer.from(row.in ?? ""))
      expect(Buffer.from(emitYamlDocuments(documents, { hints: "as sops" })).toString()).toBe(row.out)
    }
  })

  it("in 265 of the 300 rows its output reads back as the same values, and with readable hints in all", () => {
    let same = 0
    for (const row of rows("yaml-roundtrip")) {
      const documents = parseYamlDocuments(Buffer.from(row.in ?? ""))
      const readable = Buffer.from(emitYamlDocuments(documents)).toString()
      if (readable === row.out) same += 1
      expect(parseYamlDocuments(Buffer.from(readable)).map(withoutComments)).toEqual(documents.map(withoutComments))
    }
    expect(same).toBe(265)
  })

  const cases: { format: Format; count: number; unreadable: number }[] = [
    { format: "yaml", count: 125, unreadable: 2 },
    { format: "json", count: 60, unreadable: 0 },
    { format: "dotenv", count: 30, unreadable: 0 },
    { format: "ini", count: 30, unreadable: 0 },
  ]
  it.each(cases)(
    "$format: $count files decrypt and encrypt again byte for byte",
    async ({ format, count, unreadable }) => {
      const vectors = rows(`${format}-crypt`)
      expect(vectors).toHaveLength(count)
      let refused = 0
      for (const row of vectors) {
        if (row.dec === null) {
          await expect(readEncrypted(Buffer.from(row.enc), format)).rejects.toBeInstanceOf(SyntaxInvalid)
          refused += 1
          continue
        }
        const { plain, again } = await thereAndBack(await readEncrypted(Buffer.from(row.enc), format))
        expect(plain.toString()).toBe(row.dec)
        expect(again).toBe(row.identity)
      }
      expect(refused).toBe(unreadable)
    },
  )

  it("binary: 10 files decrypt to the bytes they were made of, valid UTF-8 or not", async () => {
    const vectors = rows("binary-crypt")
    expect(vectors).toHaveLength(10)
    for (const row of vectors) {
      const { plain } = await thereAndBack(await readEncrypted(Buffer.from(row.enc), "binary"))
      expect(plain.toString("base64")).toBe(row.inB64)
    }
  })
})
