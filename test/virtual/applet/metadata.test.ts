import { describe, expect, it } from "vitest"
import { firmwareProfiles, importKey, newCard } from "../../../src/virtual/index.ts"
import { hex, pin, selected } from "../selected.ts"

describe("GET METADATA", () => {
  it.each(firmwareProfiles)("of a $firmware", async ({ firmware, metadata }) => {
    const { send } = await selected({ firmware })
    expect(await send("00f70080")).toBe(metadata ? "0101ff050101060203039000" : "6d00")
  })

  it("tells tries and whether PIN and PUK are the factory's", async () => {
    const { send } = await selected(newCard({ pin: "314159" }))
    await send(pin.wrong)
    expect(await send("00f70080")).toBe("0101ff050100060203029000")
    expect(await send("00f70081")).toBe("0101ff050101060203039000")
  })

  it("tells algorithm, policies, origin and public key of a slot", async () => {
    const key = { slot: 0x83, privateKey: hex("22".repeat(32)), pinPolicy: "always", touchPolicy: "cached" } as const
    const { send } = await selected(importKey(newCard(), key))
    expect(await send("00f70083")).toMatch(/^010111020203030301020443864104[0-9a-f]{128}9000$/)
  })

  it("tells of nothing in an empty slot, in no slot, and of no fingerprint", async () => {
    const { send } = await selected()
    for (const slot of ["82", "10", "96"]) expect(await send(`00f700${slot}`)).toBe("6a88")
  })
})
