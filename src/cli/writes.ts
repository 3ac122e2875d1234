/** Many files that are written one after the other, as fast as the disk takes them. */
import { printable } from "../quote.ts"
import { locate, type ReadFile, writeSopsFile } from "./sops-change.ts"
import type { World } from "./world.ts"

const mostWrites = 32

/**
 * Files are flushed to the disk while the next ones are made: the disk takes many at once as fast as one. Disposing of it waits for those
 * that were begun, since the program may end for another reason.
 */
export class Writes implements AsyncDisposable {
  readonly #done: string
  readonly #world: World
  readonly #attempt: (work: () => Promise<void>) => Promise<void>
  readonly #open = new Set<Promise<void>>()
  #failed: unknown

  /**
   * @param done - what is said of each file that was written
   * @param attempt - does the work; where it passes over what fails, the others are written
   */
  constructor(done: string, world: World, attempt: (work: () => Promise<void>) => Promise<void> = (work) => work()) {
    this.#done = done
    this.#world = world
    this.#attempt = attempt
  }

  /** @throws what an earlier write threw */
  async begin(read: ReadFile, bytes: Uint8Array): Promise<void> {
    if (this.#open.size >= mostWrites) await Promise.race(this.#open)
    if (this.#failed !== undefined) return this.end()
    const write = this.#attempt(() => this.#write(read, bytes)).catch((failure: unknown) => {
      this.#failed ??= failure
    })
    this.#open.add(write)
    void write.then(() => this.#open.delete(write))
  }

  async #write(read: ReadFile, bytes: Uint8Array): Promise<void> {
    await locate(read.path, () => writeSopsFile(read, bytes, this.#world))
    this.#world.err(`${printable(read.path)}: ${this.#done}\n`)
  }

  /** Waits for all that were begun. @throws what the first of them that failed threw */
  async end(): Promise<void> {
    await Promise.all(this.#open)
    if (this.#failed !== undefined) throw this.#failed as Error
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#open)
  }
}
