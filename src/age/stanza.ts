/** One recipient stanza of an age header. [C2SP age]: C2SP/age.md, "Recipient stanza". */
import type { Secret } from "../secret.ts"

/** Type and arguments (`args[0]` is the type), and the body. Compatible with age-encryption's `Stanza`. */
export type Stanza = Readonly<{ args: readonly string[]; body: Uint8Array }>

/** The 16 bytes that a file's stanzas wrap. */
export type FileKey = Secret<"file key">
