/** `ts-age-yk yubikey`: the life of a YubiKey for age. */
import type { Command } from "commander"
import type { World } from "../world.ts"
import { attestCommand } from "./yubikey/attest.ts"
import { generateCommand } from "./yubikey/generate.ts"
import { importCommand } from "./yubikey/import.ts"
import { infoCommand } from "./yubikey/info.ts"
import { managementKeyCommand, pinCommand, pukCommand } from "./yubikey/references.ts"
import { resetCommand } from "./yubikey/reset.ts"
import { verifyCommand } from "./yubikey/verify.ts"

export function define(command: Command, world: World, done: (status: number) => void): void {
  for (const make of [
    infoCommand,
    generateCommand,
    importCommand,
    attestCommand,
    verifyCommand,
    pinCommand,
    pukCommand,
    managementKeyCommand,
    resetCommand,
  ])
    command.addCommand(make(world, done))
}
