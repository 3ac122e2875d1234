/** `ts-age-yk unset`: takes one value out of a SOPS file. */
import type { Command } from "commander"
import { unsetValue } from "../../sops/change.ts"
import { encryptAgain } from "../../sops/encrypt.ts"
import { KeyPathMissing, ValueUnsupported } from "../../sops/failures.ts"
import { parseKeyPath } from "../../sops/key-path.ts"
import { openSession } from "../access.ts"
import { parseIndent } from "../options.ts"
import {
  type ChangeOptions,
  declareChange,
  locate,
  openSopsFile,
  outputStore,
  readToChange,
  writeSopsFile,
} from "../sops-change.ts"
import type { World } from "../world.ts"

type Options = ChangeOptions & Readonly<{ idempotent?: true; outputType?: string; indent?: number }>

export function define(command: Command, world: World, done: (status: number) => void): void {
  declareChange(command)
    .argument("<FILE>", "encrypted file, changed in place")
    .argument("<PATH>", `what: '["a"]["b"][0]'`)
    .option("--output-type <TYPE>", "write the file in another format")
    .option("--indent <N>", "spaces a level of YAML and JSON, instead of the file's", parseIndent)
    .option("--idempotent", "leave the file as it is when there is no such value")
    .action(async (file: string, path: string, options: Options) => {
      await unset(file, path, options, world)
      done(0)
    })
}

async function unset(path: string, where: string, options: Options, world: World): Promise<void> {
  const keyPath = parseKeyPath(where)
  const read = await readToChange(path, options.inputType)
  const store = await outputStore(read, options.outputType)
  await using session = await openSession(options, world)
  using open = await openSopsFile(read, options, session)
  await locate(path, async () => {
    const [first, ...rest] = open.documents
    if (first === undefined) throw new ValueUnsupported("the file has no document")
    try {
      const document = unsetValue(first, keyPath)
      const { key, ivs, file, bytes } = open
      const now = world.now()
      await writeSopsFile(
        read,
        await encryptAgain(bytes, file, [document, ...rest], key, { ivs, now, store, indent: options.indent }),
        world,
      )
    } catch (failure) {
      if (!(failure instanceof KeyPathMissing && options.idempotent === true)) throw failure
    }
  })
}
