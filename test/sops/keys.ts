/** Test keys that open and wrap data keys, through `age-encryption` and a few lines of node:crypto, so that no code of ours is judge in its own case. */
import { createDecipheriv, createECDH, hkdfSync } from "node:crypto"
import { readFileSync } from "node:fs"
import { armor, Decrypter, Encrypter, type Identity, type Stanza } from "age-encryption"
import { Secret } from "../../src/secret.ts"
import type { KeyOpener, KeyWrapper } from "../../src/sops/data-key.ts"

export const vectors = new URL("../vectors/", import.meta.url)

export function readVector(name: string): string {
  return readFileSync(new URL(name, vectors), "utf8")
}

/** The AGE-SECRET-KEY lines of a vector file. */
export function secretKeys(name: string): string[] {
  return readVector(name)
    .split("\n")
    .filter((line) => line.startsWith("AGE-SECRET-KEY-"))
}

/** [age-plugin-yubikey] piv-p256 with a private key that is at hand. */
export function pivIdentity(privateKey: string): Identity {
  const ecdh = createECDH("prime256v1")
  ecdh.setPrivateKey(privateKey, "hex")
  const own = ecdh.getPublicKey(null, "compressed")
  return {
    unwrapFileKey(stanzas: Stanza[]): Uint8Array | null {
      for (const { args, body } of stanzas) {
        if (args[0] !== "piv-p256") continue
        const ephemeral = Buffer.from(args[2] ?? "", "base64")
        const shared = ecdh.computeSecret(ephemeral)
        const wrapKey = hkdfSync("sha256", shared, Buffer.concat([ephemeral, own]), "piv-p256", 32)
        const cipher = createDecipheriv("chacha20-poly1305", new Uint8Array(wrapKey), Buffer.alloc(12), {
          authTagLength: 16,
        })
        cipher.setAuthTag(body.subarray(16))
        const fileKey = cipher.update(body.subarray(0, 16))
        try {
          cipher.final()
        } catch {
          continue
        }
        return fileKey
      }
      return null
    },
  }
}

/** An opener that holds these identities, and counts what it is asked. */
export function openerOf(...identities: (string | Identity)[]): KeyOpener & { asked: string[] } {
  const decrypter = new Decrypter()
  for (const identity of identities) decrypter.addIdentity(identity)
  const asked: string[] = []
  return {
    asked,
    async open({ recipient, enc }) {
      asked.push(recipient)
      try {
        return Secret.owning("data key", await decrypter.decrypt(armor.decode(enc)))
      } catch {
        return null
      }
    },
  }
}

/** Wraps for age recipients. */
export const wrapWithAge: KeyWrapper = async (recipient, plain) => {
  const encrypter = new Encrypter()
  encrypter.addRecipient(recipient)
  return armor.encode(await encrypter.encrypt(plain.use((bytes) => bytes.slice())))
}
