/** `ts-age-yk doctor`: what stands between this person and a working YubiKey, each with its remedy. */
import type { Command } from "commander"
import { EXIT } from "../../failure.ts"
import { examine, type Finding } from "../examination.ts"
import { declareReaders, type ReaderOptions } from "../options.ts"
import { chooseReaders } from "../readers.ts"
import type { World } from "../world.ts"

export function define(command: Command, world: World, done: (status: number) => void): void {
  declareReaders(command)
    .option("--json", "one JSON document")
    .action(async (options: ReaderOptions & { json?: true }) => {
      const findings: Finding[] = []
      const show = async (finding: Finding): Promise<void> => {
        findings.push(finding)
        if (options.json !== true) await world.out(findingText(finding))
      }
      await examine({ readers: chooseReaders(options, world.env), path: world.env["PATH"] ?? "", show })
      if (options.json === true) await world.out(`${JSON.stringify({ findings }, null, 2)}\n`)
      done(findings.some(({ state }) => state === "bad") ? EXIT.card : 0)
    })
}

const marks = { good: "ok  ", note: "note", bad: "BAD " } as const

function findingText({ state, what, remedy }: Finding): string {
  return `${marks[state]} ${what}\n${remedy === undefined ? "" : `     -> ${remedy}\n`}`
}
