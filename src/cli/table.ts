/** Tables of a few columns, aligned by what a terminal shows. */

/** Cells that are wider than a letter: East Asian wide and emoji. [UAX 11], as far as names in certificates and files go. */
const wide =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}]/u

/** Columns that a text takes on a terminal. */
export function displayWidth(text: string): number {
  return Array.from(text).reduce(
    (width, character) => width + (wide.test(character) ? 2 : /\p{Mn}/u.test(character) ? 0 : 1),
    0,
  )
}

/**
 * Aligns rows under a header.
 * @param indent - before each line
 * @returns lines, each with its end
 */
export function table(header: readonly string[], rows: readonly (readonly string[])[], indent = ""): string {
  const all = [header, ...rows]
  const widths = header.map((_, column) => Math.max(...all.map((row) => displayWidth(row[column] ?? ""))))
  return all
    .map((row) =>
      `${indent}${row.map((cell, column) => cell + " ".repeat((widths[column] ?? 0) - displayWidth(cell))).join("  ")}`.trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join("")
}
