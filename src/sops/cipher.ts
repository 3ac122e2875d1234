/**
 * Encrypts and decrypts single values: `ENC[AES256_GCM,data:…,iv:…,tag:…,type:…]`. AES-256-GCM with an IV of 32 bytes, the key path
 * as additional data. [sops] aes/cipher.go; [GCM] NIST SP 800-38D.
 */
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto"
import type { KeyPath } from "../failure.ts"
import type { Secret } from "../secret.ts"
import { ValueDamaged } from "./failures.ts"
import { decodeText, encodeText } from "./text.ts"
import { type Comment, comment, type Leaf, str } from "./tree.ts"
import { parseBool, parseFloat64, parseInt64, plainText } from "./value.ts"
import { parseRfc3339 } from "./yaml/timestamp.ts"

/** The 32 bytes that a file's values are encrypted with. */
export type DataKey = Secret<"data key">

const ivLength = 32
/** OpenSSL takes none that is longer; nothing writes such a one. */
const longestIv = 128
const tagLength = 16
const prefix = "ENC[AES256_GCM,data:"

/**
 * The IVs of values that were decrypted, so that a value which stays also keeps its ciphertext under the same data key. Where one
 * value occurs twice under one path, the last IV counts for both, as in sops.
 */
export class IvStash {
  readonly #ivs = new Map<string, Uint8Array>()

  keep(value: Leaf | Comment, additionalData: string, iv: Uint8Array): void {
    // sops cannot encrypt with an IV of another length, which only its oldest files have.
    if (iv.length === ivLength) this.#ivs.set(stashKey(value, additionalData), iv)
  }

  find(value: Leaf | Comment, additionalData: string): Uint8Array | undefined {
    return this.#ivs.get(stashKey(value, additionalData))
  }
}

function stashKey(value: Leaf | Comment, additionalData: string): string {
  return `${value.type} ${additionalData.length} ${additionalData}${textOf(value)}`
}

function textOf(value: Leaf | Comment): string {
  return value.type === "comment" ? value.value : (plainText(value) ?? "")
}

/** The additional data of a value: its map keys, each with a colon. List positions are not in it. */
export function additionalDataOf(keys: readonly string[]): string {
  return `${keys.join(":")}:`
}

/**
 * Encrypts a value.
 * @param value - not null, which is never encrypted
 * @param ivs - where the IV of the same value may be found; else it is random
 * @returns the ENC string; "" for an empty text or comment, which stays empty
 */
export function encryptValue(value: Leaf | Comment, key: DataKey, additionalData: string, ivs?: IvStash): string {
  if (value.type === "null") throw new TypeError('"value" is null, which is never encrypted')
  const text = textOf(value)
  if (text === "") return ""
  const iv = ivs?.find(value, additionalData) ?? randomBytes(ivLength)
  return key.use((bytes) => {
    const cipher = createCipheriv("aes-256-gcm", bytes, iv)
    cipher.setAAD(encodeText(additionalData))
    const data = Buffer.concat([cipher.update(encodeText(text)), cipher.final()])
    const tag = cipher.getAuthTag()
    return `${prefix}${data.toString("base64")},iv:${base64(iv)},tag:${tag.toString("base64")},type:${value.type}]`
  })
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64")
}

/** Whether a text looks like an encrypted value. */
export function looksEncrypted(text: string): boolean {
  return text.startsWith(prefix)
}

/** The four parts of an ENC string as they are written: base64 but for the type. */
export type EncFields = Readonly<{ data: string; iv: string; tag: string; type: string }>

/** Takes an ENC string apart, without a key. @returns null when it is none */
export function encFields(text: string): EncFields | null {
  if (!text.startsWith(prefix)) return null
  const end = text.lastIndexOf("]")
  const type = text.lastIndexOf(",type:", end - 1)
  const tag = text.lastIndexOf(",tag:", type - 1)
  const iv = text.lastIndexOf(",iv:", tag - 1)
  // Anything may follow the bracket: sops ignores it.
  if (iv <= prefix.length || tag - iv <= 4 || type - tag <= 5 || end - type <= 6) return null
  return {
    data: text.slice(prefix.length, iv),
    iv: text.slice(iv + 4, tag),
    tag: text.slice(tag + 5, type),
    type: text.slice(type + 6, end),
  }
}

type Parts = { data: Uint8Array; iv: Uint8Array; tag: Uint8Array; type: string }

function splitEnc(text: string): Parts | null {
  const fields = encFields(text)
  if (fields === null) return null
  const data = fromBase64(fields.data)
  const iv = fromBase64(fields.iv)
  const tag = fromBase64(fields.tag)
  return data === null || iv === null || tag === null ? null : { data, iv, tag, type: fields.type }
}

/** Buffer skips what is no base64, so whatever it skipped shows in the length; but it takes the alphabet of URLs too. */
function fromBase64(text: string): Uint8Array | null {
  if (text.includes("-") || text.includes("_")) return null
  const bytes = Buffer.from(text, "base64")
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0
  return text.length % 4 === 0 && bytes.length === (text.length / 4) * 3 - padding ? bytes : null
}

/**
 * Decrypts an ENC string.
 * @param keyPath - where it stands, for the failure
 * @param ivs - takes up the IV
 * @throws ValueDamaged when it is no ENC string, or does not decrypt under this key at this path
 */
export function decryptValue(
  text: string,
  key: DataKey,
  additionalData: string,
  keyPath: KeyPath,
  ivs?: IvStash,
): Leaf | Comment {
  if (text === "") return str("")
  const parts = splitEnc(text)
  if (parts === null) throw new ValueDamaged("not an encrypted value, although it should be one", keyPath)
  const { iv, type } = parts
  // The tag is the last 16 bytes of data and tag, wherever the comma stands.
  const sealed = parts.tag.length === tagLength ? null : Buffer.concat([parts.data, parts.tag])
  const data = sealed === null ? parts.data : sealed.subarray(0, Math.max(sealed.length - tagLength, 0))
  const tag = sealed === null ? parts.tag : sealed.subarray(-tagLength)
  if (tag.length !== tagLength || iv.length === 0) throw new ValueDamaged("encrypted value is cut short", keyPath)
  if (iv.length > longestIv) throw new ValueDamaged(`has an IV of ${iv.length} bytes, 32 are usual`, keyPath)
  const plain = key.use((bytes) => {
    const cipher = createDecipheriv("aes-256-gcm", bytes, iv, { authTagLength: tagLength })
    cipher.setAAD(encodeText(additionalData))
    cipher.setAuthTag(tag)
    try {
      return Buffer.concat([cipher.update(data), cipher.final()])
    } catch (cause) {
      throw new ValueDamaged("does not decrypt with the file's data key", keyPath, cause)
    }
  })
  const value = typedValue(decodeText(plain), type)
  plain.fill(0)
  if (value === null) throw new ValueDamaged("decrypts to something that its type does not have", keyPath)
  ivs?.keep(value, additionalData, iv)
  return value
}

function typedValue(text: string, type: string): Leaf | Comment | null {
  switch (type) {
    case "str":
    case "bytes":
      return str(text)
    case "comment":
      return comment(text)
    case "int": {
      const value = parseInt64(text)
      return value === null ? null : { type, value }
    }
    case "float": {
      const value = parseFloat64(text)
      return value === null ? null : { type, value }
    }
    case "bool": {
      const value = parseBool(text)
      return value === null ? null : { type, value }
    }
    case "time": {
      const value = parseRfc3339(text)
      return value === null ? null : { type, value }
    }
    default:
      return null
  }
}
