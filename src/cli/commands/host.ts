/** `ts-age-yk host`: hosts come and go. */
import { Command } from "commander"
import { declareRekey } from "../ceremony.ts"
import { changeKeys, type JoinOptions } from "../key-change.ts"
import { printKeys } from "../key-list.ts"
import { declareJoin, declareNewKey, declareProof, type KeyOptions, readNewKey } from "../new-keys.ts"
import type { World } from "../world.ts"

export function define(command: Command, world: World, done: (status: number) => void): void {
  command.addCommand(
    declareRekey(declareProof(declareJoin(declareNewKey(new Command("add")))))
      .description("a host joins: its key into .sops.yaml, and every file that it shall read encrypted to it")
      .argument("<NAME>", "what it is called in .sops.yaml")
      .action(async (name: string, options: JoinOptions & KeyOptions) => {
        const key = await readNewKey(options, world)
        const comment = options.comment ?? `${name}: host${key.fingerprint === null ? "" : " SSH"} key`
        done(await changeKeys({ kind: "add", name, key, comment }, options, false, world))
      }),
  )
  command.addCommand(
    declareRekey(new Command("remove"))
      .description("a host goes: its key out of .sops.yaml, and new data keys for all that it could read")
      .argument("<NAME>")
      .action(async (name: string, options: JoinOptions) => {
        done(await changeKeys({ kind: "remove", name }, options, false, world))
      }),
  )
  command.addCommand(
    new Command("list")
      .description("names, roles, number of files, and when each was last proven")
      .option("--json", "one JSON document")
      .action(async ({ json }: { json?: true }) => {
        await printKeys("hosts", json === true, world)
        done(0)
      }),
  )
}
