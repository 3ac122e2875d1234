/**
 * What `age-plugin-yubikey` does for its clients: all files of a run in one session, one PIN for each YubiKey.
 *
 * A key that is absent is passed over in silence, since the client may have others: nobody is asked to plug in a key while one that is
 * here would do. Where no YubiKey is connected at all, the client is told which one would open the file.
 */
import type { Dialogue } from "../age/dialogue.ts"
import type { Attempt } from "../age/failures.ts"
import type { Recipient } from "../age/identity.ts"
import type { Stanza } from "../age/stanza.ts"
import { explain, Failure } from "../failure.ts"
import { RunAttendant } from "../keyring/attendant.ts"
import type { PinSource } from "../keyring/pin-source.ts"
import { YubiKeys } from "../keyring/yubikeys.ts"
import type { Reader } from "../pcsc/card-transport.ts"
import type { Fault, Opened, PluginHandler } from "../plugin/handler.ts"
import { YubiKeyCard } from "../yubikey/card.ts"
import { YubiKeyAbsent } from "../yubikey/failures.ts"
import { YubiKeyRecipient } from "../yubikey/recipient.ts"
import { keyStanzas } from "../yubikey/stanzas.ts"
import { parseStub, type Stub } from "../yubikey/stub.ts"

type HandlerOptions = Readonly<{
  readers: () => Promise<Reader[]>
  /** Where PINs come from when the environment says so; else the client asks its person. */
  pins: PinSource | null
}>

/** Makes the handler of one run of the plugin. */
export function yubiKeyHandler(options: HandlerOptions): PluginHandler {
  return {
    recipients: (recipients, identities) => understand(recipients, identities, options),
    unwrap: (files, identities, dialogue) => unwrap(files, identities, dialogue, options),
  }
}

async function understand(
  recipients: readonly string[],
  identities: readonly string[],
  options: HandlerOptions,
): Promise<Readonly<{ recipients: readonly Recipient[] } | { faults: readonly Fault[] }>> {
  const understood: Recipient[] = []
  const faults: Fault[] = []
  const attempt = async (
    at: "recipient" | "identity",
    index: number,
    work: () => Promise<Recipient>,
  ): Promise<void> => {
    try {
      understood.push(await work())
    } catch (failure) {
      if (!(failure instanceof Failure)) throw failure
      faults.push({ at, index, failure })
    }
  }
  for (const [index, text] of recipients.entries())
    await attempt("recipient", index, () => Promise.resolve(YubiKeyRecipient.parse(text)))
  for (const [index, text] of identities.entries()) await attempt("identity", index, () => recipientOf(text, options))
  return faults.length > 0 ? { faults } : { recipients: understood }
}

/** The recipient of an identity is on its YubiKey: the stub holds no more than a tag of it. */
async function recipientOf(text: string, { readers }: HandlerOptions): Promise<Recipient> {
  const stub = parseStub(text)
  for (const reader of await readers()) {
    await using card = await YubiKeyCard.open(reader)
    const key = stub === null ? null : await card.key(stub.slot)
    if (key !== null && stub?.tag.every((byte, index) => byte === key.tag[index]) === true)
      return new YubiKeyRecipient(key.point, "piv-p256")
  }
  throw new YubiKeyAbsent(stub === null ? {} : { where: { serial: stub.serial, slot: stub.slot } })
}

async function* unwrap(
  files: readonly (readonly Stanza[])[],
  identities: readonly string[],
  dialogue: Dialogue,
  options: HandlerOptions,
): AsyncGenerator<Opened | Fault> {
  const { stubs, faults } = parseStubs(identities)
  // [C2SP age-plugin] identity-v1: with an identity that cannot be understood, nothing is unwrapped.
  if (faults.length > 0) {
    yield* faults
    return
  }
  // The client answers one thing at a time: what was told during a touch is waited for before anything else is said.
  let told: Promise<void> = Promise.resolve()
  const attendant = new RunAttendant(options.pins ?? { from: "person", dialogue }, (text) => {
    // A client that has gone meanwhile is noticed where its answers are read.
    told = dialogue.tell(text).catch(() => undefined)
    return () => undefined
  })
  await using yubiKeys = new YubiKeys({ readers: options.readers, stubs, attendant })
  for (const [file, stanzas] of files.entries()) {
    const broken = malformed(file, stanzas)
    if (broken !== null) {
      yield broken
      continue
    }
    const { fileKey, attempts } = await yubiKeys.open(stanzas)
    await told
    if (fileKey !== null) yield { file, fileKey }
    else yield* await unopened(attempts, stubs, dialogue)
  }
}

function parseStubs(identities: readonly string[]): { stubs: Stub[]; faults: Fault[] } {
  const stubs: Stub[] = []
  const faults: Fault[] = []
  for (const [index, text] of identities.entries()) {
    try {
      const stub = parseStub(text)
      if (stub !== null) stubs.push(stub)
    } catch (failure) {
      if (!(failure instanceof Failure)) throw failure
      faults.push({ at: "identity", index, failure })
    }
  }
  return { stubs, faults }
}

/** The first malformed stanza of a file; then none of the file's is tried. */
function malformed(file: number, stanzas: readonly Stanza[]): Fault | null {
  for (const [stanza, candidate] of stanzas.entries()) {
    try {
      keyStanzas([candidate])
    } catch (failure) {
      if (!(failure instanceof Failure)) throw failure
      return { at: "stanza", file, stanza, failure }
    }
  }
  return null
}

const absences: ReadonlySet<string> = new Set(["yubikey-absent", "no-card"])

/** What a client hears of a file that was not opened. An absent key is no fault: another identity of the client's may do. */
async function unopened(attempts: readonly Attempt[], stubs: readonly Stub[], dialogue: Dialogue): Promise<Fault[]> {
  const failures = attempts.flatMap((attempt) => (attempt.outcome === "failed" ? [attempt.failure] : []))
  const faults = failures.filter(({ code }) => !absences.has(code))
  // A key that is here and does not fit is an attempt too.
  const nothingHere = failures.length === attempts.length && faults.length === 0
  if (nothingHere) for (const failure of failures) await dialogue.tell(explain(failure).text)
  return faults.map((failure): Fault => {
    const index = stubs.findIndex((stub) => stub.serial === failure.where.serial && stub.slot === failure.where.slot)
    return index < 0 ? { at: "internal", failure } : { at: "identity", index, failure }
  })
}
