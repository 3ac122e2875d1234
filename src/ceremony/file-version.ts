/** What a version of a SOPS file shows without any key: who can open it, and of each value a mark, its type and its length. */
import { Failure, type KeyPath } from "../failure.ts"
import { additionalDataOf, encFields } from "../sops/cipher.ts"
import { type ConfigKey, configKeyOf } from "../sops/config-keys.ts"
import { type EncryptedFile, readEncrypted } from "../sops/file.ts"
import { formatOfEncrypted, formatOfName } from "../sops/format.ts"
import { groupsNeeded, type MasterKey } from "../sops/metadata.ts"
import { type Branch, type Documents, type Entry, type Leaf, type Value, valueOf } from "../sops/tree.ts"

/**
 * An encrypted value. `keys`: its map keys, which its ciphertext is bound to; `tag`: 16 bytes in base64, by which a ciphertext is known
 * wherever it stands; `length`: of the plain text, in bytes.
 */
export type SealedValue = Readonly<{ path: KeyPath; keys: string; tag: string; type: string; length: number }>

/** A leaf that stands there in plain text, for everybody who has the file. */
export type PlainValue = Readonly<{ path: KeyPath; keys: readonly string[] }>

export type FileVersion = Readonly<{
  /** Keys by what tells them apart, group by group. */
  groups: readonly (readonly string[])[]
  /** How many groups open it. */
  needed: number
  /** A mark of each wrapped data key: files that share one have the same data key. */
  wraps: readonly string[]
  sealed: readonly SealedValue[]
  plain: readonly PlainValue[]
}>

/** `plain`: no SOPS file. `unreadable`: one that cannot be read, for instance with conflict markers in it. */
export type VersionState = Readonly<{ state: "sops"; version: FileVersion } | { state: "plain" | "unreadable" }>

/** How the audit knows a key: its recipient; for other kinds of keys the kind, and the name that `.sops.yaml` gives it. */
export function keyId(key: MasterKey): string {
  return wantedKeyId(configKeyOf(key))
}

/** The same for a key that `.sops.yaml` names. */
export function wantedKeyId({ type, name }: ConfigKey): string {
  return type === "age" ? name : `${type} ${name}`
}

/** Reads a version. @param path - whose name may say the format */
export async function readVersion(path: string, bytes: Uint8Array): Promise<VersionState> {
  const format = formatOfEncrypted(path, bytes)
  if (format === null) return { state: "plain" }
  try {
    return { state: "sops", version: versionOf(await readEncrypted(bytes, format)) }
  } catch (failure) {
    if (failure instanceof Failure) return { state: "unreadable" }
    throw failure
  }
}

/** What differs between versions of a file of one shape: values, wrapped keys, and the time. */
const varying =
  /ENC\[AES256_GCM,data:([A-Za-z0-9+/=]*),iv:[A-Za-z0-9+/=]+,tag:([A-Za-z0-9+/=]+),type:([a-z]+)\]|-----BEGIN AGE ENCRYPTED FILE-----((?:[A-Za-z0-9+/=\s]|\\n)*)-----END AGE ENCRYPTED FILE-----|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g

const anyData = "AAAA"
const anyTime = "2000-01-01T00:00:00Z"

/** Shapes that are kept; a history with more of them is read without. */
const mostShapes = 4096

/**
 * Reads many versions. Most differ in nothing but ciphertexts, so what is left of a file without them, its shape, is parsed once.
 */
export class VersionReader {
  /** "none": what varies stands in names too, so the shape says too little. */
  readonly #shapes = new Map<string, VersionState | "none">()

