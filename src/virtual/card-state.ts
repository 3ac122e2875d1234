/** Everything that a virtual YubiKey keeps while it has no power: plain data, as a state file holds it. */
import { createHash, randomBytes } from "node:crypto"
import { p256 } from "@noble/curves/nist.js"
import { encodeTlv } from "../apdu/tlv.ts"
import { attestationAuthority } from "./attestation-chain.ts"
import { buildCertificate, certificateObject, yubicoExtension } from "./certificate.ts"
import { KeyRefused, PinUnusable } from "./failures.ts"
import { type FirmwareProfile, firmwareProfile } from "./firmware-profiles.ts"
import { type KeyAlgorithm, keyKinds, type ManagementKeyAlgorithm } from "./key-algorithms.ts"

export type PinPolicy = "never" | "once" | "always"
export type TouchPolicy = "never" | "always" | "cached"

/** A PIN or PUK: its bytes without padding, each as the character with that number, and its tries. */
export type Reference = { value: string; tries: number; triesLeft: number }

/** A key in a slot. `privateKey` is hex: a scalar or seed, or PKCS #8 for RSA. */
export type SlotKey = {
  algorithm: KeyAlgorithm
  privateKey: string
  pinPolicy: PinPolicy
  touchPolicy: TouchPolicy
  origin: "generated" | "imported"
}

/** The persistent state. Slots and objects are named by their references in lower-case hex ("82", "5fc10d"); values are hex. */
export type CardState = {
  kind: "virtual YubiKey"
  version: 1
  firmware: string
  serial: number
  /** Whether the PIV application is switched on, as `ykman config usb` does it. */
  pivEnabled: boolean
  /** Whether new PINs and PUKs must be hard to guess, as firmware 5.7 has it on some YubiKeys. */
  pinComplexity: boolean
  pin: Reference
  puk: Reference
  managementKey: { algorithm: ManagementKeyAlgorithm; key: string; touch: boolean }
  keys: Record<string, SlotKey>
  objects: Record<string, string>
}

/** Yubico's factory settings. */
export const factory = {
  pin: "123456",
  puk: "12345678",
  tries: 3,
  managementKey: "010203040506070801020304050607080102030405060708",
} as const

/** The attestation key's slot and the object of its certificate. */
export const attestationSlot = 0xf9
const attestationObject = "5fff01"

/** The name of a slot or object in the state. */
export function hexName(reference: number): string {
  return reference.toString(16)
}

/** Slots that hold keys: the four of [800-73-4] table 4b, twenty retired ones, and Yubico's attestation slot. */
export function isKeySlot(slot: number): boolean {
  return (slot >= 0x82 && slot <= 0x95) || [0x9a, 0x9c, 0x9d, 0x9e, attestationSlot].includes(slot)
}

/** The object that holds a slot's certificate ([800-73-4] part 1, table 2). */
export function certificateObjectOf(slot: number): number | null {
  if (slot >= 0x82 && slot <= 0x95) return 0x5fc10d + (slot - 0x82)
  return (
    new Map([
      [0x9a, 0x5fc105],
      [0x9c, 0x5fc10a],
      [0x9d, 0x5fc10b],
      [0x9e, 0x5fc101],
      [attestationSlot, 0x5fff01],
    ]).get(slot) ?? null
  )
}

/** The policy of a key that was made without naming one: by slot ([YK] PIN policy). */
export function defaultPinPolicy(slot: number): PinPolicy {
  return slot === 0x9c ? "always" : slot === 0x9e ? "never" : "once"
}

function reference(value: string, name: "PIN" | "PUK"): Reference {
  if (!/^[\x20-\x7e]{6,8}$/.test(value)) throw new PinUnusable(name)
  return { value, tries: factory.tries, triesLeft: factory.tries }
}

function factoryManagementKey(profile: FirmwareProfile): CardState["managementKey"] {
  return { algorithm: profile.defaultManagementKeyAlgorithm, key: factory.managementKey, touch: false }
}

/**
 * A YubiKey fresh from the factory, except for the PIN and PUK that are given.
 * @param options.firmware - one of the profiles; the newest when it is not given
 * @param options.serial - a random eight-digit one when it is not given
 * @param options.pinComplexity - for firmware that knows it; else it has no effect
 * @throws FirmwareUnknown, PinUnusable
 */
export function newCard(
  options: { firmware?: string; serial?: number; pin?: string; puk?: string; pinComplexity?: boolean } = {},
): CardState {
  const profile = firmwareProfile(options.firmware ?? "5.7.1")
  const serial = options.serial ?? 10_000_000 + (randomBytes(4).readUInt32BE() % 20_000_000)
  if (!Number.isInteger(serial) || serial < 0 || serial > 0xffffffff)
    throw new RangeError(`"serial" expected 0 to 4294967295, got ${serial}`)
  const attestation = profile.attestation ? attestationAuthority(profile) : null
  return {
    kind: "virtual YubiKey",
    version: 1,
    firmware: profile.firmware,
    serial,
    pivEnabled: true,
    pinComplexity: profile.pinComplexity && (options.pinComplexity ?? false),
    pin: reference(options.pin ?? factory.pin, "PIN"),
    puk: reference(options.puk ?? factory.puk, "PUK"),
    managementKey: factoryManagementKey(profile),
    keys:
      attestation === null
        ? {}
        : {
            [hexName(attestationSlot)]: {
              algorithm: "p256",
              privateKey: Buffer.from(attestation.privateKey).toString("hex"),
              pinPolicy: "never",
              touchPolicy: "never",
              origin: "generated",
            },
          },
    objects:
      attestation === null
        ? {}
        : { [attestationObject]: Buffer.from(certificateObject(attestation.certificate)).toString("hex") },
  }
}

