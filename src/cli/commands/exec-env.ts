/** `ts-age-yk exec-env`: runs a command with the values of a SOPS file in its environment. */
import type { Command } from "commander"
import { ValueUnsupported } from "../../sops/failures.ts"
import type { Documents } from "../../sops/tree.ts"
import { untypedText } from "../../sops/value.ts"
import { openSession } from "../access.ts"
import { becomeUser } from "../become-user.ts"
import { runShell, startShell } from "../shell.ts"
import { type ChangeOptions, declareChange, locate, openSopsFile, readSopsFile } from "../sops-change.ts"
import type { World } from "../world.ts"

type Options = ChangeOptions & Readonly<{ pristine?: true; user?: string; background?: true }>

export function define(command: Command, world: World, done: (status: number) => void): void {
  declareChange(command)
    .argument("<FILE>", "encrypted file without nesting")
    .argument("<CMD>", "run by the shell; its exit status is passed on")
    .option("--pristine", "the values of the file alone, without this environment")
    .option("--user <NAME>", "run CMD as this user; for root only")
    .option("--background", "do not wait for CMD, which gets none of these streams")
    .action(async (path: string, cmd: string, options: Options) => {
      const values = await readValues(path, options, world)
      const user = options.user === undefined ? {} : becomeUser(options.user)
      const env = { ...(options.pristine === true ? {} : world.env), ...user, ...values }
      if (options.background === true) await startShell(cmd, env)
      done(options.background === true ? 0 : await runShell(cmd, env))
    })
}

async function readValues(path: string, options: Options, world: World): Promise<Record<string, string>> {
  const read = await readSopsFile(path, options.inputType)
  await using session = openSession(options, world)
  using open = await openSopsFile(read, options, session)
  return await locate(path, () => environmentOf(open.documents))
}

const otherWay = "ts-age-yk exec-file gives the command the file itself"

function environmentOf(documents: Documents): Record<string, string> {
  const values: [string, string][] = []
  for (const item of documents[0]?.items ?? []) {
    if (item.type === "comment") continue
    const { key, value } = item
    if (typeof key !== "string" || key === "" || /[=\0]/.test(key)) {
      throw new ValueUnsupported("a key that no environment variable can be called", {
        where: { keyPath: [typeof key === "string" ? key : "?"] },
        hint: otherWay,
      })
    }
    if (value.type === "map" || value.type === "list") {
      throw new ValueUnsupported("an environment has no maps and lists", { where: { keyPath: [key] }, hint: otherWay })
    }
    values.push([key, untypedText(value)])
  }
  // Made of entries, for an assignment would lose what is called __proto__.
  return Object.fromEntries(values)
}
