/** `ts-age-yk exec-file`: runs a command with the decrypted file in private memory, gone when the command ends. */
import { basename } from "node:path"
import type { Command } from "commander"
import { printDecrypted } from "../../sops/file.ts"
import { openSession } from "../access.ts"
import { becomeUser } from "../become-user.ts"
import { WrongUsage } from "../failures.ts"
import { inPrivateFolder } from "../private-folder.ts"
import { runShell } from "../shell.ts"
import { type ChangeOptions, declareChange, locate, openSopsFile, outputStore, readSopsFile } from "../sops-change.ts"
import type { World } from "../world.ts"

type Options = ChangeOptions & Readonly<{ outputType?: string; filename?: string; fifo?: boolean; user?: string }>

export function define(command: Command, world: World, done: (status: number) => void): void {
  declareChange(command)
    .argument("<FILE>", "encrypted file")
    .argument("<CMD>", "run by the shell, {} being the decrypted file; its exit status is passed on")
    .option("--output-type <TYPE>", "decrypt to another format")
    .option("--filename <NAME>", "name of the decrypted file")
    .option("--no-fifo", "as it is always here: the file is one, in memory and for its owner alone")
    .option("--user <NAME>", "run CMD as this user, whose file it then is; for root only")
    .action(async (path: string, cmd: string, options: Options) => {
      const name = options.filename ?? basename(path)
      if (name !== basename(name)) throw new WrongUsage("a name, without folders", { where: { option: "--filename" } })
      const plain = await decrypt(path, options, world)
      const user = options.user === undefined ? {} : becomeUser(options.user)
      const status = await inPrivateFolder(world, async (folder) => {
        const file = await folder.write(name, plain)
        return runShell(cmd.replaceAll("{}", file), { ...world.env, ...user })
      })
      done(status)
    })
}

async function decrypt(path: string, options: Options, world: World): Promise<Uint8Array> {
  const read = await readSopsFile(path, options.inputType)
  const store = await outputStore(read, options.outputType)
  await using session = openSession(options, world)
  using open = await openSopsFile(read, options, session)
  return await locate(path, () => printDecrypted(open.documents, store))
}
