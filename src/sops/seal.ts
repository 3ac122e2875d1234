/**
 * Encrypts, writes, and reads again what was written before anybody gets it. Some documents change when they are read again: `-0.0`
 * comes back as an integer, a comment may move to a neighbour and then be authenticated under another key. Files of sops that are hit
 * by this cannot be decrypted; here such a document is settled first.
 */
import { Failure } from "../failure.ts"
import { looksEncrypted } from "./cipher.ts"
import { type Crypted, type CryptOptions, decryptDocuments, encryptDocuments } from "./crypt.ts"
import { ValueUnsupported } from "./failures.ts"
import type { Layout, Store } from "./stores/store.ts"
import { type Branch, branch, type Comment, type Documents, type Entry, entry, list, type Value } from "./tree.ts"

/** The second try settles what a plain file settles, the third what only the encrypted one does. */
const mostTries = 4

/**
 * @param describe - the metadata, with the MAC in it
 * @returns the file
 * @throws ValueUnsupported when it cannot be settled, or only so that more of it would stand in plain text
 */
export function seal(
  documents: Documents,
  store: Store,
  layout: Layout | undefined,
  options: CryptOptions,
  describe: (mac: string) => Branch,
): Uint8Array {
  let candidate = documents
  let mostPlain = Number.POSITIVE_INFINITY
  for (let tries = 0; tries < mostTries; tries++) {
    const { documents: encrypted, mac } = encryptDocuments(candidate, options)
    const { plain } = tally(encrypted)
    // A comment has come to say of more values that they stay plain.
    if (plain > mostPlain) break
    mostPlain = plain
    const bytes = store.emitEncrypted({ documents: encrypted, metadata: describe(mac) }, layout)
    const back = readBack(bytes, store, options)
    // What is read back sealed would stay so for ever.
    if (back?.mac === mac && tally(back.documents).sealed <= tally(documents).sealed) return bytes
    candidate =
      back === null || tries === 0
        ? store.parse(store.emit(candidate, layout))
        : unsealed(back.documents, originals(candidate, encrypted))
  }
  throw new ValueUnsupported("cannot be encrypted so that it could be decrypted again: what is read back differs", {
    hint: "move or remove the comments near keys of several lines, and write numbers plainly",
  })
}

function readBack(bytes: Uint8Array, store: Store, { key, selector, macOnlyEncrypted }: CryptOptions): Crypted | null {
  try {
    return decryptDocuments(store.parseEncrypted(bytes).documents, { key, selector, macOnlyEncrypted })
  } catch (failure) {
    if (failure instanceof Failure) return null
    throw failure
  }
}

type Item = Value | Comment | Entry

function itemsOf(item: Item): readonly Item[] {
  if (item.type === "entry") return [item.value]
  return item.type === "map" || item.type === "list" ? item.items : []
}

/** The text of what looks encrypted. */
function sealedText(item: Item): string | null {
  return (item.type === "comment" || item.type === "str") && looksEncrypted(item.value) ? item.value : null
}

/** How many values and comments look encrypted, and how many do not. */
function tally(items: readonly Item[]): { sealed: number; plain: number } {
  const counts = { sealed: 0, plain: 0 }
  for (const item of items) {
    if (item.type === "entry" || item.type === "map" || item.type === "list") {
      const inner = tally(itemsOf(item))
      counts.sealed += inner.sealed
      counts.plain += inner.plain
    } else if (sealedText(item) === null) counts.plain += 1
    else counts.sealed += 1
  }
  return counts
}

type Original = Exclude<Value, { type: "map" | "list" }> | Comment

/** What each ciphertext was made of. */
function originals(plain: readonly Item[], encrypted: readonly Item[]): Map<string, Original> {
  const found = new Map<string, Original>()
  for (const [index, item] of plain.entries()) {
    const other = encrypted[index]
    if (other === undefined) continue
    const text = sealedText(other)
    if (item.type === "entry" || item.type === "map" || item.type === "list")
      for (const pair of originals(itemsOf(item), itemsOf(other))) found.set(...pair)
    else if (text !== null) found.set(text, item)
  }
  return found
}

/** Documents as they were read back, with what is still sealed at its place as it was before. */
function unsealed(documents: Documents, known: ReadonlyMap<string, Original>): Documents {
  const original = (item: Comment | Value): Original | undefined => known.get(sealedText(item) ?? "")
  const commentOf = (item: Comment): Comment => {
    const was = original(item)
    return was?.type === "comment" ? { ...was, inline: item.inline } : item
  }
  const valueOf = (item: Value): Value => {
    if (item.type === "map") return mapOf(item)
    if (item.type === "list")
      return list(item.items.map((one) => (one.type === "comment" ? commentOf(one) : (original(one) ?? valueOf(one)))))
    const was = original(item)
    return was === undefined || was.type === "comment" ? item : was
  }
  const mapOf = (map: Branch): Branch =>
    branch(map.items.map((item) => (item.type === "comment" ? commentOf(item) : entry(item.key, valueOf(item.value)))))
  return documents.map(mapOf)
}
