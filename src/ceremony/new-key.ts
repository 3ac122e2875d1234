/** The key of a host or of a person that is to join: read from where it comes, as a recipient, with its SSH fingerprint to compare. */
import { createHash, createHmac } from "node:crypto"
import type { Dialogue } from "../age/dialogue.ts"
import { IdentityInvalid, RecipientInvalid, RecipientUnsupported } from "../age/failures.ts"
import type { Identity } from "../age/identity.ts"
import { parseRecipient } from "../age/recipients.ts"
import { sshIdentities } from "../age/ssh-identity.ts"
import { looksLikeSshPrivateKey, readSshPrivateKey } from "../age/ssh-private-key.ts"
import { parseSshPublicLine, type SshPublicKey } from "../age/ssh-public-key.ts"
import { sshPublicToAge } from "../age/ssh-to-age.ts"
import { printable, quote } from "../quote.ts"
import { YubiKeyRecipient } from "../yubikey/recipient.ts"
import { NewKeyRefused } from "./failures.ts"

/** A key that was read. */
export type NewKey = Readonly<{
  /** As `.sops.yaml` takes it. */
  recipient: string
  /** `SHA256:…`, as ssh-keygen -l shows it; null for keys that are not SSH's. */
  fingerprint: string | null
  /** Where it comes from, in words. */
  source: string
  /** The key itself where it was at hand, so that it can prove itself. */
  identities: readonly Identity[]
}>

const otherType = "take the host's Ed25519 key: /etc/ssh/ssh_host_ed25519_key.pub, or make one: ssh-keygen -t ed25519"

/** [OpenSSH] sshkey.c, sshkey_fingerprint: SHA-256 of the wire form, base64 without padding. */
export function sshFingerprint(key: Pick<SshPublicKey, "wire">): string {
  return `SHA256:${createHash("sha256").update(key.wire).digest("base64").replace(/=+$/, "")}`
}

function fromSsh(key: SshPublicKey, source: string, identities: readonly Identity[] = []): NewKey {
  if (key.type !== "ssh-ed25519")
    throw new NewKeyRefused(`${source} is a key of type ${key.type}, and only ssh-ed25519 converts to age`, otherType)
  return { recipient: sshPublicToAge(key).text, fingerprint: sshFingerprint(key), source, identities }
}

function refusal(failure: unknown, source: string): unknown {
  if (failure instanceof RecipientUnsupported || failure instanceof IdentityInvalid)
    return new NewKeyRefused(`${source}: ${failure.message}`, otherType, { cause: failure })
  if (failure instanceof RecipientInvalid)
    return new NewKeyRefused(`${source}: ${failure.message}`, "copy it again, whole", { cause: failure })
  return failure
}

/**
 * Reads a public line: `ssh-ed25519 AAAA… comment`.
 * @param source - what the failure and the record call it
 * @throws NewKeyRefused for other types than Ed25519, with the way out
 */
export function keyFromSshLine(line: string, source: string): NewKey {
  try {
    return fromSsh(parseSshPublicLine(line), source)
  } catch (failure) {
    throw refusal(failure, source)
  }
}

/**
 * Reads an SSH key file, public or private. A private key can prove itself.
 * @throws NewKeyRefused
 */
export function keyFromSshFile(text: string, source: string, dialogue: Dialogue | null): NewKey {
  if (!looksLikeSshPrivateKey(text)) return keyFromSshLine(firstLine(text), source)
  try {
    const file = readSshPrivateKey(text)
    if (file.publicKey === null)
      throw new NewKeyRefused(
        `${source} does not show its public key before it is opened`,
        `name its public file: ${source}.pub`,
      )
    return fromSsh(file.publicKey, source, sshIdentities(file, source, dialogue))
  } catch (failure) {
    throw refusal(failure, source)
  }
}

function firstLine(text: string): string {
  return text.split("\n").find((line) => line.trim() !== "" && !line.startsWith("#")) ?? ""
}

