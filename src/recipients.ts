/**
 * `ts-age-yk/recipients`: encrypting to YubiKeys without a card, a native module or Node: it runs in a browser.
 *
 *     const encrypter = new Encrypter()                                       // of age-encryption
 *     encrypter.addRecipient(toTypageRecipient(YubiKeyRecipient.parse("age1yubikey1…")))
 */
export type { Recipient } from "./age/identity.ts"
export type { FileKey, Stanza } from "./age/stanza.ts"
export { toTypageRecipient } from "./age/typage.ts"
export { type RecipientKind, YubiKeyRecipient } from "./yubikey/recipient.ts"
