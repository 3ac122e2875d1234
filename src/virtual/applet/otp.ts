/** The OTP application, as far as clients ask it for the serial number of a NEO or YubiKey 4. [YK] OTP over CCID. */
import type { CardState } from "../card-state.ts"
import { type FirmwareProfile, firmwareVersion } from "../firmware-profiles.ts"
import { type Answer, type Command, ok, refuse, SW } from "../iso7816.ts"
import { deviceInfo } from "./management.ts"

/** Yubico's RID and the OTP application. */
export const otpAid = Uint8Array.from(Buffer.from("a0000005272001", "hex"))

/** USB mode 6: OTP, FIDO and CCID together. */
const usbMode = 0x06

/** The status that SELECT answers: version, programming sequence 0, no slot configured, and the mode on a NEO. */
export function otpStatus(profile: FirmwareProfile): Uint8Array {
  return Uint8Array.from([...firmwareVersion(profile), 0, 0, 0, ...(profile.deviceInfo ? [] : [usbMode])])
}

/** API REQUEST (01): P1 = 10 the serial number, 13 the device info. */
export function runOtp(state: CardState, profile: FirmwareProfile, command: Command): Answer {
  if (command.ins === 0x03) return ok(otpStatus(profile))
  if (command.ins !== 0x01) return refuse(SW.instructionNotSupported)
  if (command.p1 === 0x13 && profile.deviceInfo) return ok(deviceInfo(state, profile))
  if (command.p1 !== 0x10) return refuse(SW.wrongP1P2)
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(state.serial)
  return ok(Uint8Array.from(bytes))
}
