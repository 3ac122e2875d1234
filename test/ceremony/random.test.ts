/** Random repositories and random changes of their configuration: a ceremony leaves nothing to do, and loses nothing. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import fc from "fast-check"
import { expect, it } from "vitest"
import { X25519Identity } from "../../src/age/x25519.ts"
import { changedFiles, planRekey } from "../../src/ceremony/plan.ts"
import { readRepository } from "../../src/ceremony/repository.ts"
import { encryptNew } from "../../src/sops/encrypt.ts"
import { formatOfName, storeOf } from "../../src/sops/format.ts"
import type { KeyGroup } from "../../src/sops/metadata.ts"
import { recipientWrapper } from "../../src/sops/recipient-wrapper.ts"
import { ceremony, leftovers, plaintextOf } from "./repository.ts"

const people = Array.from({ length: 6 }, () => X25519Identity.generate())

/** Who opens what: groups of people, by their number, and how many groups it takes; 0 for all. */
type Rule = Readonly<{ groups: readonly (readonly number[])[]; threshold: number }>

const rule: fc.Arbitrary<Rule> = fc
  .uniqueArray(fc.integer({ min: 0, max: people.length - 1 }), { minLength: 3, maxLength: people.length })
  .chain((members) =>
    fc.integer({ min: 1, max: 3 }).chain((count) => {
      const groups = Array.from({ length: count }, (_, group) => members.filter((_, index) => index % count === group))
      // sops takes a threshold only where there is more than one group.
      return fc.record({
        groups: fc.constant(groups),
        threshold: count === 1 ? fc.constant(0) : fc.constantFrom(0, ...(count === 2 ? [2] : [2, 3])),
      })
    }),
  )

const contents: Readonly<Record<string, string>> = {
  "secrets/a/one.yaml": "# of one\nname: one\nlist:\n  - 1\n  - true\n  - 2.5\n",
  "secrets/a/two.json": '{"name": "two", "nested": {"n": 3}}\n',
  "secrets/b/three.env": "# of three\nNAME=three\n",
  "secrets/b/four.ini": "[part]\nname = four\n",
  "secrets/five.bin": "five\u0001",
}

const rules = fc.record({ a: rule, b: rule, rest: rule })
type Rules = typeof rules extends fc.Arbitrary<infer R> ? R : never

function configText(wanted: Rules): string {
  const text = (regex: string, { groups, threshold }: Rule): string =>
    `  - path_regex: ${regex}\n${threshold === 0 ? "" : `    shamir_threshold: ${threshold}\n`}    key_groups:\n${groups
      .map((group) => `      - age: [${group.map((number) => people[number]?.recipient.text).join(", ")}]\n`)
      .join("")}`
  return `creation_rules:\n${text("secrets/a/.*", wanted.a)}${text("secrets/b/.*", wanted.b)}${text("secrets/.*", wanted.rest)}`
}

function ruleOf(path: string, wanted: Rules): Rule {
  return path.startsWith("secrets/a/") ? wanted.a : path.startsWith("secrets/b/") ? wanted.b : wanted.rest
}

function groupsOf({ groups }: Rule): KeyGroup[] {
  return groups.map((group) =>
    group.map((number) => ({ type: "age", recipient: people[number]?.recipient.text ?? "", enc: "" })),
  )
}

async function write(root: string, wanted: Rules): Promise<void> {
  const wrap = recipientWrapper({ env: {}, dialogue: null })
  for (const [path, text] of Object.entries(contents)) {
    const store = await storeOf(formatOfName(path))
    const { threshold, ...of } = ruleOf(path, wanted)
    const wish = {
      groups: groupsOf({ threshold, ...of }),
      shamirThreshold: threshold,
      selection: null,
      macOnlyEncrypted: false,
    }
    mkdirSync(join(root, path, ".."), { recursive: true })
    const bytes = await encryptNew(store.parse(Buffer.from(text)), { store, input: store }, wish, wrap, new Date())
    writeFileSync(join(root, path), bytes)
  }
  writeFileSync(join(root, ".sops.yaml"), configText(wanted))
}

it("a plan that was carried out leaves nothing to do, opens for whom the rules say, and changes no value", async () => {
  await fc.assert(
    fc.asyncProperty(rules, rules, fc.boolean(), async (before, after, rotateAll) => {
      const root = mkdtempSync(join(tmpdir(), "ts-age-yk-random-"))
      try {
        await write(root, before)
        const everybody = { identities: people }
        const texts = new Map<string, string | null>()
        for (const path of Object.keys(contents)) texts.set(path, await plaintextOf(root, path, everybody))
        expect([...texts.values()]).not.toContain(null)
        const bytes = new Map(Object.keys(contents).map((path) => [path, readFileSync(join(root, path))]))
        writeFileSync(join(root, ".sops.yaml"), configText(after))
        const planned = new Set(
          changedFiles(planRekey(await readRepository(root), { rotateAll })).map(({ path }) => path),
        )
        if (planned.size > 0) await ceremony(root, everybody, { rotateAll })
        const repository = await readRepository(root)
        expect(changedFiles(planRekey(repository, { rotateAll: false }))).toEqual([])
        for (const { path, content } of repository.files) {
          if (content.state !== "encrypted") throw new TypeError(`${path} is ${content.state}`)
          expect(
            content.file.metadata.groups.map((group) =>
              group.map((key) => (key.type === "age" ? key.recipient : "")).sort(),
            ),
          ).toEqual(
            groupsOf(ruleOf(path, after)).map((group) =>
              group.map((key) => (key.type === "age" ? key.recipient : "")).sort(),
            ),
          )
          expect(await plaintextOf(root, path, everybody)).toBe(texts.get(path))
          if (!planned.has(path))
            expect(readFileSync(join(root, path)).equals(bytes.get(path) ?? Buffer.alloc(0))).toBe(true)
        }
        expect(leftovers(root)).toEqual([])
      } finally {
        rmSync(root, { recursive: true })
      }
    }),
    { numRuns: 25 },
  )
}, 60_000)
