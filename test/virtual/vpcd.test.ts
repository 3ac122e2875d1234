import { once } from "node:events"
import { createServer, type Socket } from "node:net"
import fc from "fast-check"
import { afterEach, describe, expect, it } from "vitest"
import { newCard, parseFault, serveVpcd, VirtualCard, VpcdUnreachable } from "../../src/virtual/index.ts"
import { frame, messageReader } from "../../src/virtual/vpcd.ts"
import { fuzzRuns } from "../fuzz-runs.ts"
import { hex, pin } from "./selected.ts"

const closing: (() => void)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})

/** A reader's side of vpcd, and a card that was put into it. */
async function inserted(faults: readonly string[] = []) {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  if (address === null || typeof address === "string") throw new TypeError("no port")
  closing.push(() => server.close())
  const card = new VirtualCard(newCard(), { faults: faults.map(parseFault) })
  const connection = once(server, "connection")
  const link = await serveVpcd(card, { host: "127.0.0.1", port: address.port })
  const [socket] = (await connection) as [Socket]
  closing.push(() => void link.close())
  const answers: string[] = []
  let arrived: () => void = () => undefined
  socket.on(
    "data",
    messageReader((message) => {
      answers.push(Buffer.from(message).toString("hex"))
      arrived()
    }),
  )
  const ask = (message: string) => {
    const answer = new Promise<string>((resolve) => {
      arrived = () => resolve(answers.at(-1) ?? "")
    })
    socket.write(frame(hex(message)))
    return answer
  }
  const say = (message: string) => socket.write(frame(hex(message)))
  return { server, card, link, socket, ask, say }
}

it("messages survive any way of cutting the stream", () => {
  const messages = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 })
  const cuts = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1 })
  fc.assert(
    fc.property(messages, cuts, (sent, sizes) => {
      const stream = Buffer.concat(sent.map(frame))
      const got: Uint8Array[] = []
      const read = messageReader((message) => got.push(message))
      for (let offset = 0, piece = 0; offset < stream.length; piece++) {
        const size = sizes[piece % sizes.length] ?? 1
        read(stream.subarray(offset, offset + size))
        offset += size
      }
      expect(got).toEqual(sent)
    }),
    { numRuns: fuzzRuns },
  )
})

describe("a card in a vpcd reader", () => {
  it("gives its ATR and answers APDUs", async () => {
    const { ask, say } = await inserted()
    say("01")
    expect(await ask("04")).toBe("3bfd1300008131fe158073c021c057597562694b657940")
    expect(await ask("00a4040005a000000308")).toMatch(/9000$/)
    expect(await ask("00fd0000")).toBe("0507019000")
  })

  it.each([
    { what: "power off and on", messages: ["00", "01"] },
    { what: "reset", messages: ["02"] },
  ])("forgets the PIN at $what", async ({ messages }) => {
    const { ask, say } = await inserted()
    await ask("00a4040005a000000308")
    await ask(pin.right)
    for (const message of messages) say(message)
    await ask("00a4040005a000000308")
    expect(await ask(pin.status)).toBe("63c3")
  })

  it("is out of the reader when it is taken out", async () => {
    const { link, socket } = await inserted()
    const gone = once(socket, "close")
    await link.close()
    await gone
    await link.closed
  })

  it("ends when the reader's side goes away", async () => {
    const { link, socket } = await inserted()
    socket.destroy()
    await link.closed
  })

  it("is out of the reader at a removed fault, and out and in again at a reset", async () => {
    const removed = await inserted(["removed@1"])
    removed.say("00fd0000")
    await removed.link.closed
    const reset = await inserted(["reset@1"])
    const back = once(reset.server, "connection")
    reset.say("00fd0000")
    await back
  })
})

it("where nobody listens the failure names the address", async () => {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  server.close()
  await once(server, "close")
  if (address === null || typeof address === "string") throw new TypeError("no port")
  const served = serveVpcd(new VirtualCard(newCard()), { host: "127.0.0.1", port: address.port })
  await expect(served).rejects.toThrow(VpcdUnreachable)
  await expect(served).rejects.toThrow(`127.0.0.1:${address.port}`)
})
