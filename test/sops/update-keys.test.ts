/** What a rule's threshold means for a file that is there. */
import { describe, expect, it } from "vitest"
import { ConfigInvalid } from "../../src/sops/failures.ts"
import type { Metadata } from "../../src/sops/metadata.ts"
import { defaultSelection } from "../../src/sops/selection.ts"
import { planKeys } from "../../src/sops/update-keys.ts"

const key = (recipient: string) => ({ type: "age", recipient, enc: "x" }) as const
const wished = (name: string) => ({ type: "age", name }) as const

function metadata(groups: number, shamirThreshold: number): Metadata {
  return {
    groups: Array.from({ length: groups }, (_, index) => [key(`age1${index}`)]),
    shamirThreshold,
    lastModified: "2026-06-30T12:00:00Z",
    mac: "",
    selection: defaultSelection,
    macOnlyEncrypted: false,
    version: "3.13.3",
  }
}

function plan(groups: number, threshold: number, wish: readonly [groups: number, threshold: number]) {
  const [count, shamirThreshold] = wish
  const rule = { groups: Array.from({ length: count }, (_, index) => [wished(`age1${index}`)]), shamirThreshold }
  const { changes, threshold: planned } = planKeys(metadata(groups, threshold), rule)
  return { changes, to: planned.to }
}

describe("a rule's threshold", () => {
  it.each([
    {
      what: "has no meaning for one group, as sops writes it there",
      file: [1, 2],
      rule: [1, 2],
      to: 2,
      changes: false,
    },
    { what: "is not put where it has no meaning", file: [1, 0], rule: [1, 2], to: 0, changes: false },
    { what: "goes where several groups become one", file: [2, 2], rule: [1, 2], to: 1, changes: true },
    { what: "is followed for several", file: [3, 2], rule: [3, 3], to: 3, changes: true },
    { what: "leaves the file's where the rule has none", file: [3, 2], rule: [3, 0], to: 2, changes: false },
  ] as const)("$what", ({ file: [groups, threshold], rule, to, changes }) => {
    expect(plan(groups, threshold, rule)).toEqual({ to, changes })
  })

  it.each([
    [2, 1],
    [2, 3],
  ] as const)("that %i groups cannot meet is a fault of the rule: %i", (groups, threshold) => {
    expect(() => plan(2, 2, [groups, threshold])).toThrow(ConfigInvalid)
  })
})
