/** A world for commands: what they print is kept, nobody is at the terminal unless a test says who. */
import type { World } from "../../src/cli/world.ts"

export type TestWorld = Readonly<{ world: World; output: () => { stdout: string; stderr: string } }>

export function testWorld(parts: Partial<World> = {}): TestWorld {
  let stdout = ""
  let stderr = ""
  const world: World = {
    env: {},
    home: "/nonexistent",
    platform: "linux",
    hostKey: "/nonexistent/host-key",
    out: (content) => {
      stdout += Buffer.from(content).toString()
      return Promise.resolve()
    },
    err: (text) => {
      stderr += text
    },
    outIsTerminal: false,
    errIsTerminal: false,
    input: async function* () {
      yield await Promise.resolve(new Uint8Array(0))
    },
    inputIsTerminal: false,
    terminal: () => null,
    readDescriptor: () => Promise.resolve(""),
    now: () => new Date("2026-06-30T12:00:00Z"),
    ...parts,
  }
  return { world, output: () => ({ stdout, stderr }) }
}
