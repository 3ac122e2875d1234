/**
 * The audit's page in a real Chromium: it loads nothing, its tables are tables to a screen reader, contrast is AA in light and dark,
 * the keyboard reaches what scrolls, and nothing overflows on a narrow screen. Screenshots are left in AUDIT_SCREENSHOTS, for eyes.
 */
import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { auditPage } from "../src/ceremony/audit-html.ts"
import { sampleAudit } from "../test/ceremony/sample-audit.ts"
import { Browser, type Page } from "./chromium.ts"

const sizes = [
  { keys: 3, files: 5 },
  { keys: 12, files: 60 },
]
const screens = [
  { name: "wide", width: 1280, height: 900 },
  { name: "narrow", width: 390, height: 844 },
]
const schemes = ["light", "dark"] as const

const pictures = process.env["AUDIT_SCREENSHOTS"]
let browser: Browser

beforeAll(async () => {
  browser = await Browser.launch()
  if (pictures !== undefined) mkdirSync(pictures, { recursive: true })
})
afterAll(async () => {
  await browser.close()
})

function pageOf(keys: number, files: number): string {
  const { audit, names } = sampleAudit(keys, files)
  return auditPage(audit, names, { root: "/home/somebody/nixos-config", now: new Date("2026-07-01T12:00:00Z") })
}

/** In the page: the lowest contrast between a text and what is behind it. [WCAG 2.2] 1.4.3 */
const lowestContrast = `(() => {
  const channel = (value) => { const s = value / 255; return s <= 0.04045 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4 }
  const luminance = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b)
  const rgb = (text) => text.match(/[\\d.]+/g).map(Number)
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = rgb(getComputedStyle(at).backgroundColor)
      if (colour.length < 4 || colour[3] > 0) return colour
    }
    return [255, 255, 255]
  }
  let lowest = { ratio: 99, text: "" }
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim()
    const element = walker.currentNode.parentElement
    if (text === "" || element.closest(".unseen")) continue
    const [a, b] = [luminance(rgb(getComputedStyle(element).color)), luminance(behind(element))].sort((x, y) => y - x)
    const ratio = (a + 0.05) / (b + 0.05)
    if (ratio < lowest.ratio) lowest = { ratio, text }
  }
  return lowest.ratio.toFixed(2) + " " + lowest.text
})()`

describe.each(sizes)("the page of $keys keys and $files files", ({ keys, files }) => {
  const content = pageOf(keys, files)

  describe.each(schemes)("in %s", (scheme) => {
    it.each(screens)(
      "on a $name screen has contrast, and scrolls only where it should",
      async ({ name, width, height }) => {
        await using page: Page = await browser.open(content, { width, height, scheme })
        const [ratio, text] = String(await page.evaluate(lowestContrast)).split(" ")
        expect(Number(ratio), text).toBeGreaterThanOrEqual(4.5)
        expect(await page.evaluate("document.documentElement.scrollWidth <= innerWidth")).toBe(true)
        expect(await page.evaluate("getComputedStyle(document.documentElement).colorScheme")).toBe("light dark")
        if (pictures !== undefined) await page.screenshot(join(pictures, `${keys}x${files}-${scheme}-${name}.png`))
      },
    )
  })

  it("asks the network for nothing, runs no script, and says no error", async () => {
    await using page = await browser.open(content, { width: 1280, height: 900, scheme: "light" })
    expect(page.requests).toEqual([])
    expect(page.complaints).toEqual([])
    expect(await page.evaluate("document.scripts.length")).toBe(0)
  })

  it("is tables with captions and heads to a screen reader, and says each cell in words", async () => {
    await using page = await browser.open(content, { width: 1280, height: 900, scheme: "light" })
    const tree = await page.accessibility()
    const ofRole = (role: string): string[] => tree.filter((node) => node.role === role).map((node) => node.name)
    expect(ofRole("heading").slice(0, 3)).toEqual(["Audit of secrets: nixos-config", "Drift", "Who can decrypt what"])
    expect(ofRole("columnheader")).toEqual(expect.arrayContaining(["File", "key-1", "Note"]))
    expect(ofRole("rowheader")).toEqual(expect.arrayContaining(["secrets/group-0/file-0.yaml"]))
    expect(ofRole("cell")).toEqual(expect.arrayContaining(["opens it", "opens it, and should not", "does not open it"]))
    expect(ofRole("table").every((name) => name !== "")).toBe(true)
    expect(ofRole("main")).toHaveLength(1)
    expect(ofRole("navigation")).toEqual(["Sections"])
    expect(ofRole("region").every((name) => name !== "")).toBe(true)
  })

  it("is reached by the keyboard: first the way to the findings, then what scrolls and opens", async () => {
    await using page = await browser.open(content, { width: 390, height: 844, scheme: "light" })
    const focused: string[] = []
    for (let presses = 0; presses < 40; presses++) {
      await page.press("Tab")
      focused.push(
        String(
          await page.evaluate(
            "(document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent).trim().slice(0, 40)",
          ),
        ),
      )
    }
    expect(focused[0]).toBe("To the findings")
    expect(focused).toContain("Who can decrypt what")
    expect(focused.some((text) => text.includes("open, "))).toBe(true)
    expect(
      await page.evaluate(
        "(() => { const e = document.querySelector('a[href=\"#drift\"]'); e.focus({ focusVisible: true }); return getComputedStyle(e).outlineStyle })()",
      ),
    ).toBe("solid")
  })

  it("prints in light colours, with all that was folded", async () => {
    await using page = await browser.open(content, { width: 1280, height: 900, scheme: "dark" })
    const printed = await page.print(pictures === undefined ? null : join(pictures, `${keys}x${files}.pdf`))
    expect(printed.pages).toBeGreaterThan(0)
    await page.emulatePrint()
    expect(await page.evaluate("getComputedStyle(document.body).backgroundColor")).toBe("rgb(255, 255, 255)")
    if (pictures !== undefined) await page.screenshot(join(pictures, `${keys}x${files}-print.png`))
  })
})

describe("what stands in names", () => {
  it("never becomes markup", async () => {
    const { audit, names } = sampleAudit(3, 5, '<img src=x onerror="document.title=1"><b>')
    const facts = { root: "/x/<i>", now: new Date("2026-07-01T12:00:00Z") }
    await using page = await browser.open(auditPage(audit, names, facts), { width: 1280, height: 900, scheme: "light" })
    expect(await page.evaluate("document.querySelectorAll('img, i, td b, th b').length")).toBe(0)
    expect(page.requests).toEqual([])
  })
})
