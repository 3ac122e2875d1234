/** One line of progress on standard error, rewritten in place; nothing where that is no terminal. */
import { printable } from "../quote.ts"
import type { World } from "./world.ts"

/** A line is rewritten at most so often, in milliseconds. */
const interval = 80

export function progressLine(world: World): { show: (text: string) => void; clear: () => void } {
  let last = 0
  return {
    show(text) {
      const now = performance.now()
      if (!world.errIsTerminal || now - last < interval) return
      last = now
      // Back to the first column, and the rest of the line is erased: [ECMA-48] 8.3.41 EL.
      world.err(`\r${printable(text)}\u001b[K`)
    },
    clear() {
      if (world.errIsTerminal) world.err("\r\u001b[K")
    },
  }
}
