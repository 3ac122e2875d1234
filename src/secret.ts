/** Secret bytes with an owner: they show themselves to nobody, and are zeroed when the owner lets go. */

/**
 * Owns secret bytes (a PIN, a file key, a data key, a shared secret). Printing, logging, JSON and string concatenation give
 * `[file key]`, never the bytes; `use` is the one way in. What JavaScript strings hold cannot be zeroed: docs/security.md.
 */
export class Secret<Kind extends string> implements Disposable {
  readonly kind: Kind
  #bytes: Uint8Array | null

  private constructor(kind: Kind, bytes: Uint8Array) {
    this.kind = kind
    this.#bytes = bytes
  }

  /** Takes over `bytes`; the caller must not keep them. */
  static owning<Kind extends string>(kind: Kind, bytes: Uint8Array): Secret<Kind> {
    // A Buffer's `slice` does not copy; behind a plain view nobody can be surprised by that.
    return new Secret(kind, new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength))
  }

  /** Length in bytes. */
  get length(): number {
    return this.#open().length
  }

  /**
   * Lends the bytes to `work`, which must neither keep nor return them.
   * @throws TypeError after the secret was disposed of: a mistake of ours
   */
  use<T>(work: (bytes: Uint8Array) => T): T {
    return work(this.#open())
  }

  /** An independent copy with an owner of its own. */
  clone(): Secret<Kind> {
    return new Secret(this.kind, this.#open().slice())
  }

  [Symbol.dispose](): void {
    this.#bytes?.fill(0)
    this.#bytes = null
  }

  toString(): string {
    return `[${this.kind}]`
  }

  toJSON(): string {
    return this.toString()
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString()
  }

  #open(): Uint8Array {
    if (this.#bytes === null) throw new TypeError(`the ${this.kind} was already let go of`)
    return this.#bytes
  }
}
