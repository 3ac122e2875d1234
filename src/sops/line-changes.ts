/** Which lines of a text a change has touched. */

/** A line that went or came, by its number in the old text or in the new one, counted from 1. */
export type LineChange = Readonly<{ line: number; sign: "-" | "+"; text: string }>

/** The lines of a text without their breaks. */
function linesOf(text: string): string[] {
  return text.split(/\r?\n/)
}

/**
 * Compares two texts line by line, by their longest common subsequence. For texts that people write: time and memory are the product of
 * the lengths of the parts that differ.
 */
export function changedLines(before: string, after: string): LineChange[] {
  const old = linesOf(before)
  const made = linesOf(after)
  let head = 0
  while (head < old.length && head < made.length && old[head] === made[head]) head++
  let tail = 0
  while (
    tail < old.length - head &&
    tail < made.length - head &&
    old[old.length - 1 - tail] === made[made.length - 1 - tail]
  )
    tail++
  const a = old.slice(head, old.length - tail)
  const b = made.slice(head, made.length - tail)
  // lengths[i][j]: of the longest common subsequence of a from i and b from j.
  const lengths = Array.from({ length: a.length + 1 }, () => new Uint32Array(b.length + 1))
  const length = (i: number, j: number): number => lengths[i]?.[j] ?? 0
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      lengths[i]![j] = a[i] === b[j] ? length(i + 1, j + 1) + 1 : Math.max(length(i + 1, j), length(i, j + 1))
  const changes: LineChange[] = []
  for (let i = 0, j = 0; i < a.length || j < b.length; ) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      i++
      j++
    } else if (j >= b.length || (i < a.length && length(i + 1, j) >= length(i, j + 1))) {
      changes.push({ line: head + i + 1, sign: "-", text: a[i] ?? "" })
      i++
    } else {
      changes.push({ line: head + j + 1, sign: "+", text: b[j] ?? "" })
      j++
    }
  }
  return changes
}
