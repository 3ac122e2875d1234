/** The virtual YubiKey as a library, `ts-age-yk/virtual`: for rehearsals and tests that must not need a real one. */
export { testAttestationRoot } from "./attestation-chain.ts"
export { type TouchWanted, VirtualCard, type VirtualOptions, type VirtualTouch } from "./card.ts"
export { loadCards } from "./card-set.ts"
export {
  type CardState,
  importKey,
  type NewKey,
  newCard,
  type PinPolicy,
  type SlotKey,
  type TouchPolicy,
} from "./card-state.ts"
export { type Clock, type ManualClock, manualClock, systemClock } from "./clock.ts"
export { CardFileInvalid, FaultInvalid, FirmwareUnknown, KeyRefused, PinUnusable, VpcdUnreachable } from "./failures.ts"
export { type Fault, type FaultKind, faultText, parseFault } from "./faults.ts"
export { type FirmwareProfile, firmwareProfile, firmwareProfiles } from "./firmware-profiles.ts"
export type { KeyAlgorithm } from "./key-algorithms.ts"
export { openCardFile, parseCard, readCardFile, readJson, writeCardFile } from "./state-file.ts"
export { type VirtualReader, virtualReader } from "./transport.ts"
export { serveVpcd, type VpcdAddress, type VpcdLink } from "./vpcd.ts"