/** RESET of the PIV application: all but the attestation key and its certificate goes back to the factory's ([YK] RESET). */
export function resetPiv(state: CardState): void {
  const profile = firmwareProfile(state.firmware)
  const fresh = { value: factory.pin, tries: factory.tries, triesLeft: factory.tries }
  const attestation = hexName(attestationSlot)
  state.pin = fresh
  state.puk = { ...fresh, value: factory.puk }
  state.managementKey = factoryManagementKey(profile)
  state.keys = Object.fromEntries(Object.entries(state.keys).filter(([slot]) => slot === attestation))
  state.objects = Object.fromEntries(Object.entries(state.objects).filter(([id]) => id === attestationObject))
}

/** A key to put into a slot; `privateKey` is a scalar or seed, or PKCS #8 in DER for RSA. `name` goes into the certificate. */
export type NewKey = Readonly<{
  slot: number
  privateKey: Uint8Array
  pinPolicy: PinPolicy
  touchPolicy: TouchPolicy
  algorithm?: KeyAlgorithm
  /** Where the card says that its key is from; "imported" unless given. */
  origin?: SlotKey["origin"]
  name?: string
  now?: Date
}>

/**
 * Puts a key into a slot, and with a P-256 key in a retired slot the certificate that age-plugin-yubikey would have written, so
 * that clients which go by certificates list it.
 * @returns the new state; the one given stays as it is
 * @throws KeyRefused when the slot does not exist, the firmware lacks the algorithm, or the key is none
 */
export function importKey(state: CardState, key: NewKey): CardState {
  const algorithm = key.algorithm ?? "p256"
  const profile = firmwareProfile(state.firmware)
  if (!isKeySlot(key.slot) || key.slot === attestationSlot) throw new KeyRefused("no slot for a key", key.slot)
  if (!profile.algorithms.includes(algorithm))
    throw new KeyRefused(`firmware ${profile.firmware} has no ${algorithm} keys`, key.slot)
  if (!isPrivateKey(algorithm, key.privateKey)) throw new KeyRefused(`not a private key for ${algorithm}`, key.slot)
  const next = structuredClone(state)
  next.keys[hexName(key.slot)] = {
    algorithm,
    privateKey: Buffer.from(key.privateKey).toString("hex"),
    pinPolicy: key.pinPolicy,
    touchPolicy: key.touchPolicy,
    origin: key.origin ?? "imported",
  }
  const object = certificateObjectOf(key.slot)
  if (algorithm === "p256" && key.slot < 0x9a && object !== null)
    next.objects[hexName(object)] = Buffer.from(certificateObject(ageCertificate(key))).toString("hex")
  return next
}

function isPrivateKey(algorithm: KeyAlgorithm, privateKey: Uint8Array): boolean {
  if (!algorithm.startsWith("rsa")) return keyKinds[algorithm].import(() => privateKey) !== null
  try {
    const modulus = keyKinds[algorithm].publicKey(privateKey)
    return modulus.length >= Number(algorithm.slice(3)) / 8
  } catch {
    return false
  }
}

const policyNumber = { never: 1, once: 2, always: 3 } as const
const touchNumber = { never: 1, always: 2, cached: 3 } as const

/** The two bytes in which attestations and age-plugin-yubikey's certificates state the policies. */
export function policyBytes(pin: PinPolicy, touch: TouchPolicy): Uint8Array {
  return Uint8Array.of(policyNumber[pin], touchNumber[touch])
}

/** The certificate of age-plugin-yubikey 0.5 (builder.rs): self-signed, policies in Yubico's extension, valid to the end of time. */
function ageCertificate(key: NewKey): Uint8Array {
  const tag = createHash("sha256").update(p256.getPublicKey(key.privateKey, true)).digest().subarray(0, 4)
  const name = [
    ["organization", "age-plugin-yubikey"],
    ["organizationalUnit", "0.5.1"],
    ["commonName", key.name ?? `age identity ${tag.toString("hex")}`],
  ] as const
  return buildCertificate({
    serial: randomBytes(20),
    issuer: name,
    subject: name,
    notBefore: key.now ?? new Date(),
    notAfter: new Date("9999-12-31T23:59:59Z"),
    subjectPublicKeyInfo: keyKinds.p256.subjectPublicKeyInfo(key.privateKey),
    extensions: [yubicoExtension(8, policyBytes(key.pinPolicy, key.touchPolicy))],
    issuerKey: key.privateKey,
  })
}

/** An object's value as GET DATA returns it, in its `53` wrapping. */
export function wrapObject(value: string): Uint8Array {
  return encodeTlv(0x53, Buffer.from(value, "hex"))
}
