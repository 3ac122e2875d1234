/** A key from elsewhere that `yubikey import` put on a card: other people's programs take it for one of age-plugin-yubikey's. */
import { generateKeyPairSync } from "node:crypto"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { newCard } from "../../src/virtual/index.ts"
import { insert, run, runWithPin, scratch } from "../harness.ts"

const cli = new URL("../../dist/cli.js", import.meta.url).pathname
const pin = "314159"

describe("yubikey import", () => {
  it.each([
    { firmware: "4.3.5", touch: "cached" },
    { firmware: "5.7.1", touch: "always" },
  ])("puts a key on a $firmware that the Rust plugin lists and opens age files with", async ({ firmware, touch }) => {
    await using inserted = await insert(newCard({ firmware, pin }))
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" })
    const imported = await run(
      process.execPath,
      [cli, "yubikey", "import", "--name", "copy", "--touch-policy", touch],
      {
        input: privateKey.export({ type: "pkcs8", format: "pem" }),
        env: { TS_AGE_YK_PIN_COMMAND: `echo ${pin}` },
      },
    )
    expect(imported.code, imported.stderr).toBe(0)
    expect(inserted.card.state.keys["82"]).toMatchObject({ origin: "imported", touchPolicy: touch })
    const listed = await run("age-plugin-yubikey", ["--identity"])
    expect(listed.stdout).toContain(`#         Name: copy\n`)
    expect(listed.stdout).toContain(/^AGE-PLUGIN-YUBIKEY-\S+\n/m.exec(imported.stdout)?.[0])

    const folder = scratch()
    const files = {
      identities: join(folder, "identity.txt"),
      secret: join(folder, "secret.age"),
      plain: join(folder, "plain"),
    }
    writeFileSync(files.identities, listed.stdout)
    const recipient = /age1yubikey1\w+/.exec(imported.stdout)?.[0] ?? ""
    await run("age", ["-r", recipient, "-o", files.secret], { input: "for whoever has the key" })
    const decrypt = ["-d", "-i", files.identities, "-o", files.plain, files.secret]
    const decrypted = await runWithPin(pin, "age", decrypt)
    expect(decrypted.code, decrypted.stdout).toBe(0)
    expect(readFileSync(files.plain, "utf8")).toBe("for whoever has the key")
  })
})
