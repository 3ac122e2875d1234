/** The management application: what the device is, and which of its applications are on. [YK] device configuration. */
import { concat, decodeTlvs, encodeTlv, findTlv } from "../../apdu/tlv.ts"
import { Failure } from "../../failure.ts"
import type { CardState } from "../card-state.ts"
import { type FirmwareProfile, firmwareVersion } from "../firmware-profiles.ts"
import { type Answer, type Command, ok, refuse, SW } from "../iso7816.ts"

/** Yubico's RID and the management application. */
export const managementAid = Uint8Array.from(Buffer.from("a000000527471117", "hex"))

const tag = {
  usbSupported: 0x01,
  serial: 0x02,
  usbEnabled: 0x03,
  formFactor: 0x04,
  version: 0x05,
  autoEject: 0x06,
  challengeTimeout: 0x07,
  flags: 0x08,
  locked: 0x0a,
  pinComplexity: 0x16,
} as const
/** Capabilities: the applications that this card has. */
const capability = { otp: 0x01, piv: 0x10 } as const
const all = capability.otp | capability.piv

function uint(value: number, length: number): Uint8Array {
  const bytes = Buffer.alloc(length)
  bytes.writeUIntBE(value, 0, length)
  return bytes
}

/** What SELECT answers: a sentence with the version in it. */
export function managementGreeting(profile: FirmwareProfile): Uint8Array {
  return new TextEncoder().encode(`Virtual mgr - FW version ${profile.firmware}`)
}

/** The device info: one length byte, then data objects. A YubiKey 4 tells less than a 5. */
export function deviceInfo(state: CardState, profile: FirmwareProfile): Uint8Array {
  const enabled = state.pivEnabled ? all : all & ~capability.piv
  const five =
    profile.formFactor === null
      ? []
      : [
          encodeTlv(tag.formFactor, uint(profile.formFactor, 1)),
          encodeTlv(tag.version, firmwareVersion(profile)),
          encodeTlv(tag.autoEject, uint(0, 2)),
          encodeTlv(tag.challengeTimeout, uint(15, 1)),
          encodeTlv(tag.flags, uint(0, 1)),
        ]
  const objects = concat(
    encodeTlv(tag.usbSupported, uint(all, profile.formFactor === null ? 1 : 2)),
    encodeTlv(tag.serial, uint(state.serial, 4)),
    encodeTlv(tag.usbEnabled, uint(enabled, profile.formFactor === null ? 1 : 2)),
    ...five,
    ...(profile.pinComplexity ? [encodeTlv(tag.pinComplexity, uint(state.pinComplexity ? 1 : 0, 1))] : []),
    encodeTlv(tag.locked, uint(0, 1)),
  )
  return concat(Uint8Array.of(objects.length), objects)
}

/** READ CONFIG (1D) page by page, of which there is one; WRITE CONFIG (1C), of which only the PIV bit has an effect. */
export function runManagement(state: CardState, profile: FirmwareProfile, command: Command): Answer {
  if (command.ins === 0x1d && profile.deviceInfo)
    return command.p1 === 0 ? ok(deviceInfo(state, profile)) : refuse(SW.wrongP1P2)
  if (command.ins !== 0x1c || profile.formFactor === null) return refuse(SW.instructionNotSupported)
  try {
    const enabled = findTlv(decodeTlvs(command.data.subarray(1)), tag.usbEnabled)
    if (enabled !== null) state.pivEnabled = ((enabled.at(-1) ?? 0) & capability.piv) !== 0
    return ok()
  } catch (cause) {
    if (cause instanceof Failure) return refuse(SW.wrongData)
    throw cause
  }
}
