/** Encrypts and decrypts whole trees, and computes their MAC on the way. [sops] sops.go. Trees are returned, never changed. */
import type { KeyPath } from "../failure.ts"
import { quote } from "../quote.ts"
import { additionalDataOf, type DataKey, decryptValue, encryptValue, type IvStash, looksEncrypted } from "./cipher.ts"
import { SelectionInvalid, ValueDamaged, ValueUnsupported } from "./failures.ts"
import { Mac } from "./mac.ts"
import type { Selector } from "./selection.ts"
import {
  type Branch,
  branch,
  type Comment,
  comment,
  type Documents,
  type Entry,
  entry,
  type Leaf,
  list,
  str,
  type Value,
} from "./tree.ts"
import { fitsInt64 } from "./value.ts"

export type CryptOptions = Readonly<{
  key: DataKey
  selector: Selector
  macOnlyEncrypted: boolean
  ivs?: IvStash
}>

/** A tree and the MAC over its plain values, not yet encrypted. */
export type Crypted = Readonly<{ documents: Documents; mac: string }>

/**
 * Encrypts what the selector selects.
 * @throws ValueUnsupported for keys that are no text and integers beyond 64 bits; SelectionInvalid
 */
export function encryptDocuments(documents: Documents, options: CryptOptions): Crypted {
  return walkDocuments(documents, new Encryption(options), options)
}

/**
 * Decrypts what the selector selects.
 * @throws ValueDamaged with the key path
 */
export function decryptDocuments(documents: Documents, options: CryptOptions): Crypted {
  return walkDocuments(documents, new Decryption(options), options)
}

/** What happens to one leaf or comment. Its result may be of the other kind: lists keep encrypted comments as texts. */
type Visitor = {
  leaf(value: Leaf, place: Place, encrypted: boolean): Leaf | Comment
  comment(value: Comment, place: Place, encrypted: boolean): Comment
  /** An encrypted comment in a list is a text. */
  commentInList(value: Comment, place: Place, encrypted: boolean): Leaf | Comment
  readonly mac: Mac
}

type Place = { keys: readonly string[]; path: () => KeyPath }

function walkDocuments(documents: Documents, visitor: Visitor, options: CryptOptions): Crypted {
  const walk = new Walk(visitor, options.selector)
  const walked = documents.map((document) => walk.branch(document, []))
  return { documents: walked, mac: visitor.mac.text() }
}

/** Of the comments since the last value of a collection. */
class CommentMarks {
  last = false
  earlier = false

  add(marked: boolean): void {
    this.earlier ||= this.last
    this.last = marked
  }

  clear(): void {
    this.last = this.earlier = false
  }
}

class Walk {
  readonly #visitor: Visitor
  readonly #selector: Selector
  readonly #keys: string[] = []
  readonly #comments: CommentMarks[] = []

  constructor(visitor: Visitor, selector: Selector) {
    this.#visitor = visitor
    this.#selector = selector
  }

  branch(map: Branch, path: KeyPath): Branch {
    const marks = new CommentMarks()
    this.#comments.push(marks)
    const items = map.items.map((item): Entry | Comment => {
      if (item.type === "comment") {
        marks.add(this.#selector.marks(item.value))
        return this.#visitor.comment(item, this.#place(path), this.#encrypts(true))
      }
      const { key } = item
      if (typeof key !== "string") throw oddKey(key, path)
      this.#keys.push(key)
      const value = this.#value(item.value, path, key)
      this.#keys.pop()
      marks.clear()
      return entry(key, value)
    })
    this.#comments.pop()
    return branch(items)
  }

  #value(value: Value, parent: KeyPath, step: string | number): Value {
    switch (value.type) {
      case "null":
        return value
      case "map":
        return this.branch(value, [...parent, step])
      case "list":
        return this.#list(value.items, [...parent, step])
      case "str":
      case "int":
      case "float":
      case "bool":
      case "time": {
        const place: Place = { keys: this.#keys, path: () => [...parent, step] }
        const result = this.#visitor.leaf(value, place, this.#encrypts(false))
        if (result.type === "comment") throw new ValueDamaged("a comment, where a value should be", place.path())
        return result
      }
    }
  }

  #list(items: readonly (Value | Comment)[], path: KeyPath): Value {
    const marks = new CommentMarks()
    this.#comments.push(marks)
    const walked = items.map((item, index): Value | Comment => {
      const place: Place = { keys: this.#keys, path: () => [...path, index] }
      if (item.type === "comment") {
        marks.add(this.#selector.marks(item.value))
        return this.#visitor.commentInList(item, place, this.#encrypts(true))
      }
      if (item.type === "str") {
        const result = this.#visitor.leaf(item, place, this.#encrypts(false))
        // What was a comment before encryption leaves the comments before it in force, as a comment does.
        if (result.type !== "comment") marks.clear()
        return result
      }
      const value = this.#value(item, path, index)
      marks.clear()
      return value
    })
    this.#comments.pop()
    return list(walked)
  }

  #encrypts(isComment: boolean): boolean {
    return this.#selector.encrypts(this.#keys, this.#comments, isComment)
  }

  #place(path: KeyPath): Place {
    return { keys: this.#keys, path: () => path }
  }
}

function oddKey(key: Exclude<Entry["key"], string>, path: KeyPath): ValueUnsupported {
  const shown = key.type === "collection" ? "a collection" : key.type === "null" ? "null" : quote(String(key.value))
  return new ValueUnsupported(`has a key that is no text: ${shown}`, {
    where: { keyPath: path },
    hint: "put it in quotes",
  })
}

class Encryption implements Visitor {
  readonly mac: Mac
  readonly #options: CryptOptions

