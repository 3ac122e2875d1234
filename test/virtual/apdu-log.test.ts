import { createECDH } from "node:crypto"
import { expect, it } from "vitest"
import { importKey, newCard } from "../../src/virtual/index.ts"
import { authenticate, hex, pin, selected } from "./selected.ts"

it("the log names commands and statuses, and has no PIN, key, secret or protected object in it", async () => {
  const lines: string[] = []
  const scalar = "5ca1ab1e".repeat(8)
  const key = { slot: 0x82, privateKey: hex(scalar), pinPolicy: "never", touchPolicy: "never" } as const
  const state = importKey(newCard({ pin: "271828", puk: "31415926" }), key)
  const one = await selected(state, { log: (line) => lines.push(line) })
  const peer = createECDH("prime256v1")
  const own = createECDH("prime256v1")
  own.setPrivateKey(hex(scalar))
  const agreed = await one.send(`0087118247 7c45 8200 8541 ${peer.generateKeys("hex")}`)
  const shared = peer.computeSecret(own.getPublicKey()).toString("hex")
  expect(agreed).toContain(shared)
  const padded = (text: string) => Buffer.from(text.padEnd(8, "\xff"), "latin1").toString("hex")
  await one.send(`0020008008${padded("271828")}`)
  await one.send(`0024008010${padded("271828")}${padded("161803")}`)
  await one.send(`002c008010${padded("31415926")}${padded("141421")}`)
  await one.send(pin.wrong)
  await one.send(`0020008008${padded("141421")}`)
  await authenticate(one)
  await one.send(`00ffffff1b0a9b18${"7e".repeat(24)}`)
  await one.send(`00db3fff255c035fc109531e881a8918${"7e".repeat(24)}`)
  await one.send("00cb3fff055c035fc10900")
  await one.send(`00fe118322 0620${scalar}`)
  const log = lines.join("\n")
  expect(log).toContain("> 00200080 VERIFY [8 bytes]")
  expect(log).toContain("> 00cb3fff GET DATA 5c035fc109")
  expect(log).toMatch(/^< 63c2$/m)
  const secrets = ["271828", "161803", "31415926", "141421"].map((text) => Buffer.from(text).toString("hex"))
  for (const secret of [...secrets, shared, scalar, "7e7e7e7e", "271828", "31415926"]) expect(log).not.toContain(secret)
})
