/** Prompts on a real terminal: a pseudo-terminal that `script` (util-linux) makes, with the built program at its other end. */
import { spawn } from "node:child_process"
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeEach, describe, expect, it } from "vitest"
import { openTerminal } from "../../src/cli/terminal.ts"
import { writeCardFile } from "../../src/virtual/index.ts"
import { vector, vectorCards } from "../cards.ts"

const cli = new URL("../../dist/cli.js", import.meta.url).pathname
const folder = mkdtempSync(join(tmpdir(), "ts-age-yk-terminal-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

beforeEach(async () => {
  const [nano] = vectorCards()
  if (nano === undefined) throw new TypeError("the vectors have cards")
  await writeCardFile(join(folder, "key.json"), nano)
  writeFileSync(join(folder, "one.age"), vector("yubikey/age/piv-one.age"))
})

type Screen = Readonly<{ code: number | null; shown: string }>

/**
 * Runs a command line at a terminal.
 * @param typing - what is typed, piece by piece, each time when a prompt has come
 */
function atTerminal(
  command: string,
  typing: readonly (readonly [prompt: string, ...keys: string[]])[],
): Promise<Screen> {
  return new Promise((resolve, reject) => {
    const child = spawn("script", ["--quiet", "--return", "--command", command, "/dev/null"], {
      cwd: folder,
      env: { PATH: process.env["PATH"], HOME: folder, TERM: "xterm", TS_AGE_YK_READER: "virtual:key.json" },
      stdio: ["pipe", "pipe", "inherit"],
    })
    const waiting = [...typing]
    let shown = ""
    let looked = 0
    const patience = setTimeout(() => {
      child.kill()
      reject(new TypeError(`waited in vain for ${waiting[0]?.[0] ?? "the end"} in ${JSON.stringify(shown)}`))
    }, 15_000)
    child.stdout.on("data", (chunk: Buffer) => {
      shown += chunk.toString()
      const next = waiting[0]
      const at = next === undefined ? -1 : shown.indexOf(next[0], looked)
      if (next === undefined || at < 0) return
      waiting.shift()
      looked = at + next[0].length
      // Pieces come apart from each other, as from a keyboard.
      for (const [index, keys] of next.slice(1).entries()) setTimeout(() => child.stdin.write(keys), 80 * index)
    })
    child.on("close", (code) => {
      clearTimeout(patience)
      resolve({ code, shown })
    })
  })
}

const decrypt = `'${process.execPath}' '${cli}' decrypt one.age > plain`
const plain = (): string => readFileSync(join(folder, "plain"), "utf8")
const prompt = "PIN for YubiKey 16169658 (slot 82): "
/** Back to the first column, and the line is erased. [ECMA-48] 8.3.41 */
const erased = "\r\u001b[K"
/** What is left of a question: nothing. It begins on a line of its own, whatever stood there. */
const asked = `${erased}${prompt}${erased}`

describe.skipIf(process.platform !== "linux")("a person at a terminal", () => {
  it("is asked there while standard output goes elsewhere; the PIN is not shown, and the prompt goes away", async () => {
    const { code, shown } = await atTerminal(decrypt, [[prompt, "123456\r"]])
    expect({ code, plain: plain() }).toEqual({ code: 0, plain: "one recipient\n" })
    expect(shown).toBe(asked)
  })

  it.each([
    { what: "takes characters back", keys: ["99\u007f\u0008123456\r"] },
    { what: "takes the line back", keys: ["nonsense\u0015123456\r"] },
    { what: "presses keys that are no characters", keys: ["123", "\u001b[A", "\u001bOP", "456\r"] },
    { what: "ends the line with a line feed", keys: ["123456\n"] },
    { what: "presses Control-D within a line", keys: ["123\u0004456\r"] },
  ])("who $what is understood", async ({ keys }) => {
    const { code, shown } = await atTerminal(decrypt, [[prompt, ...keys]])
    expect({ code, plain: plain() }).toEqual({ code: 0, plain: "one recipient\n" })
    expect(shown).toBe(asked)
  })

  it("is asked again, and told why, when what was typed cannot be a PIN or was refused", async () => {
    const { code, shown } = await atTerminal(decrypt, [
      [prompt, "12345\r"],
      ["shorter", "000000\r"],
      ["2 tries left", "123456\r"],
    ])
    expect({ code, plain: plain() }).toEqual({ code: 0, plain: "one recipient\n" })
    for (const typed of ["12345", "000000"]) expect(shown).not.toContain(typed)
  })

  it("who presses Control-C gets the terminal back as it was, status 130, and no file", async () => {
    rmSync(join(folder, "plain"), { force: true })
    const command = `'${process.execPath}' '${cli}' decrypt -o plain one.age; status=$?; stty -a | grep -ow -e '-*echo'; exit $status`
    const { code, shown } = await atTerminal(command, [[prompt, "123\u0003"]])
    expect(code).toBe(130)
    expect(shown.replaceAll("\r\n", "\n")).toBe(
      `${asked}ts-age-yk: one.age, YubiKey 16169658, slot 82: interrupted, nothing is half done\necho\n`,
    )
    expect(existsSync(join(folder, "plain"))).toBe(false)
  })

  it.each(["\u0004", "\r"])("who gives no answer (%j) is taken at their word", async (keys) => {
    const { code, shown } = await atTerminal(decrypt, [[prompt, keys]])
    expect(code).toBe(6)
    expect(shown).toContain("the PIN is needed")
  })

  it("sees what is no secret while it is typed", async () => {
    const command = `'${process.execPath}' '${cli}' yubikey reset`
    const { code, shown } = await atTerminal(command, [["type its serial number: ", "161", "\u007f", "2\r"]])
    expect(code).toBe(2)
    expect(shown).toContain(`type its serial number: 161\b \b2${erased}`)
  })
})

it("is none where there is no such device", () => {
  expect(openTerminal(join(folder, "no-terminal"))).toBeNull()
})
