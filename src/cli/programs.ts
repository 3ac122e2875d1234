/** The programs. They are bundled as one script, `dist/programs-….cjs`, which `cli.ts` and `plugin.ts` load. */
import { version } from "../version.ts"
import { runProgram } from "./main.ts"
import { processWorld } from "./process-world.ts"
import type { World } from "./world.ts"

export { end } from "./end.ts"

/** `ts-age-yk`. @returns the exit status */
export async function runCli(argv: readonly string[], world: World = processWorld()): Promise<number> {
  const { program } = await import("./program.ts")
  return runProgram(argv, world, program)
}

/**
 * `age-plugin-yubikey` and `age-plugin-tag`. Clients start it once a file, so as a plugin it loads nothing that speaks to people; called by
 * hand, it takes the options of the Rust program.
 * @returns the exit status
 */
export async function runPlugin(argv: readonly string[]): Promise<number> {
  const flag = argv.findIndex((argument) => argument === "--age-plugin" || argument.startsWith("--age-plugin="))
  if (flag >= 0) {
    const { servePluginProcess } = await import("./plugin-process.ts")
    return servePluginProcess(argv[flag]?.split("=")[1] ?? argv[flag + 1] ?? "")
  }
  const world = processWorld()
  if (argv.includes("--version") || argv.includes("-V")) {
    await world.out(`age-plugin-yubikey ${version}\n`)
    return 0
  }
  const { pluginByHand } = await import("./plugin-by-hand.ts")
  return runProgram(argv, world, pluginByHand, "age-plugin-yubikey")
}
