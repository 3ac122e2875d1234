import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { HeaderMacMismatch, HeaderMalformed, StanzaMalformed } from "../../src/age/failures.ts"
import { generateFileKey } from "../../src/age/file-key.ts"
import { checkCompany, encodeHeader, makeHeader, parseHeader, verifyHeader } from "../../src/age/header.ts"
import { encodeStanza, type Stanza } from "../../src/age/stanza.ts"
import { fuzzRuns } from "../fuzz-runs.ts"

const ascii = new TextEncoder()
const mac = "A".repeat(43)
const header = (body: string): Uint8Array => ascii.encode(`age-encryption.org/v1\n${body}--- ${mac}\n`)

const argument = fc.string({
  unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)),
  minLength: 1,
  maxLength: 20,
})
const stanza: fc.Arbitrary<Stanza> = fc.record({
  args: fc.array(argument, { minLength: 1, maxLength: 4 }),
  body: fc.uint8Array({ maxLength: 150 }),
})

describe("header", () => {
  it("is read back as it was written, and what follows is left", () => {
    fc.assert(
      fc.property(fc.array(stanza, { minLength: 1, maxLength: 5 }), fc.uint8Array(), (stanzas, rest) => {
        using fileKey = generateFileKey()
        const bytes = encodeHeader(makeHeader(stanzas, fileKey))
        const read = parseHeader(new Uint8Array([...bytes, ...rest]))
        expect(read.length).toBe(bytes.length)
        expect(read.header.stanzas).toEqual(stanzas)
        verifyHeader(read.header, fileKey)
      }),
      { numRuns: 200 },
    )
  })

  it("gives a failure, or what encodes to the same bytes, whatever it is given", () => {
    const pieces = fc.constantFrom(
      "age-encryption.org/v1\n",
      "-> X25519 abc\n",
      "-> ",
      "\n",
      "--- ",
      mac,
      "a".repeat(64),
      "YQ\n",
      " ",
      "\r",
    )
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc
            .array(fc.oneof(pieces, fc.string({ maxLength: 3 })), { maxLength: 12 })
            .map((parts) => ascii.encode(parts.join(""))),
          fc
            .array(fc.oneof(pieces, fc.string({ maxLength: 3 })), { maxLength: 12 })
            .map((parts) => header(parts.join(""))),
        ),
        (bytes) => {
          try {
            const read = parseHeader(bytes)
            expect(encodeHeader(read.header)).toEqual(bytes.slice(0, read.length))
          } catch (failure) {
            expect(failure).toBeInstanceOf(HeaderMalformed)
          }
        },
      ),
      { numRuns: fuzzRuns },
    )
  })

  it.each([
    { what: "a body line of 65 columns", body: `-> a\n${"A".repeat(65)}\n`, line: 3 },
    { what: "a body of full lines only", body: `-> a\n${"A".repeat(64)}\n`, line: 4 },
    { what: "an argument after two spaces", body: "-> a  b\n\n", line: 2 },
    { what: "a stanza without a type", body: "->\n\n", line: 2 },
    { what: "padding", body: "-> a\nQQ==\n", line: 3 },
    { what: "leftover bits", body: "-> a\nQR\n", line: 3 },
    { what: "a carriage return", body: "-> a\r\n\n", line: 2 },
    { what: "no stanza", body: "", line: 2 },
    { what: "what is neither a stanza nor the end", body: "-> a\n\nhello\n", line: 4 },
  ])("with $what is refused, and the line is named", ({ body, line }) => {
    expect(() => parseHeader(header(body))).toThrow(HeaderMalformed)
    try {
      parseHeader(header(body))
    } catch (failure) {
      expect(failure instanceof HeaderMalformed && failure.where.line).toBe(line)
    }
  })

  it("that another file key, or another header, belongs to is refused", () => {
    using fileKey = generateFileKey()
    using other = generateFileKey()
    const made = makeHeader([{ args: ["a"], body: new Uint8Array(3) }], fileKey)
    expect(() => {
      verifyHeader(made, other)
    }).toThrow(HeaderMacMismatch)
    expect(() => {
      verifyHeader({ ...made, stanzas: [{ args: ["b"], body: new Uint8Array(3) }] }, fileKey)
    }).toThrow(HeaderMacMismatch)
  })

  it("has its passphrase stanza alone", () => {
    const scrypt = { args: ["scrypt", "a", "18"], body: new Uint8Array(32) }
    expect(() => {
      checkCompany([scrypt])
    }).not.toThrow()
    expect(() => {
      checkCompany([{ args: ["x"], body: new Uint8Array(0) }, scrypt])
    }).toThrow(StanzaMalformed)
  })

  it("that is endless is not read to its end", () => {
    expect(() => parseHeader(header(`-> a\n${`${"A".repeat(64)}\n`.repeat(270_000)}`))).toThrow(/longer than/)
  })
})

describe("stanza", () => {
  it("that could not be read back is not written", () => {
    for (const args of [[], [""], ["a b"], ["a\n"], ["ä"]])
      expect(() => encodeStanza({ args, body: new Uint8Array(0) })).toThrow(RangeError)
  })

  it("with a body of 48 bytes ends with an empty line", () => {
    expect(encodeStanza({ args: ["a"], body: new Uint8Array(48) })).toBe(`-> a\n${"A".repeat(64)}\n\n`)
  })
})
