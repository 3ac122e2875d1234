/** Keys without `?`: where one may have begun is only known once its `:` comes. [YAML 1.1] 7.4.2, 9.1.3 */
import type { Cursor, Mark } from "./cursor.ts"

/** A place where a key may have begun. `number` is that of its token, counted from the start of the text. */
export type SimpleKey = { possible: boolean; readonly required: boolean; readonly number: number; readonly mark: Mark }

/** A key ends on its own line, and at most this many characters on. */
const longestKey = 1024

/** One possible key for each flow collection that is open, and one for the block around them. */
export class SimpleKeys {
  readonly #cursor: Cursor
  readonly #open: (SimpleKey | null)[] = [null]
  readonly #byToken = new Map<number, SimpleKey>()

  constructor(cursor: Cursor) {
    this.#cursor = cursor
  }

  /** Whether a token may yet turn out to begin a key. */
  pendingAt(token: number): boolean {
    const key = this.#byToken.get(token)
    return key !== undefined && this.#isPossible(key)
  }

  /** A key may begin here; @param required - nothing else may stand here, so it is an error if it is none */
  save(token: number, required: boolean): void {
    this.drop()
    const key: SimpleKey = { possible: true, required, number: token, mark: this.#cursor.mark() }
    this.#open[this.#open.length - 1] = key
    this.#byToken.set(token, key)
  }

  /** What may have begun as a key is none. */
  drop(): void {
    const key = this.#open[this.#open.length - 1]
    if (key === undefined || key === null) return
    if (key.possible && key.required) this.#missing(key)
    this.#forget(key)
  }

  /** The key that ends here, if there is one; it is then no longer open. */
  take(): SimpleKey | null {
    const key = this.#open[this.#open.length - 1]
    if (key === undefined || key === null || !this.#isPossible(key)) return null
    this.#forget(key)
    return key
  }

  /** A flow collection opens. */
  enter(): void {
    this.#open.push(null)
  }

  /** A flow collection closes. */
  leave(): void {
    const key = this.#open.pop()
    if (key !== undefined && key !== null) this.#forget(key)
  }

  #forget(key: SimpleKey): void {
    key.possible = false
    this.#byToken.delete(key.number)
  }

  #isPossible(key: SimpleKey): boolean {
    if (!key.possible) return false
    if (key.mark.line >= this.#cursor.line && key.mark.index + longestKey >= this.#cursor.index) return true
    if (key.required) this.#missing(key)
    key.possible = false
    return false
  }

  #missing(key: SimpleKey): never {
    return this.#cursor.fail("could not find expected ':'", key.mark.line)
  }
}
