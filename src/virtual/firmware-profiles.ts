/**
 * What each firmware does and does not do. [YK]: Yubico's "PIV commands" and firmware notes; the versions are those of YubiKeys
 * that people have: a NEO, a YubiKey 4, the first and a late YubiKey 5, and the one that brought AES by default and new key types.
 */
import { FirmwareUnknown } from "./failures.ts"
import type { KeyAlgorithm, ManagementKeyAlgorithm } from "./key-algorithms.ts"

/** One firmware. Sizes are in bytes. */
export type FirmwareProfile = Readonly<{
  firmware: string
  /** What GET VERSION answers; a NEO's PIV application has a number of its own. */
  pivVersion: readonly [number, number, number]
  atr: Uint8Array
  algorithms: readonly KeyAlgorithm[]
  managementKeyAlgorithms: readonly ManagementKeyAlgorithm[]
  defaultManagementKeyAlgorithm: ManagementKeyAlgorithm
  policies: boolean
  cachedTouch: boolean
  attestation: boolean
  serialInPiv: boolean
  metadata: boolean
  moveKey: boolean
  logout: boolean
  /** Can refuse PINs that are easy to guess. */
  pinComplexity: boolean
  /** Device info pages through the management application; older ones have its name only. */
  deviceInfo: boolean
  formFactor: number | null
  maximumObject: number
  maximumCommand: number
}>

const classic: readonly KeyAlgorithm[] = ["rsa1024", "rsa2048", "p256", "p384"]
const aes: readonly ManagementKeyAlgorithm[] = ["3des", "aes128", "aes192", "aes256"]

function bytes(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, "hex"))
}

const yubikey5 = bytes("3bfd1300008131fe158073c021c057597562694b657940")

const neo: FirmwareProfile = {
  firmware: "3.4.9",
  pivVersion: [1, 0, 4],
  atr: bytes("3bfc1300008131fe15597562696b65794e454f7233e1"),
  algorithms: ["rsa1024", "rsa2048", "p256"],
  managementKeyAlgorithms: ["3des"],
  defaultManagementKeyAlgorithm: "3des",
  policies: false,
  cachedTouch: false,
  attestation: false,
  serialInPiv: false,
  metadata: false,
  moveKey: false,
  logout: false,
  pinComplexity: false,
  deviceInfo: false,
  formFactor: null,
  maximumObject: 2026,
  maximumCommand: 2048,
}

const yubikey4: FirmwareProfile = {
  ...neo,
  firmware: "4.3.5",
  pivVersion: [4, 3, 5],
  atr: bytes("3bf81300008131fe15597562696b657934d4"),
  algorithms: classic,
  policies: true,
  cachedTouch: true,
  attestation: true,
  deviceInfo: true,
  maximumObject: 3063,
  maximumCommand: 3072,
}

const first5: FirmwareProfile = {
  ...yubikey4,
  firmware: "5.0.2",
  pivVersion: [5, 0, 2],
  atr: yubikey5,
  serialInPiv: true,
  logout: true,
  formFactor: 1,
}

const late5: FirmwareProfile = {
  ...first5,
  firmware: "5.4.3",
  pivVersion: [5, 4, 3],
  metadata: true,
  managementKeyAlgorithms: aes,
}

const newest5: FirmwareProfile = {
  ...late5,
  firmware: "5.7.1",
  pivVersion: [5, 7, 1],
  algorithms: [...classic, "rsa3072", "rsa4096", "ed25519", "x25519"],
  defaultManagementKeyAlgorithm: "aes192",
  moveKey: true,
  pinComplexity: true,
}

/** All of them, oldest first. */
export const firmwareProfiles: readonly FirmwareProfile[] = [neo, yubikey4, first5, late5, newest5]

/**
 * The profile of a firmware version, such as "5.7.1".
 * @throws FirmwareUnknown for any other text
 */
export function firmwareProfile(firmware: string): FirmwareProfile {
  const profile = firmwareProfiles.find((known) => known.firmware === firmware)
  if (profile !== undefined) return profile
  throw new FirmwareUnknown(
    firmware,
    firmwareProfiles.map((known) => known.firmware),
  )
}

/** The firmware's own version, as three bytes. */
export function firmwareVersion(profile: FirmwareProfile): Uint8Array {
  return Uint8Array.from(profile.firmware.split(".").map(Number))
}
