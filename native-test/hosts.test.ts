/** Hosts that join and go, judged by just and by sops themselves. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { beforeAll, describe, expect, it } from "vitest"
import { editConfig } from "../src/sops/config-edit.ts"
import { runStory } from "../test/stories.ts"
import { peers, run } from "./harness.ts"

beforeAll(() => {
  process.env["PATH"] = `${join(peers, "bin")}:${process.env["PATH"] ?? ""}`
})

describe("just", () => {
  it("runs the recipes of docs/just.md as they are shown", { timeout: 180_000 }, async () => {
    expect((await run("just", ["--version"])).stdout).toMatch(/^just \d/)
    expect(await runStory(fileURLToPath(new URL("../docs/just.md", import.meta.url)))).toEqual([])
  })
})

const [a, b, nova] = [
  "age1ws3qk4gxx33884tk9403mza952dcud64kw0khwl6xm0v4fnjtcgqq2yq9l",
  "age1h4f2l5kgzlqvxr0wz86htrsj7xm2rsvn3fxp8f6gwa4sl0jnug9sl7mtlu",
  "age1x4n97jnw7v36kextxd6uerfez87ngc2wmfjmhjxxqyvj6vr8mvms94yjkk",
]

/** For whom sops encrypts by a configuration. */
async function recipientsBySops(config: string): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), "ts-age-yk-hosts-"))
  try {
    writeFileSync(join(folder, ".sops.yaml"), config)
    writeFileSync(join(folder, "a.yaml"), "k: v\n")
    const { code, stdout, all } = await run("sops", ["encrypt", "a.yaml"], { cwd: folder })
    if (code !== 0) return [all]
    return Array.from(stdout.matchAll(/recipient: (\S+)/g), ([, recipient = ""]) => recipient).toSorted()
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

describe("a configuration that was changed", () => {
  it.each([
    {
      what: "aliases in brackets",
      text: `keys: [&a ${a}, &b ${b}]\ncreation_rules:\n  - key_groups: [{age: [*a, *b]}]\n`,
    },
    {
      what: "aliases, a line each",
      text: `keys:\n  # a\n  - &a ${a}\n  - &b ${b}\ncreation_rules:\n  - key_groups:\n      - age:\n          - *a # x\n          - *b\n`,
    },
    { what: "a folded text", text: `creation_rules:\n  - age: >-\n      ${a},\n      ${b}\n` },
    { what: "a quoted text", text: `creation_rules:\n  - age: "${a},${b}"\n` },
    { what: "a single recipient", text: `creation_rules:\n  - age: ${a}\n` },
    {
      what: "names in the first rule",
      text: `creation_rules:\n  - key_groups:\n      - age: [&a '${a}', &b '${b}']\n`,
    },
    {
      what: "Windows' line ends",
      text: `keys:\r\n- &a ${a}\r\n- &b ${b}\r\ncreation_rules:\r\n- key_groups:\r\n  - age:\r\n    - *a\r\n    - *b`,
    },
  ])("is to sops what was wished: $what", async ({ text }) => {
    const before = await recipientsBySops(text)
    const like = text.includes("&a") ? "a" : a
    const change = { kind: "add", name: "nova", recipient: nova, comment: "nova", place: { like } } as const
    const added = editConfig(Buffer.from(text), change).bytes
    expect(await recipientsBySops(Buffer.from(added).toString("utf8"))).toEqual([...before, nova].toSorted())
    if (!text.includes("&a")) return
    const removed = editConfig(added, { kind: "remove", name: "nova" }).bytes
    expect(Buffer.from(removed).toString("utf8")).toBe(text)
    const replaced = editConfig(Buffer.from(text), { kind: "replace", name: "a", recipient: nova }).bytes
    expect(await recipientsBySops(Buffer.from(replaced).toString("utf8"))).toEqual(
      before.map((recipient) => (recipient === a ? nova : recipient)).toSorted(),
    )
  })
})
