/** Runs a command line with the shell, its streams being ours. */
import { type ChildProcess, spawn } from "node:child_process"
import { constants } from "node:os"
import { EXIT, Failure } from "../failure.ts"
import { quote } from "../quote.ts"
import { systemReason, wayOut } from "../replace-file.ts"

/** The shell, or a program, could not be started. */
export class CommandNotStarted extends Failure {
  override readonly code = "command-not-started"
  override readonly exit = EXIT.failed
  constructor(program: string, cause: unknown) {
    super(`${quote(program)} could not be started: ${systemReason(cause)}`, {
      hint: wayOut(cause) ?? "look whether it is installed, and on PATH",
      cause,
    })
  }
}

type Environment = Readonly<Record<string, string | undefined>>

/** @returns the command's exit status; 128 and the signal's number when it was killed */
export function runShell(command: string, env: Environment): Promise<number> {
  const [program, args] = shellFor(command)
  return runProgramOf(program, args, env)
}

/** Starts a command that goes on by itself, without our streams. @throws CommandNotStarted */
export function startShell(command: string, env: Environment): Promise<void> {
  const [program, args] = shellFor(command)
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env, stdio: "ignore", detached: true })
    child.on("error", (cause) => {
      reject(new CommandNotStarted(program, cause))
    })
    child.on("spawn", () => {
      child.unref()
      resolve()
    })
  })
}

function shellFor(command: string): [program: string, args: string[]] {
  return process.platform === "win32" ? ["cmd.exe", ["/C", command]] : ["/bin/sh", ["-c", command]]
}

/** The same for a program and its arguments. @throws CommandNotStarted */
export async function runProgramOf(program: string, args: readonly string[], env: Environment): Promise<number> {
  const child = spawn(program, args, { env, stdio: "inherit" })
  const letGo = leaveSignalsTo(child)
  try {
    return await new Promise((resolve, reject) => {
      child.on("error", (cause) => {
        reject(new CommandNotStarted(program, cause))
      })
      child.on("exit", (status, signal) => {
        resolve(status ?? 128 + (signal === null ? 0 : constants.signals[signal]))
      })
    })
  } finally {
    letGo()
  }
}

/**
 * While a command runs, it decides what a signal means. Keys of the terminal reach it without us, as with [system(3)]; what would end us
 * is passed on to it, or it would run on with nobody to wait for it.
 * @returns what ends that
 */
function leaveSignalsTo(child: ChildProcess): () => void {
  const keys = ["SIGINT", "SIGQUIT"] as const
  const endings = ["SIGTERM", "SIGHUP"] as const
  const ignore = (): void => undefined
  const passOn = (signal: NodeJS.Signals): void => void child.kill(signal)
  for (const signal of keys) process.on(signal, ignore)
  for (const signal of endings) process.on(signal, passOn)
  return () => {
    for (const signal of keys) process.off(signal, ignore)
    for (const signal of endings) process.off(signal, passOn)
  }
}