/**
 * Finds a host's key in the text of a known_hosts file. [OpenSSH] sshd(8), SSH_KNOWN_HOSTS FILE FORMAT
 * @throws NewKeyRefused when it has none, none of Ed25519, or several
 */
export function keyFromKnownHosts(text: string, host: string, file: string): NewKey {
  const source = `${printable(host)} in ${printable(file)}`
  const lines = text.split("\n").flatMap((line) => {
    const words = line.trim().split(/[ \t]+/)
    if (words[0]?.startsWith("@") === true || words[0]?.startsWith("#") === true || words.length < 3) return []
    const [patterns = "", type = "", encoded = ""] = words
    return namesHost(patterns, host) ? [{ type, line: `${type} ${encoded}` }] : []
  })
  const types = [...new Set(lines.map(({ type }) => type))]
  if (lines.length === 0)
    throw new NewKeyRefused(
      `${printable(file)} does not know ${quote(host)}`,
      "connect to it once, or name its key file with --ssh-key",
    )
  const keys = [...new Set(lines.filter(({ type }) => type === "ssh-ed25519").map(({ line }) => line))]
  const [only] = keys
  if (only === undefined)
    throw new NewKeyRefused(
      `${source} has keys of type ${types.map(printable).join(", ")}, and only ssh-ed25519 converts to age`,
      otherType,
    )
  if (keys.length > 1)
    throw new NewKeyRefused(
      `${source} has ${keys.length} different Ed25519 keys`,
      "name the right one with --ssh-public",
    )
  return keyFromSshLine(only, source)
}

function namesHost(patterns: string, host: string): boolean {
  if (patterns.startsWith("|1|")) {
    const [, , salt = "", hash = ""] = patterns.split("|")
    return createHmac("sha1", Buffer.from(salt, "base64")).update(host).digest("base64") === hash
  }
  const names = patterns.split(",")
  const fits = (pattern: string): boolean =>
    new RegExp(
      `^${pattern
        .replace(/[.+^${}()|[\]\\]/g, "\\$&")
        .replaceAll("*", ".*")
        .replaceAll("?", ".")}$`,
      "i",
    ).test(host)
  return !names.some((name) => name.startsWith("!") && fits(name.slice(1))) && names.some((name) => fits(name))
}

/**
 * Reads a recipient as it is written: `age1…`, `age1yubikey1…`, or another that a plugin has.
 * @throws NewKeyRefused
 */
export function keyFromRecipient(text: string): NewKey {
  try {
    const parsed = parseRecipient(text)
    // Whatever is mistyped in a YubiKey's recipient is found here, not in the middle of a ceremony.
    if (parsed.kind === "plugin" && YubiKeyRecipient.isText(text)) YubiKeyRecipient.parse(text)
    if (parsed.kind === "native" && text.startsWith("ssh-")) {
      const key = parseSshPublicLine(text)
      return {
        recipient: parsed.recipient.text,
        fingerprint: sshFingerprint(key),
        source: "its SSH recipient",
        identities: [],
      }
    }
    return { recipient: text, fingerprint: null, source: "its recipient", identities: [] }
  } catch (failure) {
    throw refusal(failure, quote(text, 80))
  }
}

/** The ways in which one key is written as a recipient; two recipients that share one are the same key. */
export function sameKeyAs(recipient: string): ReadonlySet<string> {
  try {
    if (YubiKeyRecipient.isText(recipient)) {
      const key = YubiKeyRecipient.parse(recipient)
      return new Set([recipient, key.as("piv-p256").text, key.as("p256tag").text])
    }
    if (recipient.startsWith("ssh-ed25519 ")) {
      const key = parseSshPublicLine(recipient)
      return new Set([recipient, recipient.split(" ").slice(0, 2).join(" "), sshPublicToAge(key).text])
    }
  } catch {
    // Not a key of these kinds after all.
  }
  return new Set([recipient])
}
