/** What a plugin does, apart from how it is spoken to: `serve.ts` speaks the protocol and hands everything of a run over at once. */
import type { Dialogue } from "../age/dialogue.ts"
import type { Recipient } from "../age/identity.ts"
import type { FileKey, Stanza } from "../age/stanza.ts"
import type { Failure } from "../failure.ts"

/** A failure, and which of the things that the client sent it is about; indices count from 0, as the client does. */
export type Fault = Readonly<
  | { at: "recipient"; index: number; failure: Failure }
  | { at: "identity"; index: number; failure: Failure }
  | { at: "stanza"; file: number; stanza: number; failure: Failure }
  | { at: "internal"; failure: Failure }
>

/** A file key that was opened; `file` counts from 0. `serve.ts` disposes of it. */
export type Opened = Readonly<{ file: number; fileKey: FileKey }>

/** The two things that a plugin can do. */
export type PluginHandler = {
  /**
   * Understands what a file is to be encrypted to.
   * @param recipients - `age1name1…` texts
   * @param identities - `AGE-PLUGIN-NAME-1…` texts, to encrypt to the recipients that belong to them
   * @returns one recipient for each, in any order; or why not: then nothing is wrapped
   */
  recipients(
    recipients: readonly string[],
    identities: readonly string[],
    dialogue: Dialogue,
  ): Promise<Readonly<{ recipients: readonly Recipient[] } | { faults: readonly Fault[] }>>

  /**
   * Opens what it can, of all files of the run: one session, one PIN.
   * @param files - the stanzas of each file, in their order and of every type
   * @param identities - `AGE-PLUGIN-NAME-1…` texts; one with no data behind the name means any key at hand
   * @returns an opened file key at most once a file; faults; nothing for a file that is not for these identities
   */
  unwrap(
    files: readonly (readonly Stanza[])[],
    identities: readonly string[],
    dialogue: Dialogue,
  ): AsyncIterable<Opened | Fault>
}
