import { describe, expect, it } from "vitest"
import { encodeCommand, exchangeWith, send } from "../../src/apdu/exchange.ts"
import { AnswerMalformed } from "../../src/apdu/failures.ts"
import { StatusFailure, statusText } from "../../src/apdu/status.ts"
import type { CardTransport } from "../../src/pcsc/card-transport.ts"

const hex = (data: Uint8Array): string => Buffer.from(data).toString("hex")

/** A card that gives these answers, in turn, and keeps what it was sent. */
function scripted(...answers: readonly string[]): { transport: CardTransport; sent: string[] } {
  const sent: string[] = []
  return {
    sent,
    transport: {
      transmit(command) {
        sent.push(hex(command))
        const answer = answers[sent.length - 1]
        if (answer === undefined) return Promise.reject(new TypeError("no answer left"))
        return Promise.resolve(Uint8Array.from(Buffer.from(answer, "hex")))
      },
      close: () => Promise.resolve(),
    },
  }
}

const command = { ins: 0xcb, p1: 0x3f, p2: 0xff }

describe("encoding a command", () => {
  it.each([
    { what: "no data", data: "", form: "short", encoded: "00cb3fff00" },
    { what: "data", data: "5c03", form: "short", encoded: "00cb3fff025c0300" },
    { what: "no data, extended", data: "", form: "extended", encoded: "00cb3fff000000" },
    { what: "data, extended", data: "5c03", form: "extended", encoded: "00cb3fff0000025c030000" },
  ] as const)("puts an expected length behind $what", ({ data, form, encoded }) => {
    expect(hex(encodeCommand({ ...command, data: Buffer.from(data, "hex") }, form))).toBe(encoded)
  })

  it("takes 255 bytes in a short command, and 65,535 in an extended one", () => {
    expect(encodeCommand({ ...command, data: new Uint8Array(255) }).length).toBe(4 + 1 + 255 + 1)
    expect(() => encodeCommand({ ...command, data: new Uint8Array(256) })).toThrow(RangeError)
    expect(encodeCommand({ ...command, data: new Uint8Array(65_535) }, "extended").length).toBe(4 + 3 + 65_535 + 2)
    expect(() => encodeCommand({ ...command, data: new Uint8Array(65_536) }, "extended")).toThrow(RangeError)
  })
})

describe("an exchange", () => {
  it("cuts long data into a chain, and marks all but the last", async () => {
    const { transport, sent } = scripted("9000", "9000", "019000")
    const response = await exchangeWith(transport)({ ...command, data: new Uint8Array(600).fill(7) })
    expect(hex(response.data)).toBe("01")
    expect(sent.map((apdu) => apdu.slice(0, 10))).toEqual(["10cb3fffff", "10cb3fffff", "00cb3fff5a"])
  })

  it("ends a chain at the first link that is refused", async () => {
    const { transport, sent } = scripted("6982")
    expect((await exchangeWith(transport)({ ...command, data: new Uint8Array(300) })).sw).toBe(0x6982)
    expect(sent.length).toBe(1)
  })

  it("sends long data in one piece where the card takes extended commands", async () => {
    const { transport, sent } = scripted("9000")
    await exchangeWith(transport, "extended")({ ...command, data: new Uint8Array(600) })
    expect(sent[0]?.slice(0, 14)).toBe("00cb3fff000258")
  })

  it("fetches the rest of a long answer", async () => {
    const { transport, sent } = scripted("aabb6102", "cc6101", "dd9000")
    const response = await exchangeWith(transport)(command)
    expect(hex(response.data)).toBe("aabbccdd")
    expect(response.sw).toBe(0x9000)
    expect(sent.slice(1)).toEqual(["00c0000002", "00c0000001"])
  })

  it("takes 61xx without data for what it is when the rest comes", async () => {
    const { transport } = scripted("6102", "aabb9000")
    expect(hex((await exchangeWith(transport)(command)).data)).toBe("aabb")
  })

  it("does not wait for ever on a card that promises and gives nothing", async () => {
    const { transport } = scripted("6110", "6110")
    await expect(exchangeWith(transport)(command)).rejects.toThrow(AnswerMalformed)
  })

  it("gives up on an answer that does not end", async () => {
    const endless: CardTransport = {
      transmit: () => Promise.resolve(Uint8Array.from([...new Uint8Array(256), 0x61, 0x00])),
      close: () => Promise.resolve(),
    }
    await expect(exchangeWith(endless)(command)).rejects.toThrow("does not end")
  })

  it("repeats a command with the length that the card names", async () => {
    const { transport, sent } = scripted("6c05", "01020304059000")
    expect(hex((await exchangeWith(transport)(command)).data)).toBe("0102030405")
    expect(sent).toEqual(["00cb3fff00", "00cb3fff05"])
  })

  it.each(["", "90"])("refuses an answer without a status word (%j)", async (answer) => {
    const { transport } = scripted(answer)
    await expect(exchangeWith(transport)(command)).rejects.toThrow(AnswerMalformed)
  })

  it("zeroes the command's bytes afterwards, since they may hold a PIN", async () => {
    let kept = new Uint8Array()
    const transport: CardTransport = {
      transmit(apdu) {
        kept = apdu as Uint8Array<ArrayBuffer>
        return Promise.resolve(Uint8Array.of(0x90, 0))
      },
      close: () => Promise.resolve(),
    }
    await exchangeWith(transport)({ ins: 0x20, p1: 0, p2: 0x80, data: Buffer.from("123456") })
    expect(kept.length).toBeGreaterThan(0)
    expect(kept.every((byte) => byte === 0)).toBe(true)
  })
})

describe("a status word", () => {
  it.each([
    [0x9000, "success (9000)"],
    [0x6982, "security status not satisfied (6982)"],
    [0x63c2, "verification failed, 2 tries left (63c2)"],
    [0x6110, "more data (6110)"],
    [0x6c04, "wrong expected length (6c04)"],
    [0x1234, "unknown status (1234)"],
  ])("%i reads %j", (sw, text) => {
    expect(statusText(sw)).toBe(text)
  })

  it("that is not 9000 becomes a failure that names the command", async () => {
    const { transport } = scripted("6a80")
    const failure = await send(exchangeWith(transport), "PUT DATA", command).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(StatusFailure)
    expect(failure).toMatchObject({ sw: 0x6a80, exit: 1, message: "the card refuses PUT DATA: incorrect data (6a80)" })
  })
})
