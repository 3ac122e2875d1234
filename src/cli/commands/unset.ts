/** `ts-age-yk unset`: takes one value out of a SOPS file. */
import type { Command } from "commander"
import { unsetValue } from "../../sops/change.ts"
import { KeyPathMissing } from "../../sops/failures.ts"
import { parseKeyPath } from "../../sops/key-path.ts"
import { changeDocument, type DocumentOptions, declareDocumentChange } from "../sops-change.ts"
import type { World } from "../world.ts"

type Options = DocumentOptions & Readonly<{ idempotent?: true }>

export function define(command: Command, world: World, done: (status: number) => void): void {
  declareDocumentChange(command)
    .argument("<FILE>", "encrypted file, changed in place")
    .argument("<PATH>", `what: '["a"]["b"][0]'`)
    .option("--idempotent", "leave the file as it is when there is no such value")
    .action(async (file: string, path: string, options: Options) => {
      await unset(file, path, options, world)
      done(0)
    })
}

async function unset(path: string, where: string, options: Options, world: World): Promise<void> {
  const keyPath = parseKeyPath(where)
  await changeDocument(path, options, world, (first) => {
    try {
      return unsetValue(first, keyPath)
    } catch (failure) {
      if (failure instanceof KeyPathMissing && options.idempotent === true) return null
      throw failure
    }
  })
}
