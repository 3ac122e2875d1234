import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { decodeArmor, encodeArmor } from "../../src/age/armor.ts"
import { ArmorMalformed } from "../../src/age/failures.ts"
import { fuzzRuns } from "../fuzz-runs.ts"
import { drain, inPieces } from "./pieces.ts"

const begin = "-----BEGIN AGE ENCRYPTED FILE-----"
const end = "-----END AGE ENCRYPTED FILE-----"
const latin1 = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "latin1"))

describe("armor", () => {
  it("is read back as it was written, however it arrives", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 500 }), fc.integer({ min: 1, max: 100 }), async (bytes, size) => {
        const { bytes: text } = await drain(encodeArmor(inPieces(bytes, size)))
        for (const lines of [text, latin1(` \r\n\t${Buffer.from(text).toString().replaceAll("\n", "\r\n")}\n \n`)]) {
          const { bytes: back, failure } = await drain(decodeArmor(inPieces(lines, size)))
          expect(failure).toBeNull()
          expect(back).toEqual(bytes)
        }
      }),
      { numRuns: 100 },
    )
  })

  it("gives a failure, or bytes whose armor is that text, whatever it is given and however it arrives", async () => {
    const piece = fc.constantFrom(
      begin,
      end,
      "\n",
      "\r\n",
      "A".repeat(64),
      "QUJD",
      "QQ==",
      "QR==",
      "=",
      " ",
      "\t",
      "-----",
    )
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.array(fc.oneof(piece, fc.string({ maxLength: 2 })), { maxLength: 10 }),
          fc.array(piece).map((parts) => [begin, "\n", ...parts, "\n", end, "\n"]),
        ),
        async (parts) => {
          const text = latin1(parts.join(""))
          const whole = await drain(decodeArmor(inPieces(text, 1 << 20)))
          const single = await drain(decodeArmor(inPieces(text, 1)))
          expect(single.failure === null).toBe(whole.failure === null)
          if (whole.failure !== null) expect(whole.failure).toBeInstanceOf(ArmorMalformed)
          else {
            const { bytes } = await drain(encodeArmor(inPieces(whole.bytes, 100)))
            const canonical = Buffer.from(text).toString("latin1").replaceAll("\r\n", "\n").trim()
            expect(Buffer.from(bytes).toString().trim()).toBe(canonical)
          }
        },
      ),
      { numRuns: fuzzRuns },
    )
  })

  it.each([
    { what: "a long line", lines: [begin, "A".repeat(65), end], line: 2 },
    { what: "a short line in the middle", lines: [begin, "QUJD", "QUJD", end], line: 3 },
    { what: "an empty line", lines: [begin, "A".repeat(64), "", end], line: 3 },
    { what: "leftover bits", lines: [begin, "QR==", end], line: 2 },
    { what: "no END line", lines: [begin, "QUJD"], line: 3 },
    { what: "another BEGIN line", lines: ["-----BEGIN PGP MESSAGE-----", end], line: 1 },
    { what: "text behind it", lines: [begin, "QUJD", end, "more"], line: 4 },
  ])("with $what is refused, and the line is named", async ({ lines, line }) => {
    const { failure } = await drain(decodeArmor(inPieces(latin1(`${lines.join("\n")}\n`), 1 << 20)))
    expect(failure instanceof ArmorMalformed && failure.where.line).toBe(line)
  })
})
