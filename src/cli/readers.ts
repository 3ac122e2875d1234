/** The choice of readers: those of the smart card service, or virtual YubiKeys kept in files. Nothing below knows of both. */
import { appendFileSync } from "node:fs"
import { traced } from "../apdu/trace.ts"
import type { CardTransport, Reader } from "../pcsc/card-transport.ts"
import type { ReaderOptions } from "./options.ts"
import { isVirtualReader, openVirtualReader } from "./virtual-reader.ts"
import type { World } from "./world.ts"

/** Virtual YubiKeys are told apart from readers of the service by this prefix; TS_AGE_YK_READER may name several, with commas. */
function readerTexts(options: ReaderOptions, env: World["env"]): string[] {
  if (options.reader !== undefined) return options.reader
  const named = env["TS_AGE_YK_READER"]
  return named === undefined || named === "" ? [] : named.split(/,(?=virtual:)/)
}

/**
 * Gives the function that lists the readers which the options leave.
 * A virtual YubiKey is made once a run, so that it keeps its PIN and touch caches between two looks.
 */
export function chooseReaders(options: ReaderOptions, env: World["env"]): () => Promise<Reader[]> {
  const texts = readerTexts(options, env)
  const virtual = texts.filter(isVirtualReader)
  const names = texts.filter((text) => !isVirtualReader(text)).map((text) => text.toLowerCase())
  let virtuals: Promise<Reader[]> | undefined
  return async () => {
    virtuals ??= Promise.all(virtual.map(openVirtualReader))
    if (virtual.length > 0 && names.length === 0) return virtuals
    const { listReaders } = await import("../pcsc/readers.ts")
    const found = await listReaders()
    const wanted =
      names.length === 0 ? found : found.filter(({ name }) => names.some((text) => name.toLowerCase().includes(text)))
    return [...(await virtuals), ...wanted]
  }
}

/** `--trace FILE`: a wrapper that appends to it; without it, none. */
export function chooseTrace(options: ReaderOptions): { wrap?: (transport: CardTransport) => CardTransport } {
  const { trace } = options
  if (trace === undefined) return {}
  return {
    wrap: (transport) => traced(transport, (line) => appendFileSync(trace, `${line}\n`, { mode: 0o600 })),
  }
}
