import { describe, expect, it } from "vitest"
import { firmwareProfiles, newCard } from "../../../src/virtual/index.ts"
import { selected } from "../selected.ts"

const management = "00a4040008a000000527471117"
const otp = "00a4040008a000000527200101"

describe.each(firmwareProfiles)("management and OTP applications of a $firmware", ({ firmware, deviceInfo }) => {
  it("tell the version when they are selected", async () => {
    const { send } = await selected({ firmware })
    expect(Buffer.from(await send(management), "hex").toString("latin1")).toContain(`version ${firmware}`)
    const bytes = firmware
      .split(".")
      .map((part) => `0${part}`)
      .join("")
    expect((await send(otp)).startsWith(bytes)).toBe(true)
  })

  it("tell the serial number through the OTP application", async () => {
    const { send } = await selected(newCard({ firmware, serial: 0xfedcba98 }))
    await send(otp)
    expect(await send("0001100000")).toBe("fedcba989000")
  })

  it(deviceInfo ? "have device info" : "have no device info", async () => {
    const { send } = await selected(newCard({ firmware, serial: 0xfedcba98 }))
    await send(management)
    const info = await send("001d000000")
    if (deviceInfo) {
      expect(info).toContain("0204fedcba98")
      expect(Number.parseInt(info.slice(0, 2), 16)).toBe(info.length / 2 - 3)
    } else expect(info).toBe("6d00")
  })
})

it("switching PIV off in the configuration hides the application", async () => {
  const { card, send } = await selected()
  await send(management)
  expect(await send("001c0000050403020001")).toBe("9000")
  expect(card.state.pivEnabled).toBe(false)
  expect(await send("00a4040005a000000308")).toBe("6a82")
})

it("a configuration that is no TLV is refused", async () => {
  const { send } = await selected()
  await send(management)
  expect(await send("001c00000303ff00")).toBe("6a80")
})
