import { describe, expect, it } from "vitest"
import { formatNamed, formatOfEncrypted, formatOfName, sniffEncrypted } from "../../src/sops/format.ts"
import { readVector } from "./keys.ts"

describe("the format of a file", () => {
  it.each([
    { name: "a.yaml", format: "yaml" },
    { name: "a.yml", format: "yaml" },
    { name: "dir.json/a.json", format: "json" },
    { name: ".env", format: "dotenv" },
    { name: "a.env", format: "dotenv" },
    { name: "a.ini", format: "ini" },
    { name: "a.YAML", format: "binary" },
    { name: "a.txt", format: "binary" },
  ])("of $name is $format by its name", ({ name, format }) => {
    expect(formatOfName(name)).toBe(format)
  })

  const rows = ["yaml", "json", "dotenv", "ini", "binary"] as const
  it.each(rows)("%s is told by its content, in every vector", (format) => {
    for (const line of readVector(`sops/${format}-crypt.jsonl`).trim().split("\n")) {
      const { enc } = JSON.parse(line) as { enc: string }
      expect(sniffEncrypted(Buffer.from(enc))).toBe(format)
      expect(formatOfEncrypted(undefined, Buffer.from(enc))).toBe(format)
      expect(formatOfEncrypted("secret.txt", Buffer.from(enc))).toBe(format)
    }
  })

  it.each(["", "a: b\n", "{}", '{"a": 1}', "[a]\nk = v\n", "A=b\n", "sopsy: 1\n", "a:\n  sops: 1\n", "\u0000\u0001"])(
    "%j is no SOPS file",
    (text) => {
      expect(sniffEncrypted(Buffer.from(text))).toBeNull()
      expect(formatOfEncrypted("a.yaml", Buffer.from(text))).toBeNull()
    },
  )

  it("has the names that --input-type takes", () => {
    expect(["yaml", "json", "dotenv", "ini", "binary", "toml"].map(formatNamed)).toEqual([
      ...["yaml", "json", "dotenv", "ini", "binary"],
      null,
    ])
  })
})
