/** The texts that Go gives to numbers, times and booleans. They are what SOPS encrypts and authenticates, so each digit counts. */
import type { Leaf } from "./tree.ts"

const maxInt64 = 2n ** 63n - 1n
const minInt64 = -(2n ** 63n)

/** Whether an integer is one to sops, which has 64 bits with a sign. */
export function fitsInt64(value: bigint): boolean {
  return value >= minInt64 && value <= maxInt64
}

/** Shortest digits that read back as the number, and the power of ten before which the decimal point stands. */
function shortestDigits(value: number): { sign: string; digits: string; point: number } {
  const sign = value < 0 || Object.is(value, -0) ? "-" : ""
  const [mantissa, exponent] = Math.abs(value).toExponential().split("e")
  return { sign, digits: mantissa!.replace(".", ""), point: Number(exponent) + 1 }
}

function special(value: number): string | null {
  if (Number.isNaN(value)) return "NaN"
  if (value === Number.POSITIVE_INFINITY) return "+Inf"
  if (value === Number.NEGATIVE_INFINITY) return "-Inf"
  return null
}

/** Go's `strconv.FormatFloat(value, 'f', -1, 64)`: shortest digits, never an exponent. */
export function formatFixed(value: number): string {
  const text = special(value)
  if (text !== null) return text
  if (value === 0) return Object.is(value, -0) ? "-0" : "0"
  const { sign, digits, point } = shortestDigits(value)
  if (point <= 0) return `${sign}0.${"0".repeat(-point)}${digits}`
  if (point >= digits.length) return sign + digits + "0".repeat(point - digits.length)
  return `${sign}${digits.slice(0, point)}.${digits.slice(point)}`
}

/** Go's `strconv.FormatFloat(value, 'g', -1, 64)`: shortest digits, with an exponent below 1e-4 and from 1e6 on. */
export function formatGeneral(value: number, letter: "e" | "E" = "e"): string {
  const text = special(value)
  if (text !== null) return text
  if (value === 0) return Object.is(value, -0) ? "-0" : "0"
  const { sign, digits, point } = shortestDigits(value)
  const exponent = point - 1
  if (exponent >= -4 && exponent < exponentFrom) return formatFixed(value)
  const mantissa = digits.length === 1 ? digits : `${digits[0]!}.${digits.slice(1)}`
  const size = String(Math.abs(exponent)).padStart(2, "0")
  return `${sign}${mantissa}${letter}${exponent < 0 ? "-" : "+"}${size}`
}

/** With shortest digits, Go's `%g` turns to an exponent at this power of ten. */
const exponentFrom = 6

/** The text that is encrypted and goes into the MAC; null for what never is. */
export function plainText(leaf: Leaf): string | null {
  switch (leaf.type) {
    case "str":
    case "time":
      return leaf.value
    case "int":
      return leaf.value.toString()
    case "float":
      return formatFixed(leaf.value)
    case "bool":
      return leaf.value ? "True" : "False"
    case "null":
      return null
  }
}

/** Go's `strconv.Atoi`; null where it fails. */
export function parseInt64(text: string): bigint | null {
  if (!/^[-+]?[0-9]+$/.test(text)) return null
  const value = BigInt(text.replace(/^\+/, ""))
  return fitsInt64(value) ? value : null
}

/** Go's `strconv.ParseFloat(text, 64)`, but for hexadecimal, which nothing writes; null where it fails. */
export function parseFloat64(text: string): number | null {
  const word = /^([-+]?)(inf|infinity|nan)$/i.exec(text)
  if (word !== null) {
    if (word[2]!.toLowerCase() === "nan") return word[1] === "" ? Number.NaN : null
    return word[1] === "-" ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
  }
  if (!/^[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?$/.test(text)) return null
  const value = Number(text)
  return Number.isFinite(value) ? value : null
}

/** Go's `strconv.ParseBool`; null where it fails. */
export function parseBool(text: string): boolean | null {
  if (["1", "t", "T", "true", "TRUE", "True"].includes(text)) return true
  if (["0", "f", "F", "false", "FALSE", "False"].includes(text)) return false
  return null
}

/** How formats without types (dotenv, ini) write a value that is no text. */
export function untypedText(leaf: Leaf): string {
  switch (leaf.type) {
    case "str":
      return leaf.value
    case "int":
      return leaf.value.toString()
    case "bool":
      return leaf.value ? "true" : "false"
    case "time":
      // sops drops fractions of a second here (RFC 3339 without them).
      return leaf.value.replace(/\.\d+/, "")
    case "null":
      return "<nil>"
    case "float": {
      const text = formatGeneral(leaf.value, "E")
      return /[.E]/.test(text) ? text : formatFixedOneDecimal(leaf.value)
    }
  }
}

function formatFixedOneDecimal(value: number): string {
  return special(value) ?? `${formatFixed(value)}.0`
}
