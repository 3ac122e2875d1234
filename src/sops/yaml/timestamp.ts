/** The timestamps that go-yaml recognises, and their one way to be written: Go's RFC3339Nano. [RFC 3339] section 5.6. */

const dateTime =
  /^(\d{4})-(\d{1,2})-(\d{1,2})(?:(?:[Tt](\d{1,2}):(\d{1,2}):(\d{1,2})([.,]\d+)?(Z|[-+]\d\d:\d\d))|(?: +(\d{1,2}):(\d{1,2}):(\d{1,2})([.,]\d+)?))?$/
const strict = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d([.,]\d+)?(Z|[-+]\d\d:\d\d)$/

function daysIn(month: number, year: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28
  return [4, 6, 9, 11].includes(month) ? 30 : 31
}

function two(digits: string | number): string {
  return String(digits).padStart(2, "0")
}

/**
 * Reads a timestamp as an unquoted YAML scalar may be written.
 * @returns it as Go writes it, or null when the text is none
 * @see go-yaml v3 `allowedTimestampFormats`
 */
export function parseTimestamp(text: string): string | null {
  const match = dateTime.exec(text)
  if (match === null) return null
  const [, year, month, day] = match
  const hour = match[4] ?? match[9] ?? "0"
  const minute = match[5] ?? match[10] ?? "0"
  const second = match[6] ?? match[11] ?? "0"
  const fraction = match[7] ?? match[12] ?? ""
  const zone = match[8] ?? "Z"
  if (Number(month) < 1 || Number(month) > 12) return null
  if (Number(day) < 1 || Number(day) > daysIn(Number(month), Number(year))) return null
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return null
  if (zone !== "Z" && (Number(zone.slice(1, 3)) > 23 || Number(zone.slice(4)) > 59)) return null
  const nanoseconds = fraction.slice(1, 10).replace(/0+$/, "")
  const tail = nanoseconds === "" ? "" : `.${nanoseconds}`
  const offset = zone.slice(1) === "00:00" ? "Z" : zone
  return `${year}-${two(month!)}-${two(day!)}T${two(hour)}:${two(minute)}:${two(second)}${tail}${offset}`
}

/** The same for text that must be RFC 3339 in full, as inside an encrypted value. */
export function parseRfc3339(text: string): string | null {
  return strict.test(text) ? parseTimestamp(text) : null
}
