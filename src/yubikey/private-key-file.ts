/** P-256 private keys from elsewhere, for a YubiKey to keep: PEM as openssl writes it, [RFC 5208] PKCS #8 or [RFC 5915] SEC 1. */
import { createPrivateKey, type KeyObject } from "node:crypto"
import { decodeTlvs } from "../apdu/tlv.ts"
import { Secret } from "../secret.ts"
import { PrivateKeyUnusable } from "./failures.ts"
import { der } from "./slot-certificate.ts"

/**
 * Reads the key.
 * @param pem - the file; the caller zeroes it
 * @returns the scalar, 32 bytes, big endian
 * @throws PrivateKeyUnusable
 */
export function readP256PrivateKey(pem: Uint8Array): Secret<"private key"> {
  const key = parse(pem)
  if (key.asymmetricKeyType !== "ec" || key.asymmetricKeyDetails?.namedCurve !== "prime256v1")
    throw new PrivateKeyUnusable("it is not a P-256 key, and age uses no other on a YubiKey")
  const encoded = key.export({ type: "sec1", format: "der" })
  try {
    const [sequence] = decodeTlvs(encoded)
    const [, scalar] = decodeTlvs(sequence?.value ?? new Uint8Array())
    if (scalar?.tag !== der.octetString || scalar.value.length !== 32)
      throw new TypeError("a P-256 key in SEC 1 form has a scalar of 32 bytes")
    return Secret.owning("private key", Uint8Array.from(scalar.value))
  } finally {
    encoded.fill(0)
  }
}

function parse(pem: Uint8Array): KeyObject {
  try {
    return createPrivateKey(Buffer.from(pem.buffer, pem.byteOffset, pem.byteLength))
  } catch (cause) {
    throw new PrivateKeyUnusable("it is no PEM of a private key without a passphrase", { cause })
  }
}
