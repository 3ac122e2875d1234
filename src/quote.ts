/** Text from files, cards and other programs, made safe to print: it can move no cursor, hide nothing and reverse nothing. */

/**
 * Characters that a terminal acts on or does not show: C0 and C1 controls, DEL, soft hyphen, zero-width and direction marks,
 * line and paragraph separators, lone surrogates, the byte-order mark and interlinear annotation.
 */
const unsafe = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/gu

/** A secret key of age that somebody put where it does not belong: messages end up in logs. */
const secretKey = /(age-secret-key-(?:pq-)?1)[0-9a-z]+/gi

function escapeCharacter(character: string): string {
  if (character === "\n") return "\\n"
  if (character === "\r") return "\\r"
  if (character === "\t") return "\\t"
  const point = character.codePointAt(0) ?? 0
  if (point <= 0xff) return `\\x${point.toString(16).padStart(2, "0")}`
  if (point <= 0xffff) return `\\u${point.toString(16).padStart(4, "0")}`
  return `\\U${point.toString(16).padStart(8, "0")}`
}

/**
 * Escapes what a terminal would act on, without adding quotes: for names that are printed bare (files, readers, key names). Of a secret
 * key of age, only its beginning is left.
 * @returns one line of printable text
 */
export function printable(text: string): string {
  return text.replace(secretKey, "$1…").replace(unsafe, escapeCharacter)
}

/**
 * Quotes untrusted text for a message, as Go's %q does, and cuts what is longer than `limit` characters.
 * @returns the text between double quotes, on one line
 */
export function quote(text: string, limit = 100): string {
  const characters = Array.from(text)
  const cut = characters.length > limit
  const shown = (cut ? characters.slice(0, limit).join("") : text).replace(/["\\]/g, "\\$&")
  return `"${printable(shown)}${cut ? "…" : ""}"`
}
