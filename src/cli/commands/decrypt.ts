/** `ts-age-yk decrypt`: any age or SOPS file, told apart by what is in it. */
import type { Command } from "commander"
import { ByteSource } from "../../age/byte-source.ts"
import { decryptStream, isAgeFile } from "../../age/file.ts"
import { Failure, type Where } from "../../failure.ts"
import { openSession } from "../access.ts"
import { WrongUsage } from "../failures.ts"
import { openInput } from "../input.ts"
import { declareIdentities, type IdentityOptions, parseIndent } from "../options.ts"
import { once, writeOutput } from "../output.ts"
import type { World } from "../world.ts"

type Options = IdentityOptions &
  Readonly<{
    output?: string
    inPlace?: true
    extract?: string
    inputType?: string
    outputType?: string
    indent?: number
    ignoreMac?: true
  }>

export function define(command: Command, world: World, done: (status: number) => void): void {
  declareIdentities(command)
    .argument("[FILE]", "age or SOPS file; - or nothing for standard input")
    .option("-o, --output <FILE>", "write to FILE, replaced as a whole, instead of standard output")
    .option("--in-place", "replace FILE by its plaintext")
    .option("--extract <PATH>", `one value of a SOPS file: '["a"]["b"][0]'`)
    .option("--input-type <TYPE>", "yaml, json, dotenv, ini or binary, where name and content mislead")
    .option("--output-type <TYPE>", "print in another format")
    .option("--indent <N>", "spaces a level of YAML and JSON; -1 is JSON's tab", parseIndent)
    .option("--ignore-mac", "print a SOPS file whose MAC does not match: its values are unproven")
    .action(async (file: string | undefined, options: Options) => {
      await decrypt(file === "-" ? undefined : file, options, world)
      done(0)
    })
}

/** @throws WrongUsage when there is no file to replace */
function outputOf(file: string | undefined, options: Options): string | undefined {
  if (options.inPlace !== true) return options.output
  if (file === undefined || options.output !== undefined)
    throw new WrongUsage("--in-place wants a FILE, and no --output")
  return file
}

/** Loaded where a file is to be replaced, which is rare. @throws LinkLeadsOut, ReadFailed */
async function toReplace(file: string): Promise<() => void> {
  const [{ requireInside }, { staysAsItIs }] = await Promise.all([import("../inside.ts"), import("../unchanged.ts")])
  requireInside(file)
  return staysAsItIs(file)
}

/** Bytes that are looked at to tell age from SOPS: white space may stand before an armored file. */
const lead = 1024

async function decrypt(file: string | undefined, options: Options, world: World): Promise<void> {
  const where: Where = { file: file ?? "standard input" }
  const output = outputOf(file, options)
  try {
    const check = options.inPlace === true && output !== undefined ? await toReplace(output) : undefined
    const source = new ByteSource(openInput(file, world))
    const first = await source.peek(lead)
    await using session = openSession(options, world)
    const pieces = isAgeFile(first)
      ? await decryptStream(rest(source), (stanzas) => session.open(stanzas))
      : once(await (await import("../sops-file.ts")).decryptSopsFile(await whole(source), file, options, session))
    await writeOutput(pieces, output, world, undefined, check)
  } catch (failure) {
    throw failure instanceof Failure ? failure.within(where) : failure
  }
}

async function* rest(source: ByteSource): AsyncGenerator<Uint8Array> {
  try {
    for (let piece = await source.piece(); piece !== null; piece = await source.piece()) yield piece
  } finally {
    await source.close()
  }
}

async function whole(source: ByteSource): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for await (const piece of rest(source)) parts.push(piece)
  return new Uint8Array(Buffer.concat(parts))
}
