import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { expect, it } from "vitest"
import { loadCards, parseFault } from "../../src/virtual/index.ts"
import { insert, run, runWithPin, scratch } from "../harness.ts"

const vectors = new URL("../../test/vectors/yubikey/", import.meta.url).pathname
const document: unknown = JSON.parse(readFileSync(join(vectors, "cards.json"), "utf8"))
const [first, second] = loadCards(document)

it("the Rust plugin sees two YubiKeys in two readers", async () => {
  await using one = await insert(first!, {}, 0)
  await using two = await insert(second!, {}, 1)
  const { stdout } = await run("age-plugin-yubikey", ["--list"])
  expect(stdout).toContain(`Serial: ${one.card.serial}, Slot: 1`)
  expect(stdout).toContain(`Serial: ${two.card.serial}, Slot: 20`)
})

it("age finds the YubiKey that a file is for, whichever reader it is in", async () => {
  await using one = await insert(second!, {}, 0)
  await using two = await insert(first!, {}, 1)
  const plain = join(scratch(), "plain")
  const identities = join(vectors, "identities.txt")
  const decrypt = ["-d", "-i", identities, "-o", plain, join(vectors, "age/piv-one.age")]
  const { code, stdout } = await runWithPin("123456", "age", decrypt)
  expect(code, stdout).toBe(0)
  expect(readFileSync(plain)).toHaveLength(14)
  expect([one.card.state, two.card.state]).toEqual([second, first])
})

it.each(["removed@5", "reset@5", "short@6", "garbage@6", "slow:500@6"])(
  "a client that meets %s in a decrypt ends with an error or the right text, and nobody loses a PIN try",
  async (fault) => {
    await using inserted = await insert(first!, { faults: [parseFault(fault)] }, 0)
    const folder = scratch()
    const identities = join(folder, "identities.txt")
    writeFileSync(identities, readFileSync(join(vectors, "identities.txt"), "utf8").split("\n")[0] ?? "")
    const decrypt = async (output: string): Promise<boolean> => {
      const args = ["-d", "-i", identities, "-o", join(folder, output), join(vectors, "age/piv-one.age")]
      const { code } = await runWithPin("123456", "age", args)
      if (code === 0) expect(readFileSync(join(folder, output))).toHaveLength(14)
      return code === 0
    }
    const succeeded = await decrypt("first")
    if (fault.startsWith("re")) expect(succeeded).toBe(false)
    expect(inserted.card.state.pin.triesLeft).toBe(3)
    if (fault.startsWith("removed")) return
    // Time enough for pcscd to see the card again.
    await new Promise((resolve) => setTimeout(resolve, 2000))
    expect(await decrypt("second")).toBe(true)
  },
)
