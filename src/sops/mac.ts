/**
 * The message authentication code of a file: SHA-512 over the plain values in document order, one after the other without
 * separators, in upper-case hexadecimal, encrypted like a value with `lastmodified` as its additional data.
 *
 * It covers every value (only the encrypted ones with `mac_only_encrypted`), so values cannot be changed, added, dropped or
 * reordered. It does not cover keys, comments, nulls and empty collections; a key is proven by the additional data of its
 * encrypted values alone. [sops] sops.go, `Encrypt` and `Decrypt`.
 */
import { createHash, type Hash } from "node:crypto"
import { encodeText } from "./text.ts"
import type { Leaf } from "./tree.ts"
import { plainText } from "./value.ts"

export class Mac {
  readonly #hash: Hash = createHash("sha512")
  readonly #onlyEncrypted: boolean

  /** @param onlyEncrypted - `mac_only_encrypted`, which makes a MAC that differs even where all values are encrypted */
  constructor(onlyEncrypted: boolean) {
    this.#onlyEncrypted = onlyEncrypted
    if (onlyEncrypted) this.#hash.update(createHash("sha256").update("sops").digest())
  }

  add(leaf: Leaf, encrypted: boolean): void {
    if (this.#onlyEncrypted && !encrypted) return
    const text = plainText(leaf)
    if (text !== null) this.#hash.update(encodeText(text))
  }

  text(): string {
    return this.#hash.digest("hex").toUpperCase()
  }
}
