/** Every failure class of the house: its code, exit status and text follow the rules, and docs/errors.md has it. */
import { readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { declaredFailures } from "../scripts/declared-failures.ts"
import { EXIT } from "../src/failure.ts"

const root = new URL("..", import.meta.url).pathname

const failures = declaredFailures()
const documented = readFileSync(`${root}docs/errors.md`, "utf8")

describe("failures", () => {
  it("are found", () => {
    expect(failures.length).toBeGreaterThan(40)
  })

  it("have codes that are unlike each other", () => {
    const codes = failures.map(({ code }) => code)
    expect(codes.filter((code, index) => codes.indexOf(code) !== index)).toEqual([])
  })

  it.each(failures)(
    "$name ($code) has a code in kebab case, a known exit status, a purpose, and a row in docs/errors.md",
    ({ code, exit, purpose }) => {
      expect(code).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/)
      expect(Object.keys(EXIT)).toContain(exit)
      expect(purpose.length).toBeGreaterThan(10)
      const status = EXIT[exit as keyof typeof EXIT]
      expect(documented).toContain(`| \`${code}\` | ${status} |`)
    },
  )

  it("are no more in docs/errors.md than in the code", () => {
    const rows = [...documented.matchAll(/^\| `([a-z0-9-]+)` \| \d+ \|/gm)].map((match) => match[1])
    expect(rows.filter((code) => !failures.some((failure) => failure.code === code))).toEqual([])
  })
})
