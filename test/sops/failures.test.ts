import { describe, expect, it } from "vitest"
import type { Failure } from "../../src/failure.ts"
import { EXIT, explain } from "../../src/failure.ts"
import * as failures from "../../src/sops/failures.ts"

const all: { failure: Failure; exit: number; text: string }[] = [
  { failure: new failures.KeyGroupEmpty(), exit: EXIT.usage, text: "a key group has no keys" },
  {
    failure: new failures.ConflictMarkers(3, null),
    exit: EXIT.damaged,
    text: "line 3: has git's conflict markers in it",
  },
  {
    failure: new failures.MergeConflict(["a"]),
    exit: EXIT.failed,
    text: "both sides changed, each in its own way:\n  a",
  },
  { failure: new failures.NotMergeable("a list"), exit: EXIT.failed, text: "a list" },
  {
    failure: new failures.MergeConflict(['["a"]: changed by both', "recipients"]),
    exit: EXIT.failed,
    text: 'both sides changed, each in its own way:\n  ["a"]: changed by both\n  recipients',
  },
  { failure: new failures.NotMergeable("a binary file"), exit: EXIT.failed, text: "a binary file" },
  {
    failure: new failures.SyntaxInvalid("YAML", "a tab", 3),
    exit: EXIT.damaged,
    text: "line 3: not valid YAML: a tab",
  },
  {
    failure: new failures.ValueUnsupported("no maps", { where: { keyPath: ["a", 0] } }),
    exit: EXIT.failed,
    text: '["a"][0]: no maps',
  },
  { failure: new failures.NotEncrypted(), exit: EXIT.failed, text: "not a SOPS file: it has no sops metadata" },
  {
    failure: new failures.AlreadyEncrypted("sops"),
    exit: EXIT.failed,
    text: 'already encrypted, or it has the top-level key "sops", which SOPS keeps for itself',
  },
  { failure: new failures.MetadataInvalid("no keys"), exit: EXIT.damaged, text: "sops metadata: no keys" },
  {
    failure: new failures.ValueDamaged("does not decrypt", ["a"]),
    exit: EXIT.damaged,
    text: '["a"]: does not decrypt',
  },
  { failure: new failures.MacMismatch("MAC does not match"), exit: EXIT.damaged, text: "MAC does not match" },
  {
    failure: new failures.DataKeyUnavailable(1, 1, [], [{ group: 0, key: "age1\u001b[31m", outcome: "not for it" }]),
    exit: EXIT.noIdentity,
    text: 'none of the identities at hand opens the data key\n  "age1\\x1b[31m": not for it',
  },
  {
    failure: new failures.SharesInvalid("two groups have the same share"),
    exit: EXIT.damaged,
    text: "shares of the data key: two groups have the same share",
  },
  {
    failure: new failures.DataKeyInvalid(32, 16),
    exit: EXIT.damaged,
    text: "the data key is 16 bytes long, 32 are expected",
  },
  { failure: new failures.SelectionInvalid("two rules"), exit: EXIT.usage, text: "two rules" },
  {
    failure: new failures.KeyPathInvalid('["a', "a quote is not closed"),
    exit: EXIT.usage,
    text: 'key path "[\\"a": a quote is not closed',
  },
  {
    failure: new failures.SetValueInvalid(new failures.SyntaxInvalid("JSON", "it ends too early", 3)),
    exit: EXIT.usage,
    text: "line 3: the value is not valid JSON: it ends too early",
  },
  {
    failure: new failures.KeyPathMissing("there is no such key", ["a"]),
    exit: EXIT.failed,
    text: '["a"]: there is no such key',
  },
  {
    failure: new failures.ConfigInvalid("age is no list", { where: { line: 2 } }),
    exit: EXIT.usage,
    text: "line 2: age is no list",
  },
  {
    failure: new failures.NoRuleFits("a.yaml", ".sops.yaml"),
    exit: EXIT.usage,
    text: 'a.yaml: no creation rule in ".sops.yaml" fits it',
  },
  {
    failure: new failures.KeyTypeUnsupported(["pgp"]),
    exit: EXIT.failed,
    text: "a new data key would have to be wrapped for pgp, which ts-age-yk cannot do",
  },
  {
    failure: new failures.ConfigNotEdited("the rule is an alias", "edit it by hand", { where: { line: 4 } }),
    exit: EXIT.failed,
    text: "line 4: the rule is an alias",
  },
]

describe("what SOPS code can fail with", () => {
  it.each(all)("$failure.code", ({ failure, exit, text }) => {
    expect(failure.exit).toBe(exit)
    expect(failure.code).toMatch(/^sops-[a-z-]+$/)
    expect(explain(failure).text).toBe(text)
    expect(failure.message).not.toMatch(/\.$/)
  })

  it("is all here, each with a code of its own", () => {
    const classes = Object.values(failures).filter((value) => typeof value === "function")
    expect(new Set(all.map(({ failure }) => failure.constructor)).size).toBe(classes.length)
    expect(new Set(all.map(({ failure }) => failure.code)).size).toBe(classes.length)
  })
})
