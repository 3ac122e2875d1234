/** Cards that other programs are connected to. This process must not load the PC/SC library, or it would be taken for the holder. */
import { type ChildProcess, spawn } from "node:child_process"
import { join } from "node:path"
import { afterEach, describe, expect, it } from "vitest"
import { vectorCards } from "../../test/cards.ts"
import { type Inserted, insert, type Outcome, run, scratch } from "../harness.ts"

const root = new URL("../..", import.meta.url).pathname
const file = join(root, "test/vectors/yubikey/age/piv-one.age")
const folder = scratch()
const held: { card?: Inserted; others: ChildProcess[] } = { others: [] }

afterEach(async () => {
  for (const other of held.others.splice(0)) other.kill("SIGKILL")
  await held.card?.[Symbol.asyncDispose]()
  delete held.card
})

async function plug(): Promise<void> {
  const state = vectorCards().find((card) => card.serial === 16169658)
  if (state === undefined) throw new TypeError("no card")
  held.card = await insert(state)
}

function decrypt(): Promise<Outcome> {
  return run(process.execPath, [join(root, "dist/cli.js"), "decrypt", file], {
    cwd: folder,
    env: { HOME: folder, TS_AGE_YK_PIN_COMMAND: "echo 123456" },
  })
}

/** Another program that holds the card. */
function hold(mode: "exclusive" | "shared"): Promise<ChildProcess> {
  const other = spawn(process.execPath, [join(root, "native-test/two-readers/hold-card.mjs"), mode], {
    stdio: ["ignore", "pipe", "inherit"],
  })
  held.others.push(other)
  return new Promise((resolve, reject) => {
    other.stdout.once("data", (line: Buffer) => {
      if (line.toString() === "held\n") resolve(other)
      else reject(new TypeError(line.toString()))
    })
  })
}

describe("a card that another program", () => {
  it("is connected to as well is shared with it", async () => {
    await plug()
    await hold("shared")
    expect(await decrypt()).toMatchObject({
      code: 0,
      stdout: "one recipient\n",
    })
  })

  it("holds for itself is busy, and the program is named", async () => {
    await plug()
    const other = await hold("exclusive")
    const outcome = await decrypt()
    expect(outcome).toMatchObject({ code: 5, stdout: "" })
    expect(outcome.stderr).toContain(`held by hold-card.mjs (process ${other.pid})`)
  })

  it("lets go of in time is waited for", async () => {
    await plug()
    const other = await hold("exclusive")
    setTimeout(() => other.kill("SIGKILL"), 300)
    expect(await decrypt()).toMatchObject({
      code: 0,
      stdout: "one recipient\n",
    })
  })
})
