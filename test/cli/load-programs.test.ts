import { execFileSync } from "node:child_process"
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest"

const dist = join(mkdtempSync(join(tmpdir(), "programs-")), "dist")
const run = (...args: string[]): string => execFileSync(process.execPath, args, { cwd: dist, encoding: "utf8" })
const named = (ending: string): string | undefined => readdirSync(dist).find((name) => name.endsWith(ending))
/** What npm runs when it has unpacked the package. */
function install(): void {
  const { scripts } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
    scripts: { postinstall: string }
  }
  execFileSync("sh", ["-c", scripts.postinstall], { cwd: join(dist, "..") })
}

beforeAll(() => {
  cpSync(new URL("../../dist", import.meta.url), dist, { recursive: true })
  writeFileSync(join(dist, "../package.json"), JSON.stringify({ type: "module" }))
})
afterAll(() => {
  rmSync(join(dist, ".."), { recursive: true, force: true })
})

describe("the programs", () => {
  it("are kept as compiled by the build, in code that this Node takes", async () => {
    vi.stubGlobal("PROGRAMS", join(dist, named(".cjs") ?? ""))
    const { compiledFile, readScript } = await import("../../src/cli/load-programs.ts")
    vi.unstubAllGlobals()
    expect(readScript(readFileSync(compiledFile)).cachedDataRejected).toBe(false)
    expect(readScript(Buffer.from("made by another Node")).cachedDataRejected).toBe(true)
  })

  it("run without compiled code, and with what this Node refuses", () => {
    const compiled = join(dist, named(".compiled") ?? "")
    writeFileSync(compiled, "made by another Node")
    expect(run("cli.js", "--help")).toMatch(/^ts-age-yk opens/)
    rmSync(compiled)
    expect(run("cli.js", "--help")).toMatch(/^ts-age-yk opens/)
    expect(run("plugin.js", "--help")).toMatch(/age-plugin-yubikey/)
    // Nothing is written but when it is installed or built.
    expect(existsSync(compiled)).toBe(false)
  })

  it("are compiled anew by what npm runs when it has installed them, and nothing of that is left over", () => {
    const before = readdirSync(tmpdir()).filter((name) => name.startsWith("ts-age-yk-compile-"))
    install()
    expect(named(".compiled")).toBe(named(".cjs")?.replace(".cjs", ".compiled"))
    expect(readdirSync(tmpdir()).filter((name) => name.startsWith("ts-age-yk-compile-"))).toEqual(before)
  })

  it("are installed where nothing was built yet", () => {
    rmSync(join(dist, "compile-programs.mjs"))
    install()
  })
})
