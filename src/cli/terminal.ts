/**
 * Talking to a person at a terminal.
 *
 * - Prompts go to the terminal itself, so that standard input and output stay free for data.
 * - What was asked is erased once it is answered; what stays on the screen is what happened, on standard error.
 * - Secrets are not echoed, and Control-C ends the program with nothing half done.
 * - Questions have no time limit; the key's own (15 seconds for a touch) is told with the touch.
 */
import { closeSync, openSync, writeSync } from "node:fs"
import type { ReadStream } from "node:tty"
import type { Dialogue } from "../age/dialogue.ts"
import { printable } from "../quote.ts"
import { Interrupted } from "./failures.ts"

const key = {
  interrupt: "\u0003",
  endOfInput: "\u0004",
  backspace: "\u0008",
  killLine: "\u0015",
  escape: "\u001b",
  del: "\u007f",
} as const

/** Back to the first column, and the line is erased: [ECMA-48] 8.3.41 EL. */
const clearLine = "\r\u001b[K"

/** Longest answer, in characters: more is a paste gone wrong. */
const longestAnswer = 1024

/**
 * Opens the terminal that the program was started at.
 * @returns null when there is none
 */
export function openTerminal(path = process.platform === "win32" ? "\\\\.\\CON" : "/dev/tty"): Dialogue | null {
  try {
    closeSync(openSync(path, "r+"))
  } catch {
    return null
  }
  return new Terminal(path)
}

class Terminal implements Dialogue {
  readonly #path: string

  constructor(path: string) {
    this.#path = path
  }

  tell(text: string): Promise<void> {
    this.#write(`${printable(text)}\n`)
    return Promise.resolve()
  }

  askSecret(question: string): Promise<string | null> {
    return this.#ask(`${question}: `, "hidden")
  }

  ask(question: string): Promise<string | null> {
    return this.#ask(`${question}: `, "shown")
  }

  async confirm(question: string, yes: string, no?: string): Promise<boolean | null> {
    const choices = no === undefined ? `press enter: ${yes}` : `1: ${yes}, 2: ${no}`
    for (;;) {
      const answer = await this.#ask(`${question} [${choices}] `, "shown")
      if (answer === null) return null
      if (no === undefined || isAnswer(answer, "1", yes, no)) return true
      if (isAnswer(answer, "2", no, yes)) return false
    }
  }

  #write(text: string): void {
    const terminal = openSync(this.#path, "r+")
    try {
      writeSync(terminal, text)
    } finally {
      closeSync(terminal)
    }
  }

  async #ask(question: string, echo: "hidden" | "shown"): Promise<string | null> {
    const { ReadStream } = await import("node:tty")
    const input = new ReadStream(openSync(this.#path, "r+"))
    // The echo is off before anybody can answer.
    input.setRawMode(true)
    try {
      // A line of progress may stand there.
      this.#write(`${clearLine}${printable(question)}`)
      return await readLine(input, (text) => {
        if (echo === "shown") this.#write(text)
      })
    } finally {
      input.setRawMode(false)
      input.destroy()
      this.#write(clearLine)
    }
  }
}

/** Whether an answer is a choice's number, or so much of its label that it cannot be the other's. */
function isAnswer(answer: string, number: string, label: string, other: string): boolean {
  const said = answer.trim().toLowerCase()
  if (said === number) return true
  return said !== "" && label.toLowerCase().startsWith(said) && !other.toLowerCase().startsWith(said)
}

/** Reads keys until enter. @returns null at Control-D on an empty line */
function readLine(input: ReadStream, echo: (text: string) => void): Promise<string | null> {
  return new Promise((resolve, reject) => {
    let line = ""
    input.setEncoding("utf8")
    input.on("error", () => resolve(null))
    input.on("end", () => resolve(null))
    input.on("data", (chunk: string | Buffer) => {
      for (const character of Array.from(String(chunk))) {
        switch (character) {
          case "\r":
          case "\n":
            resolve(line)
            return
          case key.interrupt:
            reject(new Interrupted())
            return
          case key.endOfInput:
            if (line === "") {
              resolve(null)
              return
            }
            break
          case key.backspace:
          case key.del: {
            const shorter = Array.from(line).slice(0, -1).join("")
            if (shorter !== line) echo("\b \b")
            line = shorter
            break
          }
          case key.killLine:
            echo("\b \b".repeat(Array.from(line).length))
            line = ""
            break
          case key.escape:
            // The rest of an arrow or function key's sequence comes in the same chunk; it is no part of an answer.
            return
          default:
            if (line.length < longestAnswer) {
              line += character
              echo(printable(character))
            }
        }
      }
    })
  })
}