  /** The same as `readVersion`. */
  async read(path: string, bytes: Uint8Array): Promise<VersionState> {
    const parts: Pick<SealedValue, "tag" | "length">[] = []
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1")
    const shape = text.replace(varying, (found, data?: string, tag?: string, type?: string, body?: string) => {
      if (tag !== undefined) {
        parts.push({ tag, length: base64Length(data ?? "") })
        return `ENC[AES256_GCM,data:${anyData},iv:${anyData},tag:${placeholder(parts.length - 1)},type:${type ?? ""}]`
      }
      if (body === undefined) return anyTime
      const mark = markOf(body)
      if (mark.length < markLength) return found
      parts.push({ tag: mark, length: 0 })
      return `-----BEGIN AGE ENCRYPTED FILE-----${emptied(body)}${placeholder(parts.length - 1)}-----END AGE ENCRYPTED FILE-----`
    })
    if (parts.length === 0) return readVersion(path, bytes)
    const key = `${formatOfName(path)} ${shape}`
    let state = this.#shapes.get(key)
    if (state === undefined) {
      const read = await readVersion(path, Buffer.from(shape, "latin1"))
      state = isFaithful(read) ? read : "none"
      if (this.#shapes.size >= mostShapes) this.#shapes.clear()
      this.#shapes.set(key, state)
    }
    if (state === "none") return readVersion(path, bytes)
    return state.state === "sops" ? { state: "sops", version: filled(state.version, parts) } : state
  }
}

/** An armored text without its base64: lines and indentation, which are of the shape, stay. `\n` is a line's end in JSON and INI. */
function emptied(body: string): string {
  return body.replace(/(\s+|\\n)|[A-Za-z0-9+/=]+/g, (_, space?: string) => space ?? "A")
}

/** What stands for a part in a shape: no tag and no wrapped key has a hyphen, and no rest of it is without. */
function placeholder(number: number): string {
  return `part-${String(number).padStart(markLength - 6, "0")}-`
}

const placeholders = /^part-(\d+)-$/

/** Whether what was put in for what varies stands where it belongs, and nowhere else. */
function isFaithful(state: VersionState): boolean {
  // A part may be a key of a damaged file, without which it cannot be read.
  if (state.state !== "sops") return false
  const { groups, sealed, plain, wraps } = state.version
  const names = [...groups.flat(), ...[...sealed, ...plain].flatMap(({ path }) => path.map(String))]
  return (
    !names.some((name) => name.includes("part-") || name.includes(anyTime)) &&
    sealed.every(({ tag, length }) => placeholders.test(tag) && length === base64Length(anyData)) &&
    wraps.every((mark) => placeholders.test(mark) || !mark.includes("-"))
  )
}

function filled(version: FileVersion, parts: readonly Pick<SealedValue, "tag" | "length">[]): FileVersion {
  const part = (tag: string): Pick<SealedValue, "tag" | "length"> | undefined => {
    const number = placeholders.exec(tag)?.[1]
    return number === undefined ? undefined : parts[Number(number)]
  }
  return {
    ...version,
    wraps: version.wraps.map((mark) => part(mark)?.tag ?? mark),
    sealed: version.sealed.map((value) => ({ ...value, ...part(value.tag) })),
  }
}

/** What a file that was read shows. */
export function versionOf({ metadata, documents }: EncryptedFile): FileVersion {
  const sealed: SealedValue[] = []
  const plain: PlainValue[] = []
  eachLeaf(documents, (leaf, path, keys) => {
    if (leaf.type === "null") return
    const enc = leaf.type === "str" ? encFields(leaf.value) : null
    if (enc !== null) {
      const { tag, type, data } = enc
      sealed.push({ path, keys: additionalDataOf(keys), tag, type, length: base64Length(data) })
      // An empty text stays empty when it is encrypted.
    } else if (leaf.type !== "str" || leaf.value !== "") plain.push({ path, keys: [...keys] })
  })
  return {
    groups: metadata.groups.map((group) => group.map(keyId)),
    needed: groupsNeeded(metadata),
    wraps: metadata.groups.flatMap((group) => group.flatMap((key) => wrapMark(key) ?? [])),
    sealed,
    plain,
  }
}

function base64Length(text: string): number {
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0
  return (text.length / 4) * 3 - padding
}

/** The end of what is wrapped, where the tag is: no two are alike. */
function wrapMark(key: MasterKey): string | null {
  let enc = ""
  if (key.type === "age") enc = key.enc
  else {
    const value = valueOf(key.fields, "enc")
    if (value?.type === "str") enc = value.value
  }
  const mark = markOf(enc.replace(/-----END [^-]*-----\s*$/, ""))
  return mark.length < markLength ? null : mark
}

const markLength = 32

function markOf(body: string): string {
  return body
    .slice(-120)
    .replaceAll(/\s|\\n/g, "")
    .slice(-markLength)
}

/** Walks all leaves. In files of several documents, those after the first have its number before their path. */
function eachLeaf(documents: Documents, visit: (leaf: Leaf, path: KeyPath, keys: readonly string[]) => void): void {
  const keys: string[] = []
  const walk = (value: Value, path: KeyPath): void => {
    if (value.type === "map") walkMap(value, path)
    else if (value.type === "list")
      value.items.forEach((item, index) => {
        if (item.type !== "comment") walk(item, [...path, index])
      })
    else visit(value, path, keys)
  }
  const walkMap = (map: Branch, path: KeyPath): void => {
    for (const item of map.items) {
      // sops encrypts nothing under a key that is no text.
      if (item.type === "comment" || !hasTextKey(item)) continue
      keys.push(item.key)
      walk(item.value, [...path, item.key])
      keys.pop()
    }
  }
  documents.forEach((document, index) => walkMap(document, index === 0 ? [] : [index]))
}

function hasTextKey(item: Entry): item is Entry & { key: string } {
  return typeof item.key === "string"
}
