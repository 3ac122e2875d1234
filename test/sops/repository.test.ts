import { readdirSync, readFileSync } from "node:fs"
import { relative, sep } from "node:path"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "vitest"
import { openDataKey } from "../../src/sops/data-key.ts"
import { DataKeyUnavailable } from "../../src/sops/failures.ts"
import { openFile, printDecrypted, readEncrypted } from "../../src/sops/file.ts"
import { formatOfEncrypted, storeOf } from "../../src/sops/format.ts"
import { parseKeyPath } from "../../src/sops/key-path.ts"
import type { Documents } from "../../src/sops/tree.ts"
import { openerOf, pivIdentity, readVector, secretKeys, vectors } from "./keys.ts"

type Card = { keys: { privateKey: string; recipient: string }[] }
const cards = (JSON.parse(readVector("yubikey/cards.json")) as Card).keys
const provisionKey = secretKeys("yubikey/provision-key.txt")[0] ?? ""
const expected = JSON.parse(readVector("yubikey/expected.json")) as { file: string; plain: string }[]

const root = fileURLToPath(new URL("yubikey/repo/secrets/", vectors))
const files = readdirSync(root, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => relative(root, `${entry.parentPath}${sep}${entry.name}`))

function plainOf(file: string): Uint8Array {
  const row = expected.find((candidate) => candidate.file === `repo/secrets/${file}`)
  if (row === undefined) throw new RangeError(`no expectation for ${file}`)
  return Buffer.from(row.plain, "base64")
}

async function read(file: string) {
  const bytes = readFileSync(`${root}${file}`)
  const format = formatOfEncrypted(file, bytes)
  if (format === null) throw new RangeError(`${file} is no SOPS file`)
  return readEncrypted(bytes, format)
}

describe("a repository that real sops encrypted for YubiKeys", () => {
  it("has 16 files of all five formats", () => {
    expect(files).toHaveLength(16)
    expect(expected.map(({ file }) => file.replace("repo/secrets/", "")).sort()).toEqual([...files].sort())
  })

  const holders = [
    {
      holder: "the first YubiKey and the provision key",
      identities: [pivIdentity(cards[0]!.privateKey), provisionKey],
    },
    { holder: "both YubiKeys", identities: [pivIdentity(cards[0]!.privateKey), pivIdentity(cards[1]!.privateKey)] },
  ]
  it.each(holders)("$holder open every file, and it holds what sops was given", async ({ identities }) => {
    for (const name of files) {
      const file = await read(name)
      const documents = await openFile(file, openerOf(...identities))
      const store = await storeOf(file.store.format)
      expect(Buffer.from(printDecrypted(documents, store)).toString("latin1"), name).toBe(
        Buffer.from(store.emit(normal(store.parse(plainOf(name))))).toString("latin1"),
      )
    }
  })

  /** An encrypted comment at the end of a line comes back on a line of its own, as with sops. */
  function normal(documents: Documents): Documents {
    return documents.map((document) => ({
      ...document,
      items: document.items.map((item) => {
        if (item.type === "comment") return { ...item, inline: false }
        if (item.value.type !== "map") return item
        return { ...item, value: normal([item.value])[0]! }
      }),
    }))
  }

  it("a quorum of two of three groups asks for two keys, not three", async () => {
    const file = await read("quorum/root.yaml")
    const opener = openerOf(provisionKey, ...cards.map(({ privateKey }) => pivIdentity(privateKey)))
    using key = await openDataKey(file.metadata, opener)
    expect(key.length).toBe(32)
    expect(opener.asked).toHaveLength(2)
  })

  it("a quorum asks the cheapest keys first and never those that cannot fit", async () => {
    const file = await read("quorum/root.yaml")
    const opener = openerOf(provisionKey, pivIdentity(cards[1]!.privateKey))
    const cost = ({ recipient }: { recipient: string }): number | null => {
      if (!recipient.startsWith("age1yubikey1")) return 0
      return recipient === cards[1]!.recipient ? 2 : null
    }
    using key = await openDataKey(file.metadata, { open: opener.open, cost })
    expect(key.length).toBe(32)
    expect(opener.asked).toEqual([expect.stringMatching(/^age1y6kqs9/), cards[1]!.recipient])
  })

  it("one group of two that are needed is not enough, and the failure names each key", async () => {
    const file = await read("quorum/root.json")
    const failure = await openDataKey(file.metadata, openerOf(provisionKey)).then(
      () => null,
      (cause: unknown) => cause,
    )
    expect(failure).toBeInstanceOf(DataKeyUnavailable)
    expect((failure as DataKeyUnavailable).message).toBe(
      [
        "1 of 3 key groups opened, 2 are needed",
        `  group 1, "${cards[0]!.recipient}": no identity at hand fits`,
        `  group 2, "${cards[1]!.recipient}": no identity at hand fits`,
      ].join("\n"),
    )
  })

  it("--extract prints texts bare, and parts in the format of the file", async () => {
    const file = await read("secrets.yaml")
    const documents = await openFile(file, openerOf(provisionKey))
    const extract = (path: string): string =>
      Buffer.from(printDecrypted(documents, file.store, { extract: parseKeyPath(path) })).toString()
    expect(extract('["backrest"]["rest_password"]')).toBe("xNJxJMxHBNCC")
    expect(extract('["list"][2]')).toBe("42\n")
    expect(extract('["list"]')).toBe("# first\n- NJxxxoaILgdG\n- 42\n- inner: fxrSPrjWUWoH\n")
    expect(extract('["beszel"]["vega"]')).toBe("# inline\nagent_env: hdbxLWPWxxjj\n")
  })
})
