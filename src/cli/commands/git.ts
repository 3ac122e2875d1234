/** `ts-age-yk git`: git shows and merges encrypted files through it. [gitattributes(5)] */
import type { Command } from "commander"
import type { World } from "../world.ts"
import { installCommand } from "./git/install.ts"
import { mergeCommand } from "./git/merge.ts"
import { textconvCommand } from "./git/textconv.ts"

export function define(command: Command, world: World, done: (status: number) => void): void {
  for (const make of [installCommand, textconvCommand, mergeCommand]) command.addCommand(make(world, done))
}
