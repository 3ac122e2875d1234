/** The entry of `ts-age-yk`. What is asked most is answered before what the rest needs is loaded. */
import { version } from "../version.ts"

const argv = process.argv.slice(2)
if (argv.length === 1 && (argv[0] === "--version" || argv[0] === "-V")) {
  process.stdout.write(`ts-age-yk ${version}\n`)
} else if (argv[0] === "decrypt") {
  const { runDecrypt } = await import("./decrypt-program.ts")
  process.exitCode = await runDecrypt(argv)
} else {
  const [{ runProgram }, { processWorld }, { program }] = await Promise.all([
    import("./main.ts"),
    import("./process-world.ts"),
    import("./program.ts"),
  ])
  process.exitCode = await runProgram(argv, processWorld(), program)
}