  constructor(options: CryptOptions) {
    this.mac = new Mac(options.macOnlyEncrypted)
    this.#options = options
  }

  leaf(value: Leaf, place: Place, encrypted: boolean): Leaf {
    if (value.type === "int" && !fitsInt64(value.value)) {
      throw new ValueUnsupported("an integer of more than 64 bits with sign, which sops cannot hold", {
        where: { keyPath: place.path() },
        hint: "put it in quotes",
      })
    }
    this.mac.add(value, encrypted)
    return encrypted ? str(this.#seal(value, place)) : value
  }

  comment(value: Comment, place: Place, encrypted: boolean): Comment {
    return encrypted ? comment(this.#sealComment(value, place), value.inline) : value
  }

  commentInList(value: Comment, place: Place, encrypted: boolean): Leaf | Comment {
    return encrypted ? str(this.#sealComment(value, place)) : value
  }

  #sealComment(value: Comment, place: Place): string {
    const sealed = this.#seal(value, place)
    if (this.#options.selector.mistakes(sealed)) {
      throw new SelectionInvalid(
        "unencrypted_comment_regex matches an encrypted comment, so the file could not be decrypted",
        {
          where: { keyPath: place.path() },
          hint: "anchor the expression, for instance with ^",
        },
      )
    }
    return sealed
  }

  #seal(value: Leaf | Comment, place: Place): string {
    return encryptValue(value, this.#options.key, additionalDataOf(place.keys), this.#options.ivs)
  }
}

class Decryption implements Visitor {
  readonly mac: Mac
  readonly #options: CryptOptions

  constructor(options: CryptOptions) {
    this.mac = new Mac(options.macOnlyEncrypted)
    this.#options = options
  }

  leaf(value: Leaf, place: Place, encrypted: boolean): Leaf | Comment {
    let plain: Leaf | Comment = value
    if (encrypted && value.type !== "null") {
      if (value.type !== "str") throw new ValueDamaged("not encrypted, although it should be", place.path())
      plain = decryptValue(
        value.value,
        this.#options.key,
        additionalDataOf(place.keys),
        place.path(),
        this.#options.ivs,
      )
    }
    if (plain.type !== "comment") this.mac.add(plain, encrypted)
    return plain
  }

  comment(value: Comment, place: Place, encrypted: boolean): Comment {
    if (!encrypted || !looksEncrypted(value.value)) return value
    const additionalData = additionalDataOf(place.keys)
    try {
      const plain = decryptValue(value.value, this.#options.key, additionalData, place.path(), this.#options.ivs)
      if (plain.type === "comment") return plain
      return plain.type === "str" ? comment(plain.value, value.inline) : value
    } catch (failure) {
      // Comments are not proven by the MAC, and older versions of sops left them plain.
      if (failure instanceof ValueDamaged) return value
      throw failure
    }
  }

  commentInList(value: Comment, place: Place, encrypted: boolean): Leaf | Comment {
    // An empty comment in a list counts as an empty text to sops, which both of its directions then keep.
    return encrypted && value.value === "" ? str("") : this.comment(value, place, encrypted)
  }
}
