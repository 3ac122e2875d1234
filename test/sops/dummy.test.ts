import { describe, expect, it } from "vitest"
import { dummyDocuments } from "../../src/sops/dummy.ts"
import { readEncrypted } from "../../src/sops/file.ts"
import { vector } from "../cards.ts"

const enc = (data: string, type: string): string =>
  `ENC[AES256_GCM,data:${Buffer.from(data).toString("base64")},iv:AAAA,tag:AAAA,type:${type}]`

describe("a dummy", () => {
  it.each([
    ["str", "secret", { type: "str", value: "dddddd" }],
    ["int", "12345", { type: "int", value: 1n }],
    ["float", "0.25", { type: "float", value: 1.5 }],
    ["bool", "False", { type: "bool", value: true }],
    ["bytes", "abc", { type: "str", value: "ddd" }],
  ])("of type %s has that type, and a text its length", (type, data, value) => {
    const [map] = dummyDocuments([
      { type: "map", items: [{ type: "entry", key: "a", value: { type: "str", value: enc(data, type) } }] },
    ])
    expect(map?.items).toEqual([{ type: "entry", key: "a", value }])
  })

  it("takes the place of comments and of values in lists, and of nothing that is plain", () => {
    const [map] = dummyDocuments([
      {
        type: "map",
        items: [
          { type: "comment", value: enc("hush", "comment"), inline: false },
          { type: "comment", value: "plain", inline: false },
          {
            type: "entry",
            key: "list",
            value: {
              type: "list",
              items: [
                { type: "str", value: enc("ab", "str") },
                { type: "str", value: "plain" },
              ],
            },
          },
        ],
      },
    ])
    expect(map?.items).toEqual([
      { type: "comment", value: "dddd", inline: false },
      { type: "comment", value: "plain", inline: false },
      {
        type: "entry",
        key: "list",
        value: {
          type: "list",
          items: [
            { type: "str", value: "dd" },
            { type: "str", value: "plain" },
          ],
        },
      },
    ])
  })

  it.each(["app0.yaml", "app.json", "app.ini"])("leaves no ciphertext of %s", async (name) => {
    const format = name.endsWith("yaml") ? "yaml" : name.endsWith("json") ? "json" : "ini"
    const { documents, store } = await readEncrypted(vector(`yubikey/repo/secrets/${name}`), format)
    expect(String(store.emit(documents))).toContain("ENC[")
    expect(String(store.emit(dummyDocuments(documents)))).not.toContain("ENC[")
  })
})
