/** SOPS files on the command line: which format, which key, which part. */
import type { UnlockSession } from "../keyring/unlock-session.ts"
import { openDataKey } from "../sops/data-key.ts"
import { NotEncrypted } from "../sops/failures.ts"
import { decryptFile, printDecrypted, readEncrypted } from "../sops/file.ts"
import { formatNamed, formatOfEncrypted, formatOfName, formats, storeOf } from "../sops/format.ts"
import { parseKeyPath } from "../sops/key-path.ts"
import { sessionOpener } from "../sops/session-opener.ts"
import type { Format } from "../sops/stores/store.ts"
import { WrongUsage } from "./failures.ts"

export type SopsOptions = Readonly<{ extract?: string; inputType?: string; outputType?: string; ignoreMac?: true }>

/** @throws WrongUsage */
export function parseFormat(name: string, option: string): Format {
  const format = formatNamed(name)
  if (format === null) throw new WrongUsage(`expected ${formats.join(", ")}`, { where: { option } })
  return format
}

/**
 * Decrypts a SOPS file, and prints it as sops does.
 * @param path - its name, which tells the format; undefined for standard input
 * @throws NotEncrypted, and what reading, opening and decrypting throw
 */
export async function decryptSops(
  bytes: Uint8Array,
  path: string | undefined,
  options: SopsOptions,
  session: UnlockSession,
): Promise<Uint8Array> {
  const extract = options.extract === undefined ? [] : parseKeyPath(options.extract)
  const named = options.inputType === undefined ? null : parseFormat(options.inputType, "--input-type")
  const format = named ?? formatOfEncrypted(path, bytes) ?? (path === undefined ? null : formatOfName(path))
  if (format === null) throw new NotEncrypted()
  const file = await readEncrypted(bytes, format)
  using key = await openDataKey(file.metadata, await sessionOpener(file.metadata, session))
  const documents = await decryptFile(file, key, { ignoreMac: options.ignoreMac === true })
  const store =
    options.outputType === undefined ? file.store : await storeOf(parseFormat(options.outputType, "--output-type"))
  return printDecrypted(documents, store, { extract })
}
