/**
 * ts-age-yk as a library: age and SOPS files opened with YubiKeys and software keys.
 *
 *     await using session = new UnlockSession({
 *       identities: [],
 *       yubiKeys: new YubiKeys({ readers: listReaders, attendant: new Attendant({ from: "person", dialogue }, announce) }),
 *     })
 *     await decryptSops(bytes, session, { path: "secrets/app.yaml" })
 *     await decryptAge(bytes, (stanzas) => session.open(stanzas))
 *
 * `prepareRekey` and `rekey` hold a ceremony over a repository of secrets. `YubiKeyRecipient` encrypts without a card; `toTypageIdentity` and `toTypageRecipient` serve `age-encryption`'s users.
 */
export type { Dialogue } from "./age/dialogue.ts"
export {
  decryptBytes as decryptAge,
  decryptStream as decryptAgeStream,
  encryptBytes as encryptAge,
  encryptStream as encryptAgeStream,
} from "./age/file.ts"
export type { Identity, Match, Recipient } from "./age/identity.ts"
export type { FileKey, Stanza } from "./age/stanza.ts"
export { toTypageIdentity, toTypageRecipient } from "./age/typage.ts"
export { X25519Identity, X25519Recipient } from "./age/x25519.ts"
export { planText } from "./ceremony/plan-text.ts"
export { type Prepared, prepareRekey } from "./ceremony/prepare.ts"
export { type CeremonyOptions, finishHalfDone, type Outcome, rekey } from "./ceremony/rekey.ts"
export { findRepository, type Repository, readRepository } from "./ceremony/repository.ts"
export { EXIT, explain, Failure, type Where } from "./failure.ts"
export { RunAttendant as Attendant } from "./keyring/attendant.ts"
export { type PinSource, pinsFromCommand, pinsFromText } from "./keyring/pin-source.ts"
export { type UnlockOptions, UnlockSession } from "./keyring/unlock-session.ts"
export { YubiKeys, type YubiKeysOptions } from "./keyring/yubikeys.ts"
export type { CardTransport, Disposition, Reader } from "./pcsc/card-transport.ts"
export { listReaders } from "./pcsc/readers.ts"
export { Secret } from "./secret.ts"
export { type DecryptSopsOptions, decryptSops } from "./sops/decrypt.ts"
export { recipientWrapper } from "./sops/recipient-wrapper.ts"
export { version } from "./version.ts"
export { type RecipientKind, YubiKeyRecipient } from "./yubikey/recipient.ts"
export { encodeStub, parseStub, type Stub } from "./yubikey/stub.ts"
