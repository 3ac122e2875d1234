/** The page as text; native-test/audit-page.test.ts looks at it in a browser. */
import { createHash } from "node:crypto"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { auditPage } from "../../src/ceremony/audit-html.ts"
import { escape, html } from "../../src/ceremony/audit-html-parts.ts"
import { auditText } from "../../src/cli/audit-text.ts"
import { sampleAudit } from "./sample-audit.ts"

const facts = { root: "/home/somebody/nixos-config", now: new Date("2026-07-01T12:00:00Z") }

function pageOf(keys: number, files: number, odd = ""): string {
  const { audit, names } = sampleAudit(keys, files, odd)
  return auditPage(audit, names, facts)
}

/** Tags that are opened and not closed, or the other way round. */
function unbalanced(page: string): string[] {
  const open: string[] = []
  const wrong: string[] = []
  const body = page.replace(/<style>[\s\S]*?<\/style>/, "")
  for (const [, close, name = ""] of body.matchAll(/<(\/?)([a-z][a-z0-9]*)[^>]*>/g)) {
    if (["meta", "br", "hr"].includes(name)) continue
    if (close === "") open.push(name)
    else if (open.pop() !== name) wrong.push(name)
  }
  return [...wrong, ...open]
}

describe("the page", () => {
  it.each([
    [0, 0],
    [3, 5],
    [12, 60],
  ])("of %i keys and %i files is whole: each tag is closed", (keys, files) => {
    expect(unbalanced(pageOf(keys, files))).toEqual([])
  })

  it("needs nothing from anywhere, by what stands in it and by its policy", () => {
    const page = pageOf(3, 5)
    expect(page).not.toMatch(/<(script|img|link|iframe|object|form)|url\(|@import|\son[a-z]+=|src=/)
    expect([...page.matchAll(/href="([^"]*)"/g)].every(([, target = ""]) => target.startsWith("#"))).toBe(true)
    const style = /<style>([\s\S]*?)<\/style>/.exec(page)?.[1] ?? ""
    const hash = createHash("sha256").update(style).digest("base64")
    expect(page).toContain(`content="default-src 'none'; style-src 'sha256-${hash}'"`)
  })

  it("leads to each of its sections", () => {
    const page = pageOf(3, 5)
    for (const [, target = ""] of page.matchAll(/href="#([^"]*)"/g)) expect(page).toContain(`id="${target}"`)
  })

  it("gives each table a caption, and each head its scope", () => {
    const page = pageOf(3, 5)
    expect(page.match(/<table>/g)?.length).toBe(page.match(/<table>\n<caption>/g)?.length)
    expect(page).not.toMatch(/<th(?! scope="(row|col)")[ >]/)
  })

  it("stays whole whatever stands in names, paths and reasons", () => {
    const nasty = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.constantFrom('"><script>', "</code></table>", "&amp;", "\u202e", "'"),
    )
    fc.assert(
      fc.property(nasty, (odd) => {
        const page = pageOf(2, 3, odd)
        expect(unbalanced(page)).toEqual([])
        expect(page).not.toMatch(/<script|[\u202e\u0000]/)
      }),
      { numRuns: 50 },
    )
  })
})

describe("markup", () => {
  it("takes texts escaped, and markup as it is", () => {
    expect(html`<b>${"<i>"}${3}${html`<u>${"&"}</u>`}</b>`.html).toBe("<b>&#60;i&#62;3<u>&#38;</u></b>")
  })

  it("has no character of a text that could end it", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(escape(text)).not.toMatch(/[<>"']/)
      }),
    )
  })
})

describe("the text", () => {
  it("is printable lines, with a column for each key, whatever stands in names", () => {
    const { audit, names } = sampleAudit(12, 20, "\u001b[31m\n")
    const text = auditText(audit, names)
    expect(text).not.toMatch(/\u001b/)
    const header = text.split("\n").find((line) => line.startsWith("  file "))
    expect(header?.trim().split(/ +/)).toEqual(["file", ...Array.from({ length: 12 }, (_, index) => String(index + 1))])
    expect(text).toContain("exposure: 24 open, ")
  })
})
