/** `ts-age-yk set`: one value of a SOPS file. */
import { readFile } from "node:fs/promises"
import type { Command } from "commander"
import { ReadFailed } from "../../replace-file.ts"
import { parseSetValue, setValue } from "../../sops/change.ts"
import { encryptAgain } from "../../sops/encrypt.ts"
import { ValueUnsupported } from "../../sops/failures.ts"
import { parseKeyPath } from "../../sops/key-path.ts"
import { openSession } from "../access.ts"
import { WrongUsage } from "../failures.ts"
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

type Options = ChangeOptions &
  Readonly<{ valueStdin?: true; valueFile?: string; idempotent?: true; outputType?: string; indent?: number }>

export function define(command: Command, world: World, done: (status: number) => void): void {
  declareChange(command)
    .argument("<FILE>", "encrypted file, changed in place")
    .argument("<PATH>", `where: '["a"]["b"][0]'; what is missing on the way is made`)
    .argument("[JSON]", 'the value: "text" in quotes, 5, true, null, {"a": 1}')
    .option("--value-stdin", "read the value from standard input, so that no process list shows it")
    .option("--value-file <FILE>", "read the value from FILE")
    .option("--output-type <TYPE>", "write the file in another format")
    .option("--indent <N>", "spaces a level of YAML and JSON, instead of the file's", parseIndent)
    .option("--idempotent", "leave the file as it is when the value is there already")
    .action(async (file: string, path: string, json: string | undefined, options: Options) => {
      await set(file, path, json, options, world)
      done(0)
    })
}

async function set(
  path: string,
  where: string,
  json: string | undefined,
  options: Options,
  world: World,
): Promise<void> {
  const keyPath = parseKeyPath(where)
  const value = parseSetValue(await givenValue(json, options, world))
  const read = await readToChange(path, options.inputType)
  const store = await outputStore(read, options.outputType)
  await using session = await openSession(options, world)
  using open = await openSopsFile(read, options, session)
  await locate(path, async () => {
    const [first, ...rest] = open.documents
    if (first === undefined) throw new ValueUnsupported("the file has no document")
    const { document, changed } = setValue(first, keyPath, value)
    if (!changed && options.idempotent === true) return
    const { key, ivs, file, bytes } = open
    const now = world.now()
    await writeSopsFile(
      read,
      await encryptAgain(bytes, file, [document, ...rest], key, { ivs, now, store, indent: options.indent }),
      world,
    )
  })
}

async function givenValue(json: string | undefined, options: Options, world: World): Promise<string> {
  const sources = [json, options.valueStdin, options.valueFile].filter((source) => source !== undefined)
  if (sources.length !== 1)
    throw new WrongUsage("give the value once: as an argument, by --value-stdin or by --value-file")
  if (json !== undefined) return json
  if (options.valueFile !== undefined) {
    const file = options.valueFile
    return readFile(file, "utf8").catch((cause: unknown) => {
      throw new ReadFailed(file, cause)
    })
  }
  const parts: Uint8Array[] = []
  for await (const part of world.input()) parts.push(part)
  return Buffer.concat(parts).toString("utf8")
}
