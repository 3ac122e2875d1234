/** `virtual:FILE?KEY=VALUE&…`: a virtual YubiKey as a reader, with what is to go wrong or take long, as `virtual serve` has options. */
import type { Reader } from "../pcsc/card-transport.ts"
import { quote } from "../quote.ts"
import type { Fault, VirtualOptions, VirtualTouch } from "../virtual/index.ts"
import { WrongUsage } from "./failures.ts"

const virtualPrefix = "virtual:"

export function isVirtualReader(text: string): boolean {
  return text.startsWith(virtualPrefix)
}

type ReaderText = Readonly<{ file: string; touch: VirtualTouch | null; ecdhDelay: number | null; faults: string[] }>

/** @throws WrongUsage for a key or a value that is not known */
export function parseVirtualReader(text: string): ReaderText {
  const [file = "", ...rest] = text.slice(virtualPrefix.length).split("?")
  let touch: VirtualTouch | null = null
  let ecdhDelay: number | null = null
  const faults: string[] = []
  for (const [key, value] of new URLSearchParams(rest.join("?"))) {
    if (key === "fault") faults.push(value)
    else if (key === "touch" && (value === "auto" || value === "never")) touch = value
    else if (key === "touch" && /^\d{1,6}$/.test(value)) touch = Number(value)
    else if (key === "ecdh-delay" && /^\d{1,6}$/.test(value)) ecdhDelay = Number(value)
    else
      throw new WrongUsage(`${quote(`${key}=${value}`)} is nothing that a virtual YubiKey can do`, {
        where: { reader: text },
        hint: "touch=auto, touch=never, touch=MS, ecdh-delay=MS, fault=KIND@N; several with & between them",
      })
  }
  return { file, touch, ecdhDelay, faults }
}

/** @throws WrongUsage, FaultInvalid, ReadFailed, CardFileInvalid */
export async function openVirtualReader(text: string): Promise<Reader> {
  const { file, touch, ecdhDelay, faults } = parseVirtualReader(text)
  const { openCardFile, parseFault, virtualReader } = await import("../virtual/index.ts")
  const options: VirtualOptions & { faults: Fault[] } = {
    faults: faults.map(parseFault),
    ...(touch === null ? {} : { touch }),
    ...(ecdhDelay === null ? {} : { ecdhDelay }),
  }
  return virtualReader(await openCardFile(file, options))
}
