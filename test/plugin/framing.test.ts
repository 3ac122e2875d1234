import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { ByteSource } from "../../src/age/byte-source.ts"
import { ProtocolBroken } from "../../src/plugin/failures.ts"
import { type Command, encodeCommand, readCommand } from "../../src/plugin/framing.ts"
import { inPieces } from "../age/pieces.ts"
import { fuzzRuns } from "../fuzz-runs.ts"

const word = fc.string({
  unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)),
  minLength: 1,
})
const anyCommand: fc.Arbitrary<Command> = fc.record({
  name: word,
  args: fc.array(word),
  body: fc.uint8Array({ maxLength: 200 }),
})

async function readAll(bytes: Uint8Array, size: number): Promise<Command[]> {
  const source = new ByteSource(inPieces(bytes, size))
  const commands: Command[] = []
  for (let got = await readCommand(source); got !== null; got = await readCommand(source)) commands.push(got)
  return commands
}

describe("commands", () => {
  it("are read back as they were written, however they arrive", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyCommand, { maxLength: 4 }),
        fc.integer({ min: 1, max: 100 }),
        async (commands, size) => {
          expect(await readAll(new Uint8Array(Buffer.concat(commands.map(encodeCommand))), size)).toEqual(commands)
        },
      ),
      { numRuns: 200 },
    )
  })

  it("give a failure, or what encodes to the same bytes, whatever arrives", async () => {
    const piece = fc.constantFrom("-> ", "msg", "\n", "QUJD\n", "A".repeat(64), " ", "\r", "-> done\n\n")
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(piece, fc.string({ maxLength: 2 })), { maxLength: 10 }), async (parts) => {
        const bytes = new Uint8Array(Buffer.from(parts.join("")))
        try {
          expect(new Uint8Array(Buffer.concat((await readAll(bytes, 7)).map(encodeCommand)))).toEqual(bytes)
        } catch (failure) {
          if (!(failure instanceof ProtocolBroken)) throw failure
        }
      }),
      { numRuns: fuzzRuns },
    )
  })

  it("that have no end are not read for ever", async () => {
    await expect(readAll(new Uint8Array(100_000).fill(0x2d), 1000)).rejects.toThrow(/line without an end/)
    const body = Buffer.from(`-> a\n${`${"A".repeat(64)}\n`.repeat(20_000)}`)
    await expect(readAll(new Uint8Array(body), 65_536)).rejects.toThrow(/command without an end/)
  })
})
