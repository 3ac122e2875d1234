/** Where identities come from without an option that names them. */
import { describe, expect, it } from "vitest"
import { X25519Identity } from "../../src/age/x25519.ts"
import { findIdentities } from "../../src/keyring/sources.ts"

const [first, second] = [X25519Identity.generate(), X25519Identity.generate()]
const [one, two] = [first.revealText(), second.revealText()]

function found(env: Record<string, string>): { count: number; warnings: readonly string[] } {
  const { identities, warnings } = findIdentities({
    files: [],
    env,
    home: "/nonexistent",
    platform: "linux",
    hostKey: "/nonexistent/host-key",
    dialogue: () => null,
    plugin: () => {
      throw new TypeError("no plugin is wanted")
    },
  })
  return { count: identities.length, warnings }
}

describe("SOPS_AGE_KEY", () => {
  it.each([
    { what: "one key", text: one, count: 1 },
    { what: "keys on a line", text: `${one} ${two},${one}\t${two}`, count: 4 },
    { what: "keys on lines of their own", text: `${one}\n\n${two}\r\n`, count: 2 },
    {
      what: "a whole file of keys, as age-keygen writes it",
      text: `# created: 2026-06-30T12:00:00Z\n# public key: ${first.recipient.text}\n${one}\n# the other, too\n${two}\n`,
      count: 2,
    },
  ])("may have $what", ({ text, count }) => {
    expect(found({ SOPS_AGE_KEY: text })).toEqual({ count, warnings: [] })
  })

  it("that is none is warned about, without its text", () => {
    const { count, warnings } = found({ SOPS_AGE_KEY: "nonsense" })
    expect(count).toBe(0)
    expect(warnings).toEqual([expect.stringContaining("SOPS_AGE_KEY")])
    expect(warnings.join()).not.toContain("nonsense")
  })
})
