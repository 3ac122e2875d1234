/** Commands that `ts-age-yk sops` does in sops' way, where another spelling of ours would not do. */
import type { Failure } from "../failure.ts"
import { formatOfName } from "../sops/format.ts"
import { openSession } from "./access.ts"
import { WrongUsage } from "./failures.ts"
import { reportFailure } from "./main.ts"
import { once, writeOutput } from "./output.ts"
import type { SopsInvocation } from "./sops-arguments.ts"
import { readSopsFile, readToChange, writeSopsFile } from "./sops-change.ts"
import { exists } from "./sops-config.ts"
import { sopsMessage, unchangedCode } from "./sops-exit.ts"
import { formatsOf, list, numberOf, valueOf, wanted, wishOptions } from "./sops-spelling.ts"
import type { World } from "./world.ts"

/** Says what went wrong, in sops' words where callers look for them. */
export function reportAsSops(failure: Failure, world: World): void {
  const message = sopsMessage(failure)
  if (message === null) reportFailure(failure, world, false, "sops")
  else world.err(`${message}\n`)
}

/** Without `--in-place`, sops prints the rotated file and leaves the old one. */
export async function rotateAsSops(invocation: SopsInvocation, world: World): Promise<number> {
  const { flags, operands } = invocation
  const file = wanted(operands[0])
  const [output, indent] = [valueOf(invocation, "output"), valueOf(invocation, "indent")]
  if (flags.has("in-place") && output !== undefined) throw new WrongUsage("--in-place and --output exclude each other")
  const { input, output: outputType } = formatsOf(invocation, world)
  const options = {
    addAge: list(flags.get("add-age")),
    rmAge: list(flags.get("rm-age")),
    ...(flags.has("ignore-mac") ? ({ ignoreMac: true } as const) : {}),
    ...(input === undefined ? {} : { inputType: input }),
    ...(flags.has("output-type") && outputType !== undefined ? { outputType } : {}),
    ...(indent === undefined ? {} : { indent: numberOf("indent", indent) }),
  }
  const { Rotation } = await import("./commands/rotate.ts")
  const rotation = new Rotation(options, world)
  const inPlace = flags.has("in-place")
  const read = await (inPlace ? readToChange : readSopsFile)(file, options.inputType)
  const planned = await rotation.plan(read, { path: file, named: true })
  await using session = openSession({}, world)
  const rotated = planned === null ? read.bytes : await rotation.carryOut(planned, session)
  if (inPlace) await writeSopsFile(read, rotated, world)
  else await writeOutput(once(rotated), output, world, 0o666)
  return 0
}

/** Opens the editor; for a new file, for whom the command line or the rule has it. */
export async function editAsSops(invocation: SopsInvocation, world: World): Promise<number> {
  const { flags, operands } = invocation
  const { editPath } = await import("./commands/edit.ts")
  const file = wanted(operands[0])
  const { input, output } = formatsOf(invocation, world)
  if (flags.has("output-type") && output !== undefined && output !== (input ?? formatOfName(file)))
    throw new WrongUsage("sops edit with another --output-type is not done here", {
      hint: "the file would no longer be what its name says; sops decrypt --output-type prints it so",
    })
  const indent = valueOf(invocation, "indent")
  const options = {
    // What a file is encrypted for that is there, none of these flags changes.
    ...((await exists(file)) ? {} : wishOptions(invocation, world)),
    ...(input === undefined ? {} : { inputType: input }),
    ...(flags.has("ignore-mac") ? ({ ignoreMac: true } as const) : {}),
    ...(flags.has("show-master-keys") ? ({ showMasterKeys: true } as const) : {}),
    ...(indent === undefined ? {} : { indent: numberOf("indent", indent) }),
  }
  return (await editPath(file, options, world)) ? 0 : unchangedCode
}

/** Of several files, those that can be are updated; sops asks at standard input, so that `yes | sops updatekeys` agrees. */
export async function updateKeysAsSops(invocation: SopsInvocation, world: World): Promise<number> {
  const { flags, operands } = invocation
  wanted(operands[0])
  const { askToUpdate, updateKeys } = await import("./commands/updatekeys.ts")
  const config = valueOf(invocation, "config")
  const inputType = valueOf(invocation, "input-type") === undefined ? undefined : formatsOf(invocation, world).input
  const options = {
    ...(config === undefined ? {} : { config }),
    ...(inputType === undefined ? {} : { inputType }),
    ...(flags.has("yes") ? ({ yes: true } as const) : {}),
  }
  const manner = {
    agree: async (count: number) => (await answerOf(world)) ?? (await askToUpdate(count, world)),
    declined: 0,
    passOver: operands.length === 1 ? null : (failure: Failure) => reportAsSops(failure, world),
  }
  return updateKeys(operands, options, manner, world)
}

/** The first line of standard input as a yes or no; null for another, and for a person at a terminal. */
async function answerOf(world: World): Promise<boolean | null> {
  if (world.inputIsTerminal) return null
  let line = ""
  for await (const piece of world.input()) {
    line += Buffer.from(piece).toString("latin1")
    if (line.includes("\n")) break
  }
  const answer = line.trimStart().split("\n")[0]?.trim().toLowerCase() ?? ""
  return ["y", "yes"].includes(answer) ? true : ["n", "no"].includes(answer) ? false : null
}
