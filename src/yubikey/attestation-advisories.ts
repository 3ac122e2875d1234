/** What is known to be weak in some firmware, by Yubico's own advisories. */
import { type KeyObject } from "node:crypto"
import { atLeast, type Firmware, firmwareText } from "../piv/firmware.ts"
import type { Certificate } from "./x509.ts"

/** `id` is Yubico's, or the name by which the weakness is known. `remedy`: what to do about it. */
export type Advisory = Readonly<{ id: string; text: string; remedy: string }>

/**
 * The advisories that concern an attested P-256 key.
 * @param device - the certificate of the attestation key, where it was looked at
 */
export function advisoriesFor(firmware: Firmware, device?: Certificate): Advisory[] {
  const advisories: Advisory[] = []
  if (!atLeast(firmware, 5, 7))
    advisories.push({
      id: "YSA-2024-03",
      text: `firmware ${firmwareText(firmware)} is older than 5.7: whoever holds the YubiKey, knows its PIN and has a laboratory can copy its EC keys`,
      remedy: "keep it in sight; use a newer YubiKey for what must outlive that",
    })
  if (isRocaFirmware(firmware))
    advisories.push({
      id: "YSA-2017-01",
      text: `firmware ${firmwareText(firmware)} makes RSA keys that can be factored (ROCA)`,
      remedy: "keep no RSA key on it; age's P-256 keys are not concerned",
    })
  if (device !== undefined && hasRocaModulus(device.key))
    advisories.push({
      id: "ROCA",
      text: "the attestation key itself is an RSA key that can be factored: such an attestation can be forged",
      remedy: "trust it no further than whoever handed it to you",
    })
  return advisories
}

/** 4.2.6 to 4.3.4 ([YSA-2017-01]). */
function isRocaFirmware([major, minor, patch]: Firmware): boolean {
  if (major !== 4) return false
  return (minor === 2 && patch >= 6) || (minor === 3 && patch <= 4)
}

/** The first 39 primes but 2: modulo each, keys of that flaw are powers of 65537. [ROCA] Nemec et al., CCS 2017, section 2.2 and table 1. */
const primes = [
  3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109, 113,
  127, 131, 137, 139, 149, 151, 157, 163, 167,
]

/** Whether an RSA key has the mark of keys that can be factored. Others have it by chance once in some 2^27. */
export function hasRocaModulus(key: KeyObject): boolean {
  if (key.asymmetricKeyType !== "rsa") return false
  const modulus = BigInt(`0x${Buffer.from(key.export({ format: "jwk" }).n ?? "", "base64url").toString("hex")}`)
  return primes.every((prime) => powersOf65537(prime).has(Number(modulus % BigInt(prime))))
}

function powersOf65537(prime: number): Set<number> {
  const powers = new Set<number>()
  for (let power = 1; !powers.has(power); power = (power * 65537) % prime) powers.add(power)
  return powers
}
