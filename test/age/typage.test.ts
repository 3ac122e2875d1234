import * as typage from "age-encryption"
import { describe, expect, it } from "vitest"
import { StanzaMalformed } from "../../src/age/failures.ts"
import { decryptBytes, encryptBytes } from "../../src/age/file.ts"
import { HybridIdentity } from "../../src/age/hybrid.ts"
import type { Identity } from "../../src/age/identity.ts"
import { openWith } from "../../src/age/open.ts"
import { fromTypageIdentity, fromTypageRecipient, toTypageIdentity, toTypageRecipient } from "../../src/age/typage.ts"
import { X25519Identity } from "../../src/age/x25519.ts"

const hello = new TextEncoder().encode("hello")

describe("age-encryption", () => {
  it("encrypts and decrypts with our recipients and identities", async () => {
    const own = X25519Identity.generate()
    const encrypter = new typage.Encrypter()
    encrypter.addRecipient(toTypageRecipient(own.recipient))
    const file = await encrypter.encrypt(hello)
    const decrypter = new typage.Decrypter()
    decrypter.addIdentity(toTypageIdentity(X25519Identity.generate(), own))
    expect(await decrypter.decrypt(file)).toEqual(hello)
    expect(await decryptBytes(file, openWith([own]))).toEqual(hello)
  })

  it("opens what we make for its own identities, and the other way", async () => {
    const x25519 = X25519Identity.generate()
    const hybrid = HybridIdentity.generate()
    const pairs = [
      { identity: x25519, recipient: x25519.recipient },
      { identity: hybrid, recipient: await hybrid.recipient() },
    ]
    for (const { identity, recipient } of pairs) {
      const decrypter = new typage.Decrypter()
      decrypter.addIdentity(identity.revealText())
      expect(await decrypter.decrypt(await encryptBytes(hello, [recipient]))).toEqual(hello)
      const encrypter = new typage.Encrypter()
      encrypter.addRecipient(recipient.text)
      expect(await decryptBytes(await encrypter.encrypt(hello), openWith([identity]))).toEqual(hello)
    }
  })

  it("gets null for a file that is not for us, and the failure of one that is", async () => {
    const broken: Identity = {
      label: "broken",
      match: () => ({ fits: "maybe", asks: new Set() }),
      unwrapFileKey: () => Promise.reject(new StanzaMalformed("x", "of no use")),
    }
    const stanzas = [new typage.Stanza(["other"], hello)]
    expect(await toTypageIdentity(X25519Identity.generate()).unwrapFileKey(stanzas)).toBeNull()
    await expect(toTypageIdentity(broken).unwrapFileKey(stanzas)).rejects.toThrow(StanzaMalformed)
  })

  it("lends us its identities and recipients", async () => {
    const own = X25519Identity.generate()
    const identity = fromTypageIdentity(toTypageIdentity(own), "theirs")
    const recipient = fromTypageRecipient(toTypageRecipient(own.recipient), own.recipient.text)
    const file = await encryptBytes(hello, [recipient])
    expect(await decryptBytes(file, openWith([identity]))).toEqual(hello)
  })
})
