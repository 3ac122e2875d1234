/** One key in two YubiKeys: the command calls the one that it asks by its own serial number, whichever the identity file names. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import { program } from "../../src/cli/program.ts"
import { writeCardFile } from "../../src/virtual/index.ts"
import { PIN, twins } from "../cards.ts"
import { person } from "../dialogue.ts"
import { testWorld } from "./world.ts"

const folder = mkdtempSync(join(tmpdir(), "ts-age-yk-twins-"))
const vectors = new URL("../vectors/yubikey/", import.meta.url).pathname
const reader = (serial: number): string => `virtual:${join(folder, `${serial}.json`)}?touch=400`

beforeAll(async () => {
  for (const state of twins()) await writeCardFile(join(folder, `${state.serial}.json`), state)
})
afterAll(() => rmSync(folder, { recursive: true }))

it.each([
  { present: [999], asked: 999 },
  { present: [998], asked: 998 },
  { present: [998, 999], asked: 998 },
])("with $present connected, $asked is what it says", async ({ present, asked }) => {
  const terminal = person(PIN)
  const { world, output } = testWorld({ terminal: () => terminal })
  const readers = present.flatMap((serial) => ["--reader", reader(serial)])
  const identities = ["-i", join(vectors, "identities.txt")]
  expect(await program(["decrypt", ...readers, ...identities, join(vectors, "age/piv-one.age")], world)).toBe(0)
  expect(terminal.asked).toEqual([`PIN for YubiKey ${asked} (slot 82)`])
  expect(output().stderr).toContain(`touch YubiKey ${asked} (slot 82)`)
})
