/** Where results go: standard output, or a file that is replaced as a whole. */
import { replaceFile } from "../replace-file.ts"
import { WrongUsage } from "./failures.ts"
import type { World } from "./world.ts"

/** C0 controls that text does not have; a terminal would act on them. */
function looksBinary(bytes: Uint8Array): boolean {
  return bytes.some((byte) => byte < 0x20 && ![0x09, 0x0a, 0x0d].includes(byte))
}

/** Undefined and `-` stand for standard output. */
export function toStandardOutput(path: string | undefined): path is undefined | "-" {
  return path === undefined || path === "-"
}

/**
 * Writes a result piece by piece. On standard output, a piece is done with when the next is asked for.
 * @param path - as `toStandardOutput` has it
 * @param check - as `replaceFile` has it
 * @throws WriteFailed; WrongUsage when binary data would go to a terminal that nobody chose by name
 */
export async function writeOutput(
  pieces: AsyncIterable<Uint8Array>,
  path: string | undefined,
  world: World,
  mode = 0o600,
  check?: () => void,
): Promise<void> {
  if (!toStandardOutput(path)) {
    await replaceFile(path, pieces, mode, check)
    return
  }
  let first = true
  for await (const piece of pieces) {
    if (first && path === undefined && looksBinary(piece.subarray(0, 1024)) && world.outIsTerminal)
      throw new WrongUsage("that is binary data, which a terminal would act on", {
        hint: "name a file with -o FILE, or insist with -o -",
      })
    first = false
    await world.out(piece)
  }
}

/** One piece, as an iterable. */
export async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes)
}
