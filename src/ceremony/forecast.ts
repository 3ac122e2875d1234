/** How often keys will be asked for: PINs and touches, by YubiKey, before the first is. Pure. */
import type { KeyPreview } from "../keyring/yubikeys.ts"

/** Who opens a part of a file, and how often in the whole ceremony: once to unlock, once more where what is new is to be proven. */
export type Opening = Readonly<{
  by: Readonly<{ kind: "software"; label: string } | ({ kind: "yubikey" } & KeyPreview)>
  times: number
}>

export type KeyForecast = Readonly<{ serial: number | null; pins: number; touches: number; agreements: number }>

export type Forecast = Readonly<{
  software: number
  yubiKeys: readonly KeyForecast[]
  /** Files that nothing at hand opens. */
  unopened: readonly string[]
  /** Time that the cards take, in seconds, without the time that a hand takes. */
  seconds: number
}>

/** What a P-256 key agreement takes on a YubiKey, in milliseconds. */
const agreementMs = 100
/** How long a touch counts for keys with the policy "cached", in milliseconds. */
const touchCacheMs = 15_000

/**
 * Adds up what openings will ask.
 * @param openings - in the order in which they will happen
 */
export function forecastOf(
  openings: readonly Opening[],
  unopened: readonly string[],
  msPerAgreement = agreementMs,
): Forecast {
  let software = 0
  const keys = new Map<
    string,
    { serial: number | null; pin: boolean; always: number; cached: number; agreements: number }
  >()
  for (const { by, times } of openings) {
    if (by.kind === "software") {
      software += times
      continue
    }
    const name = String(by.serial)
    const key = keys.get(name) ?? { serial: by.serial, pin: false, always: 0, cached: 0, agreements: 0 }
    key.pin ||= by.pinPolicy !== "never"
    key.agreements += times
    if (by.touchPolicy === "cached") key.cached += times
    else if (by.touchPolicy !== "never") key.always += times
    keys.set(name, key)
  }
  const yubiKeys = [...keys.values()].map(({ serial, pin, always, cached, agreements }) => ({
    serial,
    pins: pin ? 1 : 0,
    touches: always + Math.ceil((cached * msPerAgreement) / touchCacheMs),
    agreements,
  }))
  const agreements = yubiKeys.reduce((total, key) => total + key.agreements, 0)
  return { software, yubiKeys, unopened, seconds: (agreements * msPerAgreement) / 1000 }
}
