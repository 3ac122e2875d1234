/**
 * Stories: Markdown whose console blocks are run, in order, in one folder, and must print what stands there. README and docs/ are
 * stories too, so what they show is true.
 *
 *     ```console
 *     $ ts-age-yk decrypt a.age        what is typed
 *     hello                            what is printed, on standard output and standard error alike
 *     [exit 4]                         the exit status, when it is not 0
 *     ```
 *
 * `…` stands for anything in a line, and for any number of lines where it is alone. A block after `<!-- file NAME -->` is a file.
 * `<!-- run -->` and a block without a prompt, in a comment, is a preparation that readers are spared.
 */
import { execFile } from "node:child_process"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

type Step =
  | Readonly<{ kind: "file"; name: string; content: string }>
  | Readonly<{ kind: "prepare"; script: string; line: number }>
  | Readonly<{ kind: "command"; command: string; expected: readonly string[]; exit: number; line: number }>

const root = fileURLToPath(new URL("..", import.meta.url))

/** Reads the steps of a story. */
export function parseStory(text: string): Step[] {
  const lines = text.split("\n")
  const steps: Step[] = []
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index] ?? ""
    const file = /^<!-- file (\S+) -->$/.exec(line)?.[1]
    if (file !== undefined) {
      const start = lines.findIndex((candidate, at) => at > index && candidate.startsWith("```"))
      const end = lines.indexOf("```", start + 1)
      steps.push({ kind: "file", name: file, content: `${lines.slice(start + 1, end).join("\n")}\n` })
      index = end
    } else if (line === "<!-- run") {
      const end = lines.indexOf("-->", index)
      steps.push({ kind: "prepare", script: lines.slice(index + 1, end).join("\n"), line: index + 1 })
      index = end
    } else if (line === "```console") {
      const end = lines.indexOf("```", index + 1)
      steps.push(...parseConsole(lines.slice(index + 1, end), index + 2))
      index = end
    }
  }
  return steps
}

function parseConsole(lines: readonly string[], first: number): Step[] {
  const steps: Step[] = []
  for (let index = 0; index < lines.length; ) {
    const start = first + index
    let command = (lines[index++] ?? "").replace(/^\$ /, "")
    while (command.endsWith("\\") && index < lines.length)
      command = `${command.slice(0, -1)}${(lines[index++] ?? "").trimStart()}`
    const expected: string[] = []
    while (index < lines.length && !(lines[index] ?? "").startsWith("$ ")) expected.push(lines[index++] ?? "")
    while (expected.at(-1) === "") expected.pop()
    const exit = /^\[exit (\d+)\]$/.exec(expected.at(-1) ?? "")?.[1]
    if (exit !== undefined) expected.pop()
    steps.push({ kind: "command", command, expected, exit: Number(exit ?? 0), line: start })
  }
  return steps
}

/** Whether lines are as expected. */
export function matches(expected: readonly string[], got: readonly string[]): boolean {
  const [first, ...rest] = expected
  if (first === undefined) return got.length === 0
  if (first.trim() === "…")
    return got.length === 0 ? matches(rest, got) : matches(rest, got) || matches(expected, got.slice(1))
  const [line, ...others] = got
  if (line === undefined) return false
  const pattern = first
    .split("…")
    .map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"))
    .join(".*")
  return new RegExp(`^${pattern}$`).test(line) && matches(rest, others)
}

type Outcome = Readonly<{ exit: number; output: string }>

function shell(script: string, folder: string, programs: string): Promise<Outcome> {
  const environment = {
    // What stands in for programs that this machine may lack comes last.
    PATH: `${programs}:${process.env["PATH"] ?? ""}:${join(root, "test/programs")}`,
    HOME: join(programs, "home"),
    LC_ALL: "C.UTF-8",
    TZ: "UTC",
    VECTORS: join(root, "test/vectors"),
  }
  return new Promise((resolve) => {
    // A session of its own has no terminal: prompts then are what they are for machines.
    execFile(
      "setsid",
      ["--wait", "bash", "-c", `exec 2>&1\n${script}`],
      { cwd: folder, env: environment, timeout: 60_000 },
      (failure, stdout) => {
        const exit = failure === null ? 0 : typeof failure.code === "number" ? failure.code : 255
        resolve({ exit, output: stdout })
      },
    )
  })
}

/**
 * Runs a story in a new folder.
 * @returns what differed, readable; empty when all is as it stands there
 */
export async function runStory(path: string): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), "ts-age-yk-story-"))
  const programs = mkdtempSync(join(tmpdir(), "ts-age-yk-programs-"))
  mkdirSync(join(programs, "home"))
  for (const [name, target] of [
    ["ts-age-yk", "cli.js"],
    ["age-plugin-yubikey", "plugin.js"],
    ["age-plugin-tag", "plugin.js"],
  ] as const)
    symlinkSync(join(root, "dist", target), join(programs, name))
  try {
    const differences: string[] = []
    for (const step of parseStory(readFileSync(path, "utf8"))) {
      if (step.kind === "file") {
        mkdirSync(dirname(join(folder, step.name)), { recursive: true })
        writeFileSync(join(folder, step.name), step.content)
        continue
      }
      const { exit, output } = await shell(step.kind === "prepare" ? step.script : step.command, folder, programs)
      if (step.kind === "prepare") {
        if (exit !== 0) differences.push(`line ${step.line}: preparation failed with ${exit}:\n${output}`)
        continue
      }
      const got = output.replace(/\n$/, "") === "" ? [] : output.replace(/\n$/, "").split("\n")
      if (exit !== step.exit || !matches(step.expected, got))
        differences.push(
          `line ${step.line}: $ ${step.command}\n${output}[exit ${exit}], expected ${step.exit}\n${step.expected.join("\n")}`,
        )
    }
    return differences
  } finally {
    rmSync(folder, { recursive: true, force: true })
    rmSync(programs, { recursive: true, force: true })
  }
}
