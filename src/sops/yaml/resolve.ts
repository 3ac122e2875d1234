/** What type a scalar has: its tag, or the look of its text. [YAML 1.1] 10.1 as go-yaml v3 narrows and widens it. */

import { SyntaxInvalid } from "../failures.ts"
import { decodeText } from "../text.ts"
import { type Leaf, NULL, str } from "../tree.ts"
import type { YamlNode } from "./node.ts"
import { parseTimestamp } from "./timestamp.ts"

const prefix = "tag:yaml.org,2002:"

/** `!!int` for `tag:yaml.org,2002:int`; other tags stay. */
export function shortTag(tag: string): string {
  return tag.startsWith(prefix) ? `!!${tag.slice(prefix.length)}` : tag
}

const words: ReadonlyMap<string, Leaf> = new Map<string, Leaf>([
  ...["true", "True", "TRUE"].map((word) => [word, { type: "bool", value: true }] as const),
  ...["false", "False", "FALSE"].map((word) => [word, { type: "bool", value: false }] as const),
  ...["~", "null", "Null", "NULL"].map((word) => [word, NULL] as const),
  ...[".nan", ".NaN", ".NAN"].map((word) => [word, { type: "float", value: Number.NaN }] as const),
  ...[".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"].map(
    (word) => [word, { type: "float", value: Number.POSITIVE_INFINITY }] as const,
  ),
  ...["-.inf", "-.Inf", "-.INF"].map((word) => [word, { type: "float", value: Number.NEGATIVE_INFINITY }] as const),
])

const integer = /^([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[oO]([0-7]+)|0[bB]([01]+)|0([0-7]*)|([1-9][0-9]*))$/
/** go-yaml also takes a sign after the prefix. */
const signedInside = /^0(?:b([-+]?[01]+)|o([-+]?[0-7]+))$/
const float = /^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/
const pointFloat = /^\.[0-9]+([eE][-+]?[0-9]+)?$/
const maxUint64 = 2n ** 64n - 1n
const maxInt64 = 2n ** 63n - 1n

/** The integer that Go's ParseInt or ParseUint with base 0 reads; null if there is none, or it does not fit 64 bits. */
function parseInteger(plain: string): bigint | null {
  const match = integer.exec(plain)
  if (match === null) {
    const inside = signedInside.exec(plain)
    if (inside === null) return null
    const digits = inside[1] ?? inside[2]!
    const magnitude = BigInt((inside[1] === undefined ? "0o" : "0b") + digits.replace(/^[-+]/, ""))
    return digits.startsWith("-") ? -magnitude : magnitude
  }
  const [, sign, hex, octal, binary, oldOctal, decimal] = match
  let value: bigint
  if (decimal !== undefined) value = BigInt(decimal)
  else if (hex !== undefined) value = BigInt(`0x${hex}`)
  else if (binary !== undefined) value = BigInt(`0b${binary}`)
  else value = BigInt(`0o${octal ?? (oldOctal === "" ? "0" : oldOctal!)}`)
  if (sign === "-") return value > maxInt64 + 1n ? null : -value
  return value > (sign === "+" ? maxInt64 : maxUint64) ? null : value
}

function parseFloat64(text: string): Leaf | null {
  const value = Number(text)
  return Number.isFinite(value) ? { type: "float", value } : null
}

/** Code of the first character decides what a plain scalar may be at all. */
function mayBeSpecial(first: number): boolean {
  // + - . 0-9 and the letters that "true", "null", "~" and their like begin with.
  return first <= 0x39
    ? first === 0x2b || (first >= 0x2d && first !== 0x2f)
    : "yYnNtTfFoO~".includes(String.fromCharCode(first))
}

/** Type and value of a scalar without quotes or tag. */
export function resolvePlain(text: string): Leaf {
  if (text === "") return NULL
  const first = text.charCodeAt(0)
  if (!mayBeSpecial(first)) return str(text)
  const word = words.get(text)
  if (word !== undefined) return word
  if (first === 0x2e) return (pointFloat.test(text) ? parseFloat64(text) : null) ?? str(text)
  if (first > 0x39) return str(text)
  const time = parseTimestamp(text)
  if (time !== null) return { type: "time", value: time }
  const plain = text.includes("_") ? text.replaceAll("_", "") : text
  const int = parseInteger(plain)
  if (int !== null) return { type: "int", value: int }
  return (float.test(plain) ? parseFloat64(plain) : null) ?? str(text)
}

const tagTypes: ReadonlyMap<string, Leaf["type"]> = new Map([
  ["!!bool", "bool"],
  ["!!int", "int"],
  ["!!float", "float"],
  ["!!null", "null"],
  ["!!timestamp", "time"],
])

/**
 * The value of a scalar node.
 * @throws SyntaxInvalid when its tag and its text do not agree
 */
export function resolveScalar(node: YamlNode & { kind: "scalar" }): Leaf {
  const { tag, value, style } = node
  if (tag === "") return style === "plain" ? resolvePlain(value) : str(value)
  if (tag === "!!binary") return str(decodeText(fromBase64(node)))
  const wanted = tagTypes.get(tag)
  if (wanted === undefined) return str(value)
  const leaf = resolvePlain(value)
  if (leaf.type === wanted) return leaf
  if (wanted === "float" && leaf.type === "int") return { type: "float", value: Number(leaf.value) }
  throw new SyntaxInvalid("YAML", `the tag ${tag} does not fit the value`, node.textLine)
}

function fromBase64(node: YamlNode & { kind: "scalar" }): Uint8Array {
  const digits = node.value.replace(/[\r\n]/g, "")
  const bytes = Buffer.from(digits, "base64")
  if (bytes.toString("base64") !== digits) {
    throw new SyntaxInvalid("YAML", "!!binary value is not valid base64", node.textLine)
  }
  return bytes
}
