/** How a drill tells what it does: numbered steps, commands, and what came of them. */
import type { World } from "../world.ts"

export type Narrator = Readonly<{
  step: (title: string) => Promise<void>
  command: (text: string) => Promise<void>
  result: (...lines: string[]) => Promise<void>
  paragraph: (...lines: string[]) => Promise<void>
}>

export function narrator(world: World): Narrator {
  const styled = world.outIsTerminal && (world.env["NO_COLOR"] ?? "") === ""
  const style = (code: number, text: string): string => (styled ? `\u001b[${code}m${text}\u001b[0m` : text)
  let steps = 0
  return {
    step: (title) => world.out(`\n${style(1, `${++steps}. ${title}`)}\n`),
    command: (text) => world.out(`   ${style(36, `$ ${text}`)}\n`),
    result: (...lines) => world.out(lines.map((line) => `   ${line}\n`).join("")),
    paragraph: (...lines) => world.out(`\n${lines.map((line) => `${line}\n`).join("")}`),
  }
}
