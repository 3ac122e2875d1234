import { describe, expect, it } from "vitest"
import { runbookMarkdown, runbookText } from "../../src/ceremony/runbook.ts"

const facts = { ceremony: "c0ffee", replaced: 2, removed: [], notProven: [], git: true }

describe("a runbook", () => {
  it("leads from the review to the deployment", () => {
    expect(runbookText(facts).match(/^ {2}\d\. .*$/gm)).toEqual([
      "  1. review",
      "  2. commit",
      "  3. deploy, so that the hosts get the new files",
    ])
  })

  it("leaves git out where there is none", () => {
    expect(runbookText({ ...facts, git: false })).not.toContain("git")
  })

  it.each(["lena", "lena\u001b[2J"])("has a step for the values that %j could read, and moves no cursor", (name) => {
    const text = runbookText({ ...facts, removed: [name] })
    expect(text).toContain("  4. change the values that lena")
    expect(text).not.toContain("\u001b")
  })

  it("has a step for keys that nobody has shown to work", () => {
    expect(runbookMarkdown({ ...facts, notProven: ["vega", "spare"] })).toContain(
      "- [ ] prove the keys that were not at hand: vega, spare\n",
    )
  })

  it("is a list to tick as Markdown, and says which ceremony it is of", () => {
    expect(runbookMarkdown(facts)).toMatch(/^# After ceremony c0ffee\n\n2 files were replaced; .*\n\n- \[ \] review\n/)
  })
})
