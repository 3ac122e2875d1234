import { createHash } from "node:crypto"
import { afterAll, describe, expect, it } from "vitest"
import { encodeArmor } from "../../src/age/armor.ts"
import type { Bytes } from "../../src/age/byte-source.ts"
import { decryptStream, readAgeFile } from "../../src/age/file.ts"
import { encodeHeader, parseHeader } from "../../src/age/header.ts"
import { HybridIdentity } from "../../src/age/hybrid.ts"
import type { Identity } from "../../src/age/identity.ts"
import { openWith } from "../../src/age/open.ts"
import { passphraseFrom } from "../../src/age/passphrase.ts"
import { ScryptIdentity } from "../../src/age/scrypt.ts"
import { X25519Identity } from "../../src/age/x25519.ts"
import { Failure } from "../../src/failure.ts"
import { drain, inPieces } from "./pieces.ts"
import { type Expectation, type Vector, vectors } from "./vectors.ts"

/** The kinds of failure by which each expectation may show itself; nothing else counts. */
const codes: Record<Exclude<Expectation, "success">, readonly string[]> = {
  "no match": ["no-identity-matches"],
  "HMAC failure": ["header-mac-mismatch"],
  "header failure": ["header-malformed", "stanza-malformed", "work-factor-too-high"],
  "payload failure": ["payload-damaged"],
  "armor failure": ["armor-malformed"],
}

function identities(vector: Vector): Identity[] {
  return [
    ...vector.identities.map((text) =>
      text.startsWith("AGE-SECRET-KEY-PQ-") ? HybridIdentity.parse(text) : X25519Identity.parse(text),
    ),
    ...vector.passphrases.map((text) => new ScryptIdentity(() => Promise.resolve(passphraseFrom(text)))),
  ]
}

async function decrypt(vector: Vector, bytes: Bytes): Promise<{ bytes: Uint8Array; failure: unknown }> {
  try {
    return await drain(await decryptStream(bytes, openWith(identities(vector)), vector.armored ? "armored" : "binary"))
  } catch (failure) {
    return { bytes: new Uint8Array(0), failure }
  }
}

const roads = [
  { road: "whole", bytes: (file: Uint8Array): Bytes => file },
  { road: "streamed", bytes: (file: Uint8Array): Bytes => inPieces(file, 10_007) },
  // Megabytes byte by byte say nothing that a few hundred bytes do not; 17 is prime to every length in the format.
  { road: "byte by byte", bytes: (file: Uint8Array): Bytes => inPieces(file, file.length < 5000 ? 1 : 17_011) },
]

let run = 0
describe.each(roads)("a CCTV vector, $road,", ({ bytes }) => {
  it.each(vectors)("$name gives: $expect", async (vector) => {
    run++
    const result = await decrypt(vector, bytes(vector.file))
    if (vector.expect === "success") expect(result.failure).toBeNull()
    else {
      const { failure } = result
      if (!(failure instanceof Failure)) throw failure
      expect(codes[vector.expect]).toContain(failure.code)
    }
    const nothing = createHash("sha256").digest("hex")
    expect(createHash("sha256").update(result.bytes).digest("hex")).toBe(vector.payload ?? nothing)
  })
})

describe("the CCTV vectors", () => {
  afterAll(() => {
    expect(run).toBe(143 * roads.length)
  })

  it("are all of the 143, none skipped", () => {
    expect(vectors.length).toBe(143)
  })

  it("encode their headers to the same bytes, where they have one", () => {
    const parsed = vectors.filter((vector) => !vector.armored && vector.expect !== "header failure")
    for (const { file } of parsed) {
      const { header, length } = parseHeader(file)
      expect(encodeHeader(header)).toEqual(file.slice(0, length))
    }
    expect(parsed.length).toBe(50)
  })

  it("are found to be armored or not", async () => {
    const readable = vectors.filter((vector) => !["header failure", "armor failure"].includes(vector.expect))
    for (const { file, armored } of readable) expect((await readAgeFile(file)).armored).toBe(armored)
  })

  it("are armored as they were", async () => {
    const plain = vectors.find((vector) => vector.name === "armor_x25519")
    if (plain === undefined) throw new TypeError("armor_x25519 is a vector")
    const encoded = plain.file
    const body = Buffer.from(encoded).toString().split("\n").slice(1, -2).join("")
    const { bytes } = await drain(encodeArmor(inPieces(new Uint8Array(Buffer.from(body, "base64")), 7)))
    expect(Buffer.from(bytes).toString()).toBe(Buffer.from(encoded).toString())
  })
})
