import { describe, expect, it } from "vitest"
import { encryptBytes, readAgeFile } from "../../src/age/file.ts"
import { openWith } from "../../src/age/open.ts"
import { X25519Identity } from "../../src/age/x25519.ts"
import { proveRecipient } from "../../src/ceremony/challenge.ts"
import { ProofFailed } from "../../src/ceremony/failures.ts"
import { NoCard } from "../../src/pcsc/failures.ts"
import { YubiKeyRecipient } from "../../src/yubikey/recipient.ts"
import { card, sessionWith } from "./repository.ts"

const nano = 16169658
const recipient = YubiKeyRecipient.parse("age1yubikey1qtfd8v8t4q4fe26jqmkgyds5eq7fllw49nzn3xrehtvl86hk7stljgc4qtd")

describe("a challenge", () => {
  it("is opened by whoever has the key, and is another each time", async () => {
    const anna = X25519Identity.generate()
    const proofs = await Promise.all([1, 2].map(() => proveRecipient(anna.recipient, openWith([anna]))))
    expect(new Set(proofs.map(({ challenge }) => challenge)).size).toBe(2)
  })

  it("asks a YubiKey for its PIN once, and for one key agreement", async () => {
    const { session, attendant } = sessionWith({ cards: [card(nano)] })
    await using open = session
    for (const kind of ["piv-p256", "p256tag"] as const)
      expect(await proveRecipient(recipient.as(kind), (stanzas) => open.open(stanzas))).toMatchObject({
        challenge: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
      })
    expect([...attendant.tallies.values()]).toEqual([expect.objectContaining({ pins: 1, uses: 2 })])
  })

  it("that nobody opens is a failure that says so", async () => {
    const [anna, berta] = [X25519Identity.generate(), X25519Identity.generate()]
    await expect(proveRecipient(anna.recipient, openWith([berta]))).rejects.toBeInstanceOf(ProofFailed)
    await expect(proveRecipient(anna.recipient, openWith([]))).rejects.toBeInstanceOf(ProofFailed)
    const absent = proveRecipient(recipient, () => Promise.reject(new NoCard()))
    await expect(absent).rejects.toBeInstanceOf(ProofFailed)
  })

  it("is not passed by another file key, or by another's fault", async () => {
    const [anna, berta] = [X25519Identity.generate(), X25519Identity.generate()]
    const other = await encryptBytes(new Uint8Array(32), [berta.recipient])
    const stanzas = (await readAgeFile(other)).header.stanzas
    await expect(proveRecipient(anna.recipient, () => openWith([berta])(stanzas))).rejects.toMatchObject({
      code: "header-mac-mismatch",
    })
    await expect(proveRecipient(anna.recipient, () => Promise.reject(new RangeError("ours")))).rejects.toBeInstanceOf(
      RangeError,
    )
  })
})
