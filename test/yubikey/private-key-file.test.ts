import { generateKeyPairSync, type KeyObject } from "node:crypto"
import { describe, expect, it } from "vitest"
import { p256KeyPair } from "#primitives"
import { PrivateKeyUnusable } from "../../src/yubikey/failures.ts"
import { readP256PrivateKey } from "../../src/yubikey/private-key-file.ts"

const { privateKey: key, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" })
const pem = (from: KeyObject, type: "pkcs8" | "sec1"): Buffer => Buffer.from(from.export({ type, format: "pem" }))
/** `openssl ecparam -genkey` writes the curve before the key. */
const parameters = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"

describe("a P-256 private key from elsewhere", () => {
  it.each([
    { form: "PKCS #8", file: pem(key, "pkcs8") },
    { form: "SEC 1", file: pem(key, "sec1") },
    {
      form: "SEC 1 behind the parameters of its curve",
      file: Buffer.concat([Buffer.from(parameters), pem(key, "sec1")]),
    },
  ])("is read from $form", ({ file }) => {
    using scalar = readP256PrivateKey(file)
    const { x, y } = key.export({ format: "jwk" })
    const point = Buffer.concat([Buffer.of(4), Buffer.from(x ?? "", "base64url"), Buffer.from(y ?? "", "base64url")])
    expect(Buffer.from(scalar.use(p256KeyPair).publicPoint).equals(point)).toBe(true)
  })

  it.each([
    { what: "a public key", file: publicKey.export({ type: "spki", format: "pem" }), says: "no PEM of a private key" },
    { what: "nothing", file: "", says: "no PEM of a private key" },
    {
      what: "a key on another curve",
      file: pem(generateKeyPairSync("ec", { namedCurve: "P-384" }).privateKey, "pkcs8"),
      says: "not a P-256 key",
    },
    {
      what: "a key of another kind",
      file: pem(generateKeyPairSync("ed25519").privateKey, "pkcs8"),
      says: "not a P-256 key",
    },
    {
      what: "a key behind a passphrase",
      file: key.export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "hunter2" }),
      says: "without a passphrase",
    },
  ])("is not read from $what", ({ file, says }) => {
    const read = () => readP256PrivateKey(Buffer.from(file))
    expect(read).toThrow(PrivateKeyUnusable)
    expect(read).toThrow(says)
  })
})
