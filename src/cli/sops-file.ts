/** SOPS files on the command line: options that are texts, and the failures of those. */
import type { UnlockSession } from "../keyring/unlock-session.ts"
import { decryptSops } from "../sops/decrypt.ts"
import { formatNamed, formats } from "../sops/format.ts"
import { parseKeyPath } from "../sops/key-path.ts"
import type { Format } from "../sops/stores/store.ts"
import { WrongUsage } from "./failures.ts"

export type SopsOptions = Readonly<{
  extract?: string
  inputType?: string
  outputType?: string
  ignoreMac?: true
  indent?: number
}>

/** A format by the name that `--input-type` and the like give it. @throws WrongUsage */
export function parseFormat(name: string | undefined, option: string): Format | undefined {
  if (name === undefined) return undefined
  const format = formatNamed(name)
  if (format === null) throw new WrongUsage(`expected ${formats.join(", ")}`, { where: { option } })
  return format
}

/** @param path - undefined for standard input. @throws WrongUsage, KeyPathInvalid, what decryptSops throws */
export function decryptSopsFile(
  bytes: Uint8Array,
  path: string | undefined,
  options: SopsOptions,
  session: UnlockSession,
): Promise<Uint8Array> {
  return decryptSops(bytes, session, {
    path,
    inputFormat: parseFormat(options.inputType, "--input-type"),
    outputFormat: parseFormat(options.outputType, "--output-type"),
    extract: options.extract === undefined ? [] : parseKeyPath(options.extract),
    ignoreMac: options.ignoreMac === true,
    indent: options.indent,
  })
}
