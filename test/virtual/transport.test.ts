import { describe, expect, it } from "vitest"
import { CardBusy, CardRemoved, CardReset, CardUnresponsive } from "../../src/pcsc/failures.ts"
import {
  manualClock,
  newCard,
  parseFault,
  VirtualCard,
  type VirtualOptions,
  virtualReader,
} from "../../src/virtual/index.ts"
import { hex, pin } from "./selected.ts"

const select = hex("00a4040005a000000308")
const version = hex("00fd0000")

function reader(faults: readonly string[] = [], options: VirtualOptions = {}) {
  return virtualReader(new VirtualCard(newCard({ serial: 42 }), { ...options, faults: faults.map(parseFault) }))
}

async function connected(of: ReturnType<typeof reader>) {
  const connection = await of.connect()
  await connection.transmit(select)
  return connection
}

const status = async (connection: { transmit(apdu: Uint8Array): Promise<Uint8Array> }) =>
  Buffer.from(await connection.transmit(hex(pin.status))).toString("hex")

describe("letting go of a card", () => {
  it("with leave keeps PIN and application for the next program", async () => {
    const one = reader()
    const first = await connected(one)
    await first.transmit(hex(pin.right))
    await first.close("leave")
    expect(one.connections).toBe(0)
    expect(await status(await one.connect())).toBe("9000")
  })

  it("with reset ends them, and tells who else is connected, once", async () => {
    const one = reader()
    const [first, second] = [await connected(one), await connected(one)]
    await second.transmit(hex(pin.right))
    await first.close("reset")
    await expect(status(second)).rejects.toThrow(CardReset)
    await second.transmit(select)
    expect(await status(second)).toBe("63c3")
  })

  it("a power cycle ends them too", async () => {
    const one = reader()
    const first = await connected(one)
    await first.transmit(hex(pin.right))
    await first.close("leave")
    one.powerCycle()
    expect(await status(await connected(one))).toBe("63c3")
  })

  it("twice is as good as once, and using it afterwards is our mistake", async () => {
    const one = await connected(reader())
    await one.close("leave")
    await one.close("reset")
    await expect(one.transmit(version)).rejects.toThrow(TypeError)
  })
})

describe("an unplugged key", () => {
  it("ends what is under way, and every later exchange of that connection", async () => {
    const clock = manualClock()
    const one = reader(["slow:1000@2"], { clock })
    const connection = await connected(one)
    const answer = connection.transmit(version)
    one.unplug()
    await expect(answer).rejects.toThrow(CardRemoved)
    await expect(one.connect()).rejects.toThrow(CardRemoved)
    one.plug()
    await expect(connection.transmit(version)).rejects.toThrow(CardRemoved)
    expect(await (await connected(one)).transmit(version)).toEqual(hex("0507019000"))
  })
})

describe("faults", () => {
  it.each([
    { fault: "removed@2", failure: CardRemoved },
    { fault: "reset@2", failure: CardReset },
    { fault: "busy@2", failure: CardBusy },
    { fault: "unresponsive@2", failure: CardUnresponsive },
  ])("$fault is the failure that the real transport has for it, with the reader's name", async ({ fault, failure }) => {
    const connection = await connected(reader([fault]))
    const thrown: unknown = await connection.transmit(version).catch((cause: unknown) => cause)
    expect(thrown).toBeInstanceOf(failure)
    expect(thrown).toMatchObject({ where: { reader: "Virtual YubiKey 42" } })
  })

  it("busy@0 is somebody who has the card already", async () => {
    const one = reader(["busy@0"])
    await expect(one.connect()).rejects.toThrow(CardBusy)
    await connected(one)
  })

  it("short@2 and garbage@2 spoil the answer, and the card did its work", async () => {
    for (const fault of ["short@2", "garbage@2"]) {
      const connection = await connected(reader([fault]))
      const answer = await connection.transmit(hex(pin.right))
      expect(answer).not.toEqual(hex("9000"))
      expect(await status(connection)).toBe("9000")
    }
  })

  it("slow:3000@2 takes three seconds of the card's clock", async () => {
    const clock = manualClock({ skipSleep: true })
    const connection = await connected(reader(["slow:3000@2"], { clock }))
    await connection.transmit(version)
    expect(clock.now()).toBe(3000)
  })

  it("are counted in each connection from one", async () => {
    const one = reader(["busy@2*"])
    for (let times = 0; times < 2; times++)
      await expect((await connected(one)).transmit(version)).rejects.toThrow(CardBusy)
    expect(one.apdus).toBe(4)
  })
})

it("exchanges that overlap are carried out one after the other", async () => {
  const connection = await connected(reader())
  const answers = await Promise.all([
    connection.transmit(hex(pin.wrong)),
    connection.transmit(hex(pin.right)),
    status(connection),
  ])
  expect(answers).toEqual([hex("63c2"), hex("9000"), "9000"])
})
