import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { FaultPlan, faultText, parseFault, spoil } from "../../src/virtual/faults.ts"
import { FaultInvalid } from "../../src/virtual/index.ts"
import { fuzzRuns } from "../fuzz-runs.ts"
import { hex } from "./selected.ts"

describe("parseFault", () => {
  it.each([
    { text: "removed@7", fault: { kind: "removed", at: 7 } },
    { text: "busy@0", fault: { kind: "busy", at: 0 } },
    { text: "slow:3000@4", fault: { kind: "slow", at: 4, ms: 3000 } },
    { text: "reset@3*", fault: { kind: "reset", at: 3, always: true } },
  ])("reads $text", ({ text, fault }) => {
    expect(parseFault(text)).toEqual(fault)
    expect(faultText(parseFault(text))).toBe(text)
  })

  it.each([
    "",
    "removed",
    "removed@",
    "removed@0",
    "removed@-1",
    "slow@4",
    "short:3@4",
    "burnt@1",
    "reset@1 ",
    "Reset@1",
  ])("refuses %j", (text) => expect(() => parseFault(text)).toThrow(FaultInvalid))

  it("reads any text into a fault that is spelled so, or refuses it", () => {
    const kind = fc.constantFrom("removed", "reset", "busy", "slow", "x")
    const near = fc.tuple(kind, fc.constantFrom("", ":5", ":"), fc.nat(20), fc.constantFrom("", "*", "@"))
    const text = fc.oneof(
      fc.string(),
      near.map(([name, ms, at, end]) => `${name}${ms}@${at}${end}`),
    )
    fc.assert(
      fc.property(text, (input) => {
        try {
          expect(faultText(parseFault(input))).toBe(input)
        } catch (failure) {
          expect(failure).toBeInstanceOf(FaultInvalid)
        }
      }),
      { numRuns: fuzzRuns },
    )
  })
})

it("a fault happens once, and with a star each time", () => {
  const plan = new FaultPlan([parseFault("reset@2"), parseFault("short@3*")])
  const twice = [1, 2, 3, 1, 2, 3].map((apdu) => plan.take(apdu)?.kind ?? null)
  expect(twice).toEqual([null, "reset", "short", null, null, "short"])
})

it("a short answer is one byte, a garbled one claims success and is not the answer", () => {
  const answer = hex("7c0282009000")
  expect(spoil("short", answer)).toEqual(hex("7c"))
  const garbage = spoil("garbage", answer)
  expect(garbage.subarray(-2)).toEqual(hex("9000"))
  expect(garbage).not.toEqual(answer)
})
