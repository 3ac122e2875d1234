/** What a firmware can do: asked once, where the session starts. [yubico]: PIV of the YubiKey, by firmware version. */

/** `[major, minor, patch]`, as GET VERSION gives it. */
export type Firmware = readonly [number, number, number]

/** The firmware as people write it: 5.4.3. */
export function firmwareText(firmware: Firmware): string {
  return firmware.join(".")
}

/** Whether `firmware` is `major.minor` or newer. */
export function atLeast(firmware: Firmware, major: number, minor: number): boolean {
  return firmware[0] > major || (firmware[0] === major && firmware[1] >= minor)
}

/** The commands and algorithms that came with a firmware. */
export type Capabilities = Readonly<{
  touchPolicy: boolean
  cachedTouch: boolean
  attestation: boolean
  /** GET SERIAL in the PIV application; before it, only the OTP application tells. */
  serial: boolean
  metadata: boolean
  aesManagementKey: boolean
  /** Extended APDUs with room for any object. */
  extendedApdus: boolean
  moveKey: boolean
}>

/** @param firmware - null for a card of another maker, which is taken to have none of Yubico's extensions */
export function capabilities(firmware: Firmware | null): Capabilities {
  const from = (major: number, minor: number): boolean => firmware !== null && atLeast(firmware, major, minor)
  return {
    touchPolicy: from(4, 0),
    cachedTouch: from(4, 3),
    attestation: from(4, 3),
    serial: from(5, 0),
    metadata: from(5, 3),
    aesManagementKey: from(5, 4),
    extendedApdus: from(4, 3),
    moveKey: from(5, 7),
  }
}
