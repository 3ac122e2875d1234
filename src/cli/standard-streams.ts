/**
 * Standard output and standard error. Node's own streams bring its sockets and terminals with them, which each start would pay for, and
 * write to files, pipes and terminals at once as well. So what is written here goes straight to the descriptor, and through Node's stream
 * where the descriptor cannot take it.
 */
import { writeSync } from "node:fs"
import { isatty } from "node:tty"

/** What a shell says of a program that wrote to a pipe which nobody reads any more: 128 and SIGPIPE. */
const brokenPipe = 141

class StandardStream {
  readonly #descriptor: 1 | 2
  #opened: NodeJS.WriteStream | undefined

  constructor(descriptor: 1 | 2) {
    this.#descriptor = descriptor
  }

  get isTerminal(): boolean {
    return isatty(this.#descriptor)
  }

  /**
   * Writes all of it, and then calls back, with what went wrong if something did. Where nobody reads any more, the process ends:
   * `| head` has what it wanted; that is no failure, and nothing is half done.
   */
  write(content: string | Uint8Array, done: (failure?: Error | null) => void = () => undefined): void {
    let rest: Uint8Array = typeof content === "string" ? Buffer.from(content) : content
    // Only Node's stream knows the encoding of Windows' console.
    if (this.#opened === undefined && process.platform !== "win32")
      try {
        while (rest.length > 0) rest = rest.subarray(writeSync(this.#descriptor, rest))
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException
        if (code === "EPIPE") process.exit(brokenPipe)
        // Somebody made it one that does not wait: Node's stream can do so.
        if (code !== "EAGAIN") {
          done(error as Error)
          return
        }
      }
    if (rest.length === 0) done()
    else this.#stream().write(rest, done)
  }

  /** Calls back when all that was written is gone. */
  flush(done: () => void): void {
    if (this.#opened === undefined) done()
    else this.#opened.write("", () => done())
  }

  #stream(): NodeJS.WriteStream {
    if (this.#opened === undefined) {
      this.#opened = this.#descriptor === 1 ? process.stdout : process.stderr
      this.#opened.on("error", (error: NodeJS.ErrnoException) => {
        if (error.code === "EPIPE") process.exit(brokenPipe)
      })
    }
    return this.#opened
  }
}

export const standardOutput = new StandardStream(1)
export const standardError = new StandardStream(2)
