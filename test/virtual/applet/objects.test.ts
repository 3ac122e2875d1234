import { describe, expect, it } from "vitest"
import { firmwareProfiles } from "../../../src/virtual/index.ts"
import { authenticate, pin, type Selected, selected } from "../selected.ts"

/** PUT DATA by an extended command, so that any size fits. */
function put({ send }: Selected, id: string, value: string): Promise<string> {
  const length = value.length / 2
  const body = `5c03${id}5382${length.toString(16).padStart(4, "0")}${value}`
  return send(`00db3fff00${(body.length / 2).toString(16).padStart(4, "0")}${body}`)
}

function get({ send }: Selected, id: string): Promise<string> {
  return send(`00cb3fff0000055c03${id}0000`)
}

describe("data objects", () => {
  it("are read by anybody and written with the management key", async () => {
    const one = await selected()
    expect(await get(one, "5fc102")).toBe("6a82")
    expect(await put(one, "5fc102", "abcd")).toBe("6982")
    await authenticate(one)
    expect(await put(one, "5fc102", "abcd")).toBe("9000")
    expect(await get(one, "5fc102")).toBe("5302abcd9000")
  })

  it("are deleted by writing nothing", async () => {
    const one = await selected()
    await authenticate(one)
    await put(one, "5fff00", "abcd")
    expect(await put(one, "5fff00", "")).toBe("9000")
    expect(await get(one, "5fff00")).toBe("6a82")
  })

  it.each(["5fc103", "5fc108", "5fc109", "5fc121"])("%s is read after VERIFY only", async (id) => {
    const one = await selected()
    await authenticate(one)
    await put(one, id, "abcd")
    expect(await get(one, id)).toBe("6982")
    await one.send(pin.right)
    expect(await get(one, id)).toBe("5302abcd9000")
  })

  it("the discovery object names PIV and its PIN", async () => {
    expect(await (await selected()).send("00cb3fff035c017e00")).toBe("7e124f0ba0000003080000100001005f2f0240009000")
  })

  it.each(firmwareProfiles)("a $firmware holds $maximumObject bytes in one, and not one more", async (profile) => {
    const one = await selected({ firmware: profile.firmware })
    await authenticate(one)
    const header = 9
    const most = Math.min(profile.maximumObject, profile.maximumCommand - header)
    expect(await put(one, "5fc102", "ab".repeat(most))).toBe("9000")
    expect(await put(one, "5fc102", "ab".repeat(most + 1))).toMatch(/^6a84|6700$/)
    expect(await get(one, "5fc102")).toHaveLength(2 * (most + 6))
  })

  it("do not fill more flash than there is", async () => {
    const one = await selected()
    await authenticate(one)
    const answers: string[] = []
    for (let index = 0; index < 20; index++)
      answers.push(await put(one, `5f00${index.toString(16).padStart(2, "0")}`, "00".repeat(3000)))
    expect(answers.filter((answer) => answer === "9000")).toHaveLength(16)
    expect(answers.at(-1)).toBe("6a84")
  })

  it.each([
    { what: "other parameters", apdu: "00cb3f00055c035fc10200", answer: "6a86" },
    { what: "a name of four bytes", apdu: "00cb3fff065c045fc1020100", answer: "6a80" },
    { what: "no name", apdu: "00cb3fff02530000", answer: "6a80" },
  ])("GET DATA with $what is refused", async ({ apdu, answer }) =>
    expect(await (await selected()).send(apdu)).toBe(answer),
  )
})
