import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { connectCard } from "../../src/pcsc/connect.ts"
import {
  CardBusy,
  CardRemoved,
  CardReset,
  CardServiceRefused,
  CardUnresponsive,
  NoCardService,
} from "../../src/pcsc/failures.ts"
import { findCardHolder } from "../../src/pcsc/holder.ts"
import { type NativeReader, pcscCode, pcscFailure, serviceFailure } from "../../src/pcsc/native.ts"

/** What pcsclite throws: the code is at the end of the text, and nowhere else. */
const pcscError = (what: string, code: string): RangeError => new RangeError(`${what} error: some words.(${code})`)

describe("an error of pcsclite", () => {
  it.each([
    { code: "0x8010001d", type: NoCardService },
    { code: "0x8010001e", type: NoCardService },
    { code: "0x8010000c", type: CardRemoved },
    { code: "0x80100069", type: CardRemoved },
    { code: "0x80100017", type: CardRemoved },
    { code: "0x80100068", type: CardReset },
    { code: "0x8010006a", type: CardServiceRefused },
    { code: "0x80100066", type: CardUnresponsive },
    { code: "0xffffffff80100066", type: CardUnresponsive },
  ])("$code becomes a failure of its kind, with the cause kept", ({ code, type }) => {
    const error = pcscError("SCardTransmit", code)
    const failure = pcscFailure(error)
    expect(failure).toBeInstanceOf(type)
    expect(failure).toMatchObject({ exit: 5, cause: error })
  })

  it.each([
    { code: "0x80100013", type: CardServiceRefused },
    { code: "0x8010006a", type: CardServiceRefused },
    { code: "0x8010001d", type: NoCardService },
  ])("$code, before there is a card, becomes what it says of the service", ({ code, type }) => {
    expect(serviceFailure(pcscError("SCardEstablishContext", code))).toBeInstanceOf(type)
    expect(pcscFailure(pcscError("SCardTransmit", "0x80100013"))).toBeInstanceOf(CardUnresponsive)
  })

  it("without a code is an unresponsive card", () => {
    expect(pcscCode(new RangeError("Card Reader not connected"))).toBeUndefined()
    expect(pcscFailure("no error at all")).toBeInstanceOf(CardUnresponsive)
  })
})

/** A reader whose connections succeed or fail as told, in turn. */
function reader(...outcomes: readonly string[]): NativeReader & { shares: number[]; dispositions: number[] } {
  const shares: number[] = []
  const dispositions: number[] = []
  return {
    shares,
    dispositions,
    name: "R",
    SCARD_SHARE_SHARED: 2,
    SCARD_SHARE_EXCLUSIVE: 1,
    SCARD_PROTOCOL_T0: 1,
    SCARD_PROTOCOL_T1: 2,
    SCARD_STATE_PRESENT: 0x20,
    SCARD_STATE_MUTE: 0x200,
    SCARD_LEAVE_CARD: 0,
    SCARD_RESET_CARD: 1,
    on: () => undefined,
    once: () => undefined,
    connect({ share_mode }, done) {
      const outcome = outcomes[shares.length] ?? outcomes.at(-1) ?? "ok"
      shares.push(share_mode)
      if (outcome === "ok") done(null, 2)
      else done(pcscError("SCardConnect", outcome), 0)
    },
    disconnect(disposition, done) {
      dispositions.push(disposition)
      done(null)
    },
    transmit: (_command, _limit, _protocol, done) => done(null, Buffer.from("9000", "hex")),
    close: () => undefined,
  }
}

const sharing = "0x8010000b"

describe("connecting", () => {
  it("takes the card for itself where nobody else has it, and leaves it as it is", async () => {
    const native = reader("ok")
    const card = await connectCard(native)
    await card.close("leave")
    await card.close("leave")
    expect(native.shares).toEqual([1])
    expect(native.dispositions).toEqual([0])
  })

  it("shares the card where somebody else is connected", async () => {
    const native = reader(sharing, "ok")
    await (await connectCard(native)).close("reset")
    expect(native.shares).toEqual([1, 2])
    expect(native.dispositions).toEqual([1])
  })

  it("waits a moment for one who has it for himself, and then says that it is busy", async () => {
    const native = reader(sharing)
    const failure = await connectCard(native).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(CardBusy)
    expect(failure).toMatchObject({ exit: 5, where: { reader: "R" } })
    expect(native.shares.length).toBeGreaterThan(4)
  })

  it("does not wait for a card that is gone", async () => {
    await expect(connectCard(reader("0x8010000c"))).rejects.toBeInstanceOf(CardRemoved)
  })

  it("sends nothing over a connection that was let go of", async () => {
    const card = await connectCard(reader("ok"))
    await card.close("leave")
    await expect(card.transmit(Uint8Array.of(0))).rejects.toBeInstanceOf(CardRemoved)
  })
})

describe("the holder of a busy card", () => {
  it("is the process that has the PC/SC library loaded, and known ones come first", async () => {
    const proc = mkdtempSync(join(tmpdir(), "ts-age-yk-proc-"))
    const process = (pid: number, comm: string, cmdline: string, maps: string): void => {
      mkdirSync(join(proc, String(pid)))
      writeFileSync(join(proc, String(pid), "comm"), `${comm}\n`)
      writeFileSync(join(proc, String(pid), "cmdline"), cmdline)
      writeFileSync(join(proc, String(pid), "maps"), maps)
    }
    process(1, "init", "/sbin/init", "/lib/libc.so")
    process(20, "pcscd", "/usr/sbin/pcscd\0--foreground\0", "/usr/lib/libpcsclite.so.1")
    process(30, "something", "/opt/something\0", "/usr/lib/libpcsclite.so.1")
    process(40, "scdaemon", "scdaemon\0--multi-server\0", "/usr/lib/libpcsclite.so.1")
    process(50, "node", "node\0/x/dist/plugin.js\0--age-plugin=identity-v1\0", "/usr/lib/libpcsclite.so.1")
    mkdirSync(join(proc, "self"))
    expect(await findCardHolder(1, proc)).toEqual({ name: "scdaemon", pid: 40 })
    rmSync(join(proc, "40"), { recursive: true })
    expect(await findCardHolder(1, proc)).toEqual({ name: "age-plugin-yubikey", pid: 50 })
    expect(await findCardHolder(50, proc)).toEqual({ name: "something", pid: 30 })
    rmSync(proc, { recursive: true })
  })

  it("is told with the command that ends it", () => {
    expect(new CardBusy({ name: "scdaemon", pid: 4121 })).toMatchObject({
      message: "held by scdaemon (process 4121)",
      hint: "let go of it: gpgconf --kill scdaemon",
    })
  })
})
