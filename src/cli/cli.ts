/** The entry of `ts-age-yk`. What is asked most is answered before what the rest needs is loaded. */
import { version } from "../version.ts"
import { loadPrograms } from "./load-programs.ts"

const argv = process.argv.slice(2)
if (argv.length === 1 && (argv[0] === "--version" || argv[0] === "-V")) process.stdout.write(`ts-age-yk ${version}\n`)
else {
  const { runCli, end } = loadPrograms(require)
  void runCli(argv).then(end)
}
