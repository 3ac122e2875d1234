import fc from "fast-check"
import { describe, expect, it } from "vitest"
import {
  appendExposureMarks,
  type ExposureMark,
  marksFor,
  parseExposureMarks,
} from "../../src/ceremony/exposure-marks.ts"
import { ExposureMarksInvalid } from "../../src/ceremony/failures.ts"
import { Failure } from "../../src/failure.ts"
import { fuzzRuns } from "../fuzz-runs.ts"

const version = "3f2a".repeat(10)
const mark: ExposureMark = {
  file: "secrets/a.yaml",
  paths: ['["db"]["password"]'],
  key: "age1lena",
  state: "waived",
  reason: "not in use",
  version,
  date: "2026-07-01",
}

const marks: fc.Arbitrary<ExposureMark> = fc
  .record({
    file: fc.string({ minLength: 1, unit: "grapheme" }),
    paths: fc.array(fc.string({ unit: "grapheme" }), { maxLength: 3 }),
    key: fc.string({ minLength: 1, unit: "grapheme" }),
    state: fc.constantFrom("rotated" as const, "waived" as const),
    reason: fc.string({ unit: "grapheme" }),
    version: fc.constantFrom(version, version.slice(0, 40) + "0".repeat(24)),
    date: fc.constant("2026-07-01"),
  })
  .map((some) => ({ ...some, reason: some.state === "waived" ? `because ${some.reason}` : some.reason }))

describe("marks", () => {
  it("are read back as they were written, whatever stands in them", () => {
    fc.assert(
      fc.property(fc.array(fc.array(marks, { minLength: 1, maxLength: 3 }), { maxLength: 3 }), (rounds) => {
        const text = rounds.reduce((before, round) => appendExposureMarks(before, round), "")
        expect(parseExposureMarks(text)).toEqual(rounds.flat())
      }),
    )
  })

  it("are appended: what stands in the file stays, comments too", () => {
    const before = `# ours\nmarks:\n  # the first\n  - file: a\n    key: k # lena's\n    state: rotated\n    version: ${version}\n    date: 2026-06-01\n`
    const after = appendExposureMarks(before, [mark])
    expect(after.startsWith(before)).toBe(true)
    expect(parseExposureMarks(after)).toHaveLength(2)
    expect(appendExposureMarks("# only a comment\n", [mark])).toMatch(/^# only a comment\n# Values/)
  })

  it.each(["marks: []\n", `marks: [{file: a, key: k, state: rotated, version: ${version}, date: 2026-06-01}]\n`])(
    "are not appended to what has no room for them: %j",
    (before) => {
      expect(parseExposureMarks(before)).toBeInstanceOf(Array)
      expect(() => appendExposureMarks(before, [mark])).toThrow(ExposureMarksInvalid)
    },
  )

  it.each([
    ["mark: []\n", '"mark" is not known; did you mean marks?', 1],
    ["marks:\n  - file: a\n    statte: rotated\n", '"statte" is not known; did you mean state?', 3],
    [
      `marks:\n  - file: a\n    key: k\n    state: gone\n    version: ${version}\n`,
      "state of a mark must be rotated or waived",
      4,
    ],
    [
      `marks:\n  - file: a\n    key: k\n    state: waived\n    version: ${version}\n    date: 2026-06-01\n`,
      "reason of a mark must be given where it is waived",
      2,
    ],
    [
      "marks:\n  - file: a\n    key: k\n    state: rotated\n    version: HEAD\n",
      "version of a mark must be the id of a blob",
      5,
    ],
    ["marks: 3\n", "marks is no list", 1],
    ["- a\n", "the file is no map", 1],
  ])("are refused with the line: %j", (text, what, line) => {
    try {
      parseExposureMarks(text)
      expect.unreachable()
    } catch (failure) {
      expect(failure).toBeInstanceOf(ExposureMarksInvalid)
      if (failure instanceof ExposureMarksInvalid) expect([failure.message, failure.where.line]).toEqual([what, line])
    }
  })

  it("are one for each file, key and version", () => {
    const row = { file: "a", keyPath: ["x"], key: "k", version }
    const rows = [row, { ...row, keyPath: ["y", 0] }, { ...row, version: "0".repeat(40) }, { ...row, key: "other" }]
    expect(marksFor(rows, "rotated", "", "2026-07-01").map(({ key, paths }) => [key, paths])).toEqual([
      ["k", ['["x"]', '["y"][0]']],
      ["k", ['["x"]']],
      ["other", ['["x"]']],
    ])
  })

  it("are marks, or a failure that says why not, whatever the text", () => {
    const words = [
      "marks:",
      "\n",
      "  - ",
      "file: ",
      "a",
      "key: ",
      "state: waived",
      "version: ",
      version,
      "date: 2026-07-01",
      "[",
      "{",
      "&x ",
      "*x",
      "#",
    ]
    const text = fc.oneof(
      fc.string(),
      fc.array(fc.constantFrom(...words), { maxLength: 30 }).map((parts) => parts.join("")),
    )
    fc.assert(
      fc.property(text, (some) => {
        try {
          expect(parseExposureMarks(some)).toBeInstanceOf(Array)
        } catch (failure) {
          expect(failure).toBeInstanceOf(Failure)
        }
      }),
      { numRuns: fuzzRuns },
    )
  })
})
