/** Sets that are joined and never split, of millions of members: union-find with path halving, in flat memory. */

/** Whole numbers up to 2^31, in flat memory that grows. */
export class NumberList {
  #numbers = new Int32Array(1024)
  length = 0

  push(number: number): void {
    if (this.length === this.#numbers.length) {
      const grown = new Int32Array(this.length * 2)
      grown.set(this.#numbers)
      this.#numbers = grown
    }
    this.#numbers[this.length++] = number
  }

  /** @returns 0 for a position that is not there */
  at(position: number): number {
    return this.#numbers[position] ?? 0
  }

  set(position: number, number: number): void {
    this.#numbers[position] = number
  }
}

export class DisjointSets {
  readonly #parents = new NumberList()

  /** A new member, alone in its set. @returns its number: members count from 0 */
  add(): number {
    const member = this.#parents.length
    this.#parents.push(member)
    return member
  }

  /** The number that stands for a member's set, until it is joined with another. */
  find(member: number): number {
    let at = member
    for (;;) {
      const parent = this.#parents.at(at)
      if (parent === at) return at
      const above = this.#parents.at(parent)
      this.#parents.set(at, above)
      at = above
    }
  }

  join(one: number, other: number): void {
    const [first, second] = [this.find(one), this.find(other)]
    if (first < second) this.#parents.set(second, first)
    else if (second < first) this.#parents.set(first, second)
  }
}
