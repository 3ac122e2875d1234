import { describe, expect, it } from "vitest"
import { attend, choosePinSource } from "../../src/cli/attendance.ts"
import { WrongUsage } from "../../src/cli/failures.ts"
import type { PinSource } from "../../src/keyring/pin-source.ts"
import { person } from "../dialogue.ts"
import { testWorld } from "./world.ts"

function pinOf(source: PinSource, serial = 7): Promise<string | null> {
  if (source.from !== "program") throw new TypeError("a program is expected")
  return source.pin(serial)
}

describe("PINs come from", () => {
  const dialogue = person()

  it("a descriptor that an option or a variable names", async () => {
    const readDescriptor = (descriptor: number): Promise<string> => Promise.resolve(`${descriptor}00000\n`)
    const { world } = testWorld({ env: { TS_AGE_YK_PIN_FD: "4" }, readDescriptor, terminal: () => dialogue })
    expect(await pinOf(choosePinSource({ pinFd: 3 }, world))).toBe("300000")
    expect(await pinOf(choosePinSource({}, world))).toBe("400000")
  })

  it("a command that an option or a variable names, which gets the serial number", async () => {
    const env = { PATH: process.env["PATH"], TS_AGE_YK_PIN_COMMAND: "echo variable" }
    const { world } = testWorld({ env, terminal: () => dialogue })
    expect(await pinOf(choosePinSource({ pinCommand: 'echo "1000$TS_AGE_YK_SERIAL"' }, world), 27)).toBe("100027")
    expect(await pinOf(choosePinSource({}, world))).toBe("variable")
  })

  it("the option, where variables say otherwise", async () => {
    const { world } = testWorld({ env: { PATH: process.env["PATH"], TS_AGE_YK_PIN_FD: "4" } })
    expect(await pinOf(choosePinSource({ pinCommand: "echo option" }, world))).toBe("option")
  })

  it("the person at the terminal, where nothing else is said, and else from nobody", () => {
    const empty = { TS_AGE_YK_PIN_FD: "", TS_AGE_YK_PIN_COMMAND: "" }
    expect(choosePinSource({}, testWorld({ env: empty, terminal: () => dialogue }).world)).toEqual({
      from: "person",
      dialogue,
    })
    expect(choosePinSource({}, testWorld().world)).toEqual({ from: "nobody" })
  })

  it("no two places at once, and no descriptor that is none", () => {
    expect(() => choosePinSource({ pinFd: 3, pinCommand: "true" }, testWorld().world)).toThrow(WrongUsage)
    for (const text of ["x", "-1", "1.5"])
      expect(() => choosePinSource({}, testWorld({ env: { TS_AGE_YK_PIN_FD: text } }).world)).toThrow(WrongUsage)
  })
})

describe("a touch is announced", () => {
  const key = { serial: 7, reader: "r", slot: 0x82 } as const
  const line = "touch YubiKey 7 (slot 82)"

  it("in a line that stays, where standard error is no terminal", () => {
    const { world, output } = testWorld()
    attend({ from: "nobody" }, world).touch(key)()
    expect(output().stderr).toBe(`ts-age-yk: ${line}\n`)
  })

  it.each([
    { env: {}, shown: `\u001b[1m${line}\u001b[0m` },
    { env: { NO_COLOR: "1" }, shown: line },
    { env: { NO_COLOR: "" }, shown: `\u001b[1m${line}\u001b[0m` },
  ])("on a terminal until it was given ($env)", ({ env, shown }) => {
    const { world, output } = testWorld({ errIsTerminal: true, env })
    const given = attend({ from: "nobody" }, world).touch(key)
    expect(output().stderr).toBe(shown)
    given()
    expect(output().stderr).toBe(`${shown}\r\u001b[K`)
  })
})
