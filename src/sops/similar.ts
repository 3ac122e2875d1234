/** Finds the name that somebody meant to write. */

/** Levenshtein's distance, with the swap of two neighbours as one step (Damerau, optimal string alignment). */
function distance(one: string, other: string): number {
  let before: number[] = []
  let last = Array.from({ length: other.length + 1 }, (_, index) => index)
  for (let i = 1; i <= one.length; i++) {
    const row = [i]
    for (let j = 1; j <= other.length; j++) {
      const same = one[i - 1] === other[j - 1]
      let steps = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (same ? 0 : 1))
      if (i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1]) {
        steps = Math.min(steps, before[j - 2]! + 1)
      }
      row.push(steps)
    }
    before = last
    last = row
  }
  return last[other.length]!
}

/** The nearest of the known names; null when none is near (a third of its letters may differ, and at least two). */
export function nearestName(name: string, known: readonly string[]): string | null {
  const plain = name.toLowerCase().replaceAll("-", "_")
  let nearest: string | null = null
  let fewest = Number.POSITIVE_INFINITY
  for (const candidate of known) {
    const steps = distance(plain, candidate)
    if (steps < fewest && steps <= Math.max(2, candidate.length / 3)) {
      nearest = candidate
      fewest = steps
    }
  }
  return nearest
}
