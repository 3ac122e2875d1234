/** SSH's Ed25519 keys as age keys, byte for byte as the program `ssh-to-age` makes them. Not the same as encrypting to `ssh-ed25519`. */

import { quote } from "../quote.ts"
import { Secret } from "../secret.ts"
import { edwardsScalar, edwardsToMontgomery } from "./edwards.ts"
import { IdentityInvalid, RecipientInvalid } from "./failures.ts"
import type { SshPrivateKey } from "./ssh-private-key.ts"
import { decodeStandardBase64, readSshPublicKey, type SshPublicKey } from "./ssh-public-key.ts"
import { X25519Identity, X25519Recipient } from "./x25519.ts"

/** The age recipient of a public key. @throws RecipientInvalid when it is not Ed25519, or no point on its curve */
export function sshPublicToAge(key: SshPublicKey): X25519Recipient {
  if (key.type !== "ssh-ed25519") throw notEd25519(key.type)
  const point = edwardsToMontgomery(key.point)
  if (point === null) throw new RecipientInvalid("SSH public key is no point on its curve")
  return new X25519Recipient(point)
}

/** The age identity of a private key, an independent copy. @throws IdentityInvalid when it is not Ed25519 */
export function sshPrivateToAge(key: SshPrivateKey, label?: string): X25519Identity {
  if (key.type !== "ssh-ed25519")
    throw new IdentityInvalid(`SSH key is of type ${key.type}, and only ssh-ed25519 converts`)
  return new X25519Identity(Secret.owning("age key", key.seed.use(edwardsScalar)), label)
}

function notEd25519(type: string): RecipientInvalid {
  return new RecipientInvalid(`SSH key is of type ${quote(type, 40)}, and only ssh-ed25519 converts`)
}

/** What became of a line of public keys. Lines count from 1. */
export type ConvertedLine = Readonly<{ line: number }> &
  (Readonly<{ recipient: X25519Recipient }> | Readonly<{ skipped: RecipientInvalid }>)

/**
 * Converts lines as in `id_ed25519.pub`, `authorized_keys`, `known_hosts` and the output of `ssh-keyscan`; empty lines and comments
 * are passed over.
 * @returns a conversion a line; keys of other types are skipped and say why
 * @throws RecipientInvalid with the line, when one is no key at all
 */
export function sshLinesToAge(text: string): ConvertedLine[] {
  return text.split("\n").flatMap((raw, index): ConvertedLine[] => {
    const content = raw.trim()
    const line = index + 1
    if (content === "" || content.startsWith("#")) return []
    const found = findKey(content)
    if (found === null) throw new RecipientInvalid("not an SSH public key", { where: { line } })
    if (found.key?.type !== "ssh-ed25519") return [{ line, skipped: notEd25519(found.type).within({ line }) }]
    return [{ line, recipient: sshPublicToAge(found.key) }]
  })
}

/** A type and its base64 stand side by side, whatever comes before (host names, options) and after (a comment). */
function findKey(content: string): ReturnType<typeof readSshPublicKey> {
  const words = content.split(/[ \t]+/)
  for (const [index, word] of words.entries()) {
    const read = readSshPublicKey(decodeStandardBase64(words[index + 1] ?? "") ?? new Uint8Array(0))
    if (read !== null && read.type === word) return read
  }
  return null
}
