import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { Failure } from "../../src/failure.ts"
import { Secret } from "../../src/secret.ts"
import { additionalDataOf, decryptValue, encryptValue, IvStash } from "../../src/sops/cipher.ts"
import { ValueDamaged } from "../../src/sops/failures.ts"
import { type Comment, comment, type Leaf, str } from "../../src/sops/tree.ts"
import { fuzzRuns } from "../fuzz-runs.ts"

const key = Secret.owning("data key", new Uint8Array(32).fill(7))
const other = Secret.owning("data key", new Uint8Array(32).fill(8))

const leaf: fc.Arbitrary<Leaf | Comment> = fc.oneof(
  fc.string({ minLength: 1 }).map(str),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((value): Leaf => ({ type: "int", value })),
  fc.double().map((value): Leaf => ({ type: "float", value })),
  fc.boolean().map((value): Leaf => ({ type: "bool", value })),
  fc.string({ minLength: 1 }).map((text) => comment(text)),
)

describe("a single encrypted value", () => {
  it("comes back as it was, with its type", () => {
    fc.assert(
      fc.property(leaf, fc.array(fc.string()), (value, keys) => {
        const additionalData = additionalDataOf(keys)
        const sealed = encryptValue(value, key, additionalData)
        expect(sealed).toMatch(/^ENC\[AES256_GCM,data:[^,]+,iv:[^,]{44},tag:[^,]{24},type:[a-z]+\]$/)
        expect(decryptValue(sealed, key, additionalData, keys)).toEqual(value)
      }),
    )
  })

  it("its additional data is the keys with a colon each, so that it opens nowhere else", () => {
    expect(additionalDataOf(["a", "b"])).toBe("a:b:")
    expect(additionalDataOf([])).toBe(":")
    const sealed = encryptValue(str("x"), key, "a:")
    expect(() => decryptValue(sealed, key, "b:", ["b"])).toThrow(ValueDamaged)
    expect(() => decryptValue(sealed, other, "a:", ["a"])).toThrow(ValueDamaged)
  })

  it("an empty text and an empty comment stay empty", () => {
    expect(encryptValue(str(""), key, "a:")).toBe("")
    expect(encryptValue(comment(""), key, "a:")).toBe("")
    expect(decryptValue("", key, "a:", ["a"])).toEqual(str(""))
  })

  it("keeps its ciphertext when its IV is known, and only for the same type, text and path", () => {
    const ivs = new IvStash()
    const sealed = encryptValue(str("1"), key, "a:")
    decryptValue(sealed, key, "a:", ["a"], ivs)
    expect(encryptValue(str("1"), key, "a:", ivs)).toBe(sealed)
    expect(encryptValue({ type: "int", value: 1n }, key, "a:", ivs)).not.toContain(/iv:[^,]+/.exec(sealed)![0])
    expect(encryptValue(str("1"), key, "b:", ivs)).not.toContain(/iv:[^,]+/.exec(sealed)![0])
    expect(encryptValue(str("1"), key, "a:")).not.toBe(sealed)
  })

  it("what follows the bracket is ignored, as sops ignores it", () => {
    expect(decryptValue(`${encryptValue(str("x"), key, ":")} junk`, key, ":", [])).toEqual(str("x"))
  })

  it("is not read in the base64 of URLs, which sops does not read", () => {
    const sealed = Array.from({ length: 100 }, () => encryptValue(str("x"), key, ":")).find((text) =>
      /iv:[^,]*[+/]/.test(text),
    )
    const url = sealed!.replaceAll("+", "-").replaceAll("/", "_")
    expect(() => decryptValue(url, key, ":", [])).toThrow(ValueDamaged)
  })

  it.each([
    { name: "a plain text", text: "hello" },
    { name: "a missing part", text: "ENC[AES256_GCM,data:AA==,iv:AA==,type:str]" },
    { name: "no data", text: "ENC[AES256_GCM,data:,iv:AA==,tag:AA==,type:str]" },
    { name: "bad base64", text: "ENC[AES256_GCM,data:A*==,iv:AAAA,tag:AAAA,type:str]" },
    { name: "a short tag", text: "ENC[AES256_GCM,data:AA==,iv:AAAA,tag:AA==,type:str]" },
    {
      name: "an IV that OpenSSL does not take",
      text: `ENC[AES256_GCM,data:AA==,iv:${"A".repeat(172)},tag:${"A".repeat(22)}==,type:str]`,
    },
    { name: "another cipher", text: "ENC[AES128_GCM,data:AA==,iv:AAAA,tag:AAAA,type:str]" },
  ])("$name is refused with its key path, and shows no value", ({ text }) => {
    const failure = ((): unknown => {
      try {
        return decryptValue(text, key, "a:", ["a", 0])
      } catch (cause) {
        return cause
      }
    })()
    expect(failure).toBeInstanceOf(ValueDamaged)
    expect((failure as ValueDamaged).where.keyPath).toEqual(["a", 0])
    expect((failure as ValueDamaged).message).not.toContain(text)
  })

  it("arbitrary texts give a value or a failure", () => {
    const sealed = encryptValue(str("secret"), key, ":")
    const mutated = fc
      .tuple(fc.nat(sealed.length), fc.string({ maxLength: 4 }))
      .map(([at, text]) => sealed.slice(0, at) + text + sealed.slice(at + 1))
    fc.assert(
      fc.property(
        fc.oneof(
          mutated,
          fc.string(),
          fc.string().map((text) => `ENC[AES256_GCM,data:${text}]`),
        ),
        (text) => {
          try {
            decryptValue(text, key, ":", [])
          } catch (failure) {
            expect(failure).toBeInstanceOf(Failure)
          }
        },
      ),
      { numRuns: fuzzRuns },
    )
  })
})
