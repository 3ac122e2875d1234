/** Ways for bytes to arrive. */

/** One piece after the other; an empty one now and then does not count as the end. */
export async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let offset = 0; offset < bytes.length; offset += size) {
    await Promise.resolve()
    yield bytes.slice(offset, offset + size)
    yield new Uint8Array(0)
  }
}

/** Everything that came out, and what ended it. */
export async function drain(pieces: AsyncIterable<Uint8Array>): Promise<{ bytes: Uint8Array; failure: unknown }> {
  const parts: Uint8Array[] = []
  try {
    for await (const piece of pieces) parts.push(piece)
    return { bytes: new Uint8Array(Buffer.concat(parts)), failure: null }
  } catch (failure) {
    return { bytes: new Uint8Array(Buffer.concat(parts)), failure }
  }
}
