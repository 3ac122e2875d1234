/** What a ceremony leaves to the person, as a runbook: steps in order, each with what to do if it does not go well. */
import { printable } from "../quote.ts"
import { transcriptName } from "./transcript.ts"

export type RunbookFacts = Readonly<{
  ceremony: string
  replaced: number
  /** Names of the keys that went. */
  removed: readonly string[]
  /** Names of the keys that nobody has shown to open the new files. */
  notProven: readonly string[]
  /** Whether the repository is one of git. */
  git: boolean
}>

/** A step: what to do, the commands, and what to do otherwise. */
type Step = Readonly<{ title: string; commands: readonly string[]; otherwise: readonly string[] }>

function steps({ removed, notProven, git }: RunbookFacts): Step[] {
  const list: Step[] = []
  if (git) {
    list.push({
      title: "review",
      commands: ["git diff --stat", "git diff .sops.yaml", "ts-age-yk audit"],
      otherwise: [
        "IF a file changed that should not THEN git restore FILE puts it back, since nothing is committed yet",
      ],
    })
    list.push({
      title: "commit",
      commands: ["git add --all", "git commit"],
      otherwise: [
        `IF the record is to be signed THEN first ts-age-yk transcript sign, which writes to ${transcriptName}`,
      ],
    })
  }
  list.push({
    title: "deploy, so that the hosts get the new files",
    commands: git ? ["git push"] : [],
    otherwise: ["IF a host cannot open its secrets THEN its key is no recipient of them: ts-age-yk audit shows who is"],
  })
  if (notProven.length > 0)
    list.push({
      title: `prove the keys that were not at hand: ${notProven.join(", ")}`,
      commands: [],
      otherwise: [
        "on each host: ts-age-yk decrypt FILE, to the end and without an error",
        "IF a backup key opens nothing THEN replace it now, while others do: ts-age-yk key replace",
      ],
    })
  if (removed.length > 0)
    list.push({
      title: `change the values that ${removed.join(", ")} could read, which it can still in git's history`,
      commands: ["ts-age-yk rekey status"],
      otherwise: [
        "IF a value cannot be changed THEN say why: ts-age-yk audit waive",
        "IF the key was stolen THEN put it under revoked: in .ts-age-yk.yaml, so that it cannot come back",
      ],
    })
  return list
}

/** The runbook as text, a line a step and a line a command. */
export function runbookText(facts: RunbookFacts): string {
  const lines = steps(facts).flatMap(({ title, commands, otherwise }, index) => [
    `  ${index + 1}. ${printable(title)}`,
    ...commands.map((command) => `       ${command}`),
    ...otherwise.map((text) => `     ${text}`),
  ])
  return ["what is left to you:", ...lines].map((line) => `${line}\n`).join("")
}

/** The runbook as Markdown, with boxes to tick. */
export function runbookMarkdown(facts: RunbookFacts): string {
  const lines = steps(facts).flatMap(({ title, commands, otherwise }) => [
    `- [ ] ${printable(title)}`,
    ...commands.map((command) => `      - \`${command}\``),
    ...otherwise.map((text) => `      - ${text}`),
  ])
  return [
    `# After ceremony ${facts.ceremony}`,
    "",
    `${facts.replaced} ${facts.replaced === 1 ? "file was" : "files were"} replaced; ${transcriptName} has the record.`,
    "",
    ...lines,
  ]
    .map((line) => `${line}\n`)
    .join("")
}
