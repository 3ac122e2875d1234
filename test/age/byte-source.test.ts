import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { ByteSource } from "../../src/age/byte-source.ts"
import { inPieces } from "./pieces.ts"

/** One way of taking something out, and the bytes that it took. */
const takings: readonly ((source: ByteSource, length: number) => Promise<Uint8Array>)[] = [
  (source, length) => source.take(length),
  async (source, length) => {
    const seen = await source.peek(length)
    const taken = await source.take(length)
    expect(taken).toEqual(seen)
    return taken
  },
  async (source) => (await source.piece()) ?? new Uint8Array(0),
  async (source) => {
    const line = await source.line(1000)
    if (line === null || line === "too long") return new Uint8Array(0)
    return new Uint8Array(Buffer.from(line.terminated ? `${line.text}\n` : line.text, "latin1"))
  },
]

describe("a source of bytes", () => {
  it("gives them all, once and in order, however they arrive and are taken", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 300 }).map((bytes) => bytes.map((byte) => (byte % 5 === 0 ? 0x0a : byte))),
        fc.integer({ min: 1, max: 120 }),
        fc.array(fc.tuple(fc.constantFrom(...takings), fc.integer({ min: 1, max: 100 })), { minLength: 1 }),
        async (bytes, size, ways) => {
          for (const source of [new ByteSource(bytes), new ByteSource(inPieces(bytes, size))]) {
            const taken: Uint8Array[] = []
            for (let turn = 0; !(await source.ended()); turn++) {
              const [way, length] = ways[turn % ways.length] ?? [takings[0], 1]
              if (way !== undefined) taken.push(await way(source, length))
            }
            expect(new Uint8Array(Buffer.concat(taken))).toEqual(bytes)
            expect(await source.take(5)).toEqual(new Uint8Array(0))
            expect(await source.line(5)).toBeNull()
            expect(await source.piece()).toBeNull()
          }
        },
      ),
      { numRuns: 300 },
    )
  })

  it("reads no line past its limit", async () => {
    const source = new ByteSource(inPieces(new Uint8Array(100).fill(0x41), 7))
    expect(await source.line(50)).toBe("too long")
    expect(await new ByteSource(Buffer.from("12345\n")).line(5)).toEqual({ text: "12345", terminated: true })
    expect(await new ByteSource(Buffer.from("123456\n")).line(5)).toBe("too long")
  })

  it("tells where it comes from that no more is wanted", async () => {
    let closed = false
    async function* endless(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield await Promise.resolve(new Uint8Array(10))
      } finally {
        closed = true
      }
    }
    const source = new ByteSource(endless())
    await source.take(15)
    await source.close()
    expect(closed).toBe(true)
    expect(await source.ended()).toBe(true)
  })
})
