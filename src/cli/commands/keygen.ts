import type { Command } from "commander"
import type { World } from "../world.ts"
export function define(_command: Command, _world: World, done: (status: number) => void): void {
  done(1)
}
