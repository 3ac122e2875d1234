/**
 * The entry of `age-plugin-yubikey` and `age-plugin-tag`. Clients start it once a file, so as a plugin it loads nothing that speaks to
 * people; called by hand, it takes the options of the Rust program.
 */
import { version } from "../version.ts"

const argv = process.argv.slice(2)
const flag = argv.findIndex((argument) => argument === "--age-plugin" || argument.startsWith("--age-plugin="))

if (flag >= 0) {
  const { servePluginProcess } = await import("./plugin-process.ts")
  await servePluginProcess(argv[flag]?.split("=")[1] ?? argv[flag + 1] ?? "")
} else if (argv.includes("--version") || argv.includes("-V")) {
  process.stdout.write(`age-plugin-yubikey ${version}\n`)
} else {
  const [{ runProgram }, { processWorld }, { pluginByHand }] = await Promise.all([
    import("./main.ts"),
    import("./process-world.ts"),
    import("./plugin-by-hand.ts"),
  ])
  process.exitCode = await runProgram(argv, processWorld(), pluginByHand, "age-plugin-yubikey")
}
