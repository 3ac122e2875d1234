/** The entry of `age-plugin-yubikey` and `age-plugin-tag`. */
import { version } from "../version.ts"
import { loadPrograms } from "./load-programs.ts"

const argv = process.argv.slice(2)
if (argv.length === 1 && (argv[0] === "--version" || argv[0] === "-V"))
  process.stdout.write(`age-plugin-yubikey ${version}\n`)
else {
  const { runPlugin, end } = loadPrograms(require)
  void runPlugin(argv).then(end)
}
