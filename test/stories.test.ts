import { existsSync, readdirSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { matches, parseStory, runStory } from "./stories.ts"

const root = new URL("..", import.meta.url).pathname

function markdown(folder: string): string[] {
  return existsSync(`${root}${folder}`)
    ? readdirSync(`${root}${folder}`)
        .filter((name) => name.endsWith(".md"))
        .map((name) => `${folder}${name}`)
    : []
}

describe("a story runner", () => {
  it("tells what is as expected from what is not", () => {
    expect(matches(["a … c", "…", "z"], ["a b c", "x", "y", "z"])).toBe(true)
    expect(matches(["a"], ["a", "b"])).toBe(false)
    expect(matches(["a", "b"], ["a"])).toBe(false)
    expect(matches(["a.c"], ["abc"])).toBe(false)
    expect(matches([], [])).toBe(true)
  })

  it("reads commands, their output and their exit status", () => {
    expect(parseStory("```console\n$ a \\\n  b\nout\n[exit 3]\n$ c\n```\n")).toEqual([
      { kind: "command", command: "a b", expected: ["out"], exit: 3, line: 2 },
      { kind: "command", command: "c", expected: [], exit: 0, line: 6 },
    ])
  })
})

describe("what is shown is true", () => {
  it.each([...markdown(""), ...markdown("docs/"), ...markdown("test/stories/")])(
    "%s",
    { timeout: 180_000 },
    async (path) => {
      expect(await runStory(`${root}${path}`)).toEqual([])
    },
  )
})
