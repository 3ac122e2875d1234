/** `ts-age-yk set`: one value of a SOPS file. */
import type { Command } from "commander"
import { parseSetValue, setValue } from "../../sops/change.ts"
import { parseKeyPath } from "../../sops/key-path.ts"
import { WrongUsage } from "../failures.ts"
import { readInput } from "../input.ts"
import { changeDocument, type DocumentOptions, declareDocumentChange } from "../sops-change.ts"
import type { World } from "../world.ts"

type Options = DocumentOptions & Readonly<{ valueStdin?: true; valueFile?: string; idempotent?: true }>

export function define(command: Command, world: World, done: (status: number) => void): void {
  declareDocumentChange(command)
    .argument("<FILE>", "encrypted file, changed in place")
    .argument("<PATH>", `where: '["a"]["b"][0]'; what is missing on the way is made`)
    .argument("[JSON]", 'the value: "text" in quotes, 5, true, null, {"a": 1}')
    .option("--value-stdin", "read the value from standard input, so that no process list shows it")
    .option("--value-file <FILE>", "read the value from FILE")
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
  await changeDocument(path, options, world, (first) => {
    const { document, changed } = setValue(first, keyPath, value)
    return changed || options.idempotent !== true ? document : null
  })
}

async function givenValue(json: string | undefined, options: Options, world: World): Promise<string> {
  const sources = [json, options.valueStdin, options.valueFile].filter((source) => source !== undefined)
  if (sources.length !== 1)
    throw new WrongUsage("give the value once: as an argument, by --value-stdin or by --value-file")
  return json ?? new TextDecoder().decode(await readInput(options.valueFile, world))
}
