/** `ts-age-yk key`: the keys of people and YubiKeys come and go. */
import { Command } from "commander"
import { declareRekey } from "../ceremony.ts"
import { changeKeys, type JoinOptions } from "../key-change.ts"
import { printKeys } from "../key-list.ts"
import { declareJoin, declareNewKey, declareProof, type KeyOptions, readNewKey } from "../new-keys.ts"
import type { World } from "../world.ts"

export function define(command: Command, world: World, done: (status: number) => void): void {
  command.addCommand(
    declareRekey(declareProof(declareJoin(declareNewKey(new Command("add")))))
      .description("a key joins, and proves itself by opening a challenge")
      .argument("<NAME>", "what it is called in .sops.yaml")
      .action(async (name: string, options: JoinOptions & KeyOptions) => {
        const key = await readNewKey(options, world)
        done(await changeKeys({ kind: "add", name, key, comment: options.comment ?? name }, options, true, world))
      }),
  )
  command.addCommand(
    declareRekey(new Command("remove"))
      .description("a key goes, and all that it could read gets new data keys")
      .argument("<NAME>")
      .action(async (name: string, options: JoinOptions) => {
        done(await changeKeys({ kind: "remove", name }, options, true, world))
      }),
  )
  command.addCommand(
    declareRekey(new Command("rename"))
      .description("a key gets another name, in .sops.yaml and in the policy; no file changes")
      .argument("<NAME>")
      .argument("<NEW-NAME>")
      .action(async (name: string, to: string, options: JoinOptions) => {
        done(await changeKeys({ kind: "rename", name, to }, options, true, world))
      }),
  )
  command.addCommand(
    declareRekey(declareProof(declareNewKey(new Command("replace"))))
      .description("a name gets another key, which proves itself: a new YubiKey in the place of a lost one")
      .argument("<NAME>")
      .action(async (name: string, options: JoinOptions & KeyOptions) => {
        const key = await readNewKey(options, world)
        done(await changeKeys({ kind: "replace", name, key }, options, true, world))
      }),
  )
  command.addCommand(
    new Command("list")
      .description("names, roles, number of files, and when each was last proven")
      .option("--json", "one JSON document")
      .action(async ({ json }: { json?: true }) => {
        await printKeys("as in .sops.yaml", json === true, world)
        done(0)
      }),
  )
}
