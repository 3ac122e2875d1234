/** How go-yaml writes a scalar that has no style of its own: plain where that reads back as the same value, else quoted. */
import { byteLength, encodeText, isValidText } from "../text.ts"
import type { Leaf, OddKey } from "../tree.ts"
import { formatGeneral } from "../value.ts"
import { isBreak } from "./cursor.ts"
import { resolvePlain } from "./resolve.ts"

export type WrittenScalar = Readonly<{
  tag: "" | "!!binary" | "!!merge"
  style: "plain" | "single" | "double" | "literal"
  value: string
  /** Bytes, tag included; a key longer than 128 is written with a "?". */
  length: number
  multiline: boolean
}>

/** What the characters of a text allow. */
type Allowed = { plain: boolean; single: boolean; block: boolean; multiline: boolean }

const everyday = /^[A-Za-z0-9_./+=][A-Za-z0-9_./+=[\],:-]*$/
const special = /[^\t\n -~\u00a0-\ud7ff\ue000-\ufefe\uff00-\ufffd]/u

/** @see [YAML 1.1] 9.1; go-yaml `yaml_emitter_analyze_scalar` */
function analyze(value: string): Allowed {
  if (value === "") return { plain: true, single: true, block: false, multiline: false }
  if (everyday.test(value) && !value.startsWith("...") && !value.endsWith(":")) {
    return { plain: true, single: true, block: true, multiline: false }
  }
  const multiline = /[\n\r\u0085\u2028\u2029]/.test(value)
  const hasSpecial = special.test(value)
  const spaceBreak = / [\n\r\u0085\u2028\u2029]/.test(value)
  const breakSpace = /[\n\r\u0085\u2028\u2029] /.test(value)
  const trailingSpace = value.endsWith(" ")
  const edge =
    value.startsWith(" ") ||
    trailingSpace ||
    isBreak(value.charCodeAt(0)) ||
    isBreak(value.charCodeAt(value.length - 1))
  const indicators =
    /^(---|\.\.\.|[#,[\]{}&*!|>'"%@`]|[?:-]([ \t]|$))/.test(value) ||
    /:([ \t]|$)/.test(value) ||
    /[ \t\n\r\u0085\u2028\u2029]#/.test(value)
  const tab = value.includes("\t")
  return {
    plain: !(multiline || hasSpecial || edge || indicators || tab || breakSpace || spaceBreak),
    single: !(breakSpace || spaceBreak || tab || hasSpecial),
    block: !(trailingSpace || spaceBreak || hasSpecial),
    multiline,
  }
}

const base60 = /^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$/
/** YAML 1.1 took these for booleans; readers of it exist. */
const oldBooleans = new Set("y Y yes Yes YES on On ON n N no No NO off Off OFF".split(" "))

export function scalarOf(leaf: Leaf | OddKey): WrittenScalar {
  switch (leaf.type) {
    case "str":
      return textScalar(leaf.value)
    case "time":
      return plain(leaf.value)
    case "int":
      return plain(leaf.value.toString())
    case "float":
      return plain(floatText(leaf.value))
    case "bool":
      return plain(leaf.value ? "true" : "false")
    case "null":
    case "collection":
      return plain("null")
  }
}

function floatText(value: number): string {
  if (Number.isNaN(value)) return ".nan"
  if (!Number.isFinite(value)) return value > 0 ? ".inf" : "-.inf"
  return formatGeneral(value)
}

function plain(value: string): WrittenScalar {
  return { tag: "", style: "plain", value, length: value.length, multiline: false }
}

function textScalar(value: string): WrittenScalar {
  if (!isValidText(value)) return binaryScalar(value)
  if (value === "<<") return { tag: "!!merge", style: "plain", value, length: 9, multiline: false }
  const allowed = analyze(value)
  const style = textStyle(value, allowed)
  return {
    tag: "",
    style,
    value,
    length: value.length > 128 ? value.length : byteLength(value),
    multiline: allowed.multiline,
  }
}

function textStyle(value: string, allowed: Allowed): WrittenScalar["style"] {
  if (value.includes("\n")) {
    // go-yaml writes a literal that begins with a tab too, and cannot read it back (sops then writes null).
    return allowed.block && !value.startsWith("\t") ? "literal" : "double"
  }
  if (resolvePlain(value).type !== "str" || base60.test(value) || oldBooleans.has(value)) return "double"
  if (allowed.plain) return "plain"
  return allowed.single ? "single" : "double"
}

function binaryScalar(value: string): WrittenScalar {
  const digits = Buffer.from(encodeText(value)).toString("base64")
  const lines = digits.length < 70 ? digits : digits.replace(/.{1,70}/g, "$&\n")
  const multiline = lines.includes("\n")
  return { tag: "!!binary", style: multiline ? "literal" : "plain", value: lines, length: lines.length + 8, multiline }
}

const letters: ReadonlyMap<number, string> = new Map([
  [0x00, "0"],
  [0x07, "a"],
  [0x08, "b"],
  [0x09, "t"],
  [0x0a, "n"],
  [0x0b, "v"],
  [0x0c, "f"],
  [0x0d, "r"],
  [0x1b, "e"],
  [0x22, '"'],
  [0x5c, "\\"],
  [0x85, "N"],
  [0xa0, "_"],
  [0x2028, "L"],
  [0x2029, "P"],
])

function escapePoint(character: string): string {
  const point = character.codePointAt(0)!
  const letter = letters.get(point)
  if (letter !== undefined) return `\\${letter}`
  const hex = point.toString(16).toUpperCase()
  if (point <= 0xff) return `\\x${hex.padStart(2, "0")}`
  if (point <= 0xffff) return `\\u${hex.padStart(4, "0")}`
  return `\\U${hex.padStart(8, "0")}`
}

/** The inside of a double-quoted scalar. [YAML 1.1] 9.1.1 */
export function escapeDouble(value: string): string {
  // go-yaml escapes every character of a text that begins with a byte-order mark.
  if (value.startsWith("\ufeff")) return Array.from(value, escapePoint).join("")
  return value.replace(/[^ !#-[\]-~\u00a0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd]/gu, escapePoint)
}
