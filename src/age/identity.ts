/** The two interfaces that the house is joined by: who can open a file key, and for whom one is wrapped. */
import type { Failure } from "../failure.ts"
import type { FileKey, Stanza } from "./stanza.ts"

/** What opening with an identity would ask of a person. */
export type Asks = "PIN" | "touch" | "passphrase" | "plugin"

/** Whether an identity fits a file. "maybe": it cannot be ruled out by looking at the stanzas. "broken": a stanza of its type is malformed. */
export type Match = Readonly<
  { fits: "no" } | { fits: "maybe"; asks: ReadonlySet<Asks> } | { fits: "broken"; failure: Failure }
>

/** Somebody, or something, that may open a file key. */
export type Identity = {
  /** What prompts and failures call it; never a secret. */
  readonly label: string
  /**
   * The recipients that belong to it, where they are known without asking: who wraps keys by recipient, as SOPS does, then need not
   * try this identity on others.
   */
  readonly recipients?: readonly string[]
  /** Pure: no card, no prompt, no file, no throw. */
  match(stanzas: readonly Stanza[]): Match
  /**
   * Opens the file key.
   * @returns null when no stanza is for this identity
   * @throws Failure when one is, and why it cannot be opened; or when one of its type is malformed
   */
  unwrapFileKey(stanzas: readonly Stanza[]): Promise<FileKey | null>
}

/** Somebody for whom a file key is wrapped. */
export type Recipient = {
  /** The recipient string as it is written in files: `age1…`, `ssh-ed25519 …`. */
  readonly text: string
  /**
   * Labels of [C2SP age-plugin] `labels`: all recipients of a file must have the same set. `postquantum` is the public one.
   */
  readonly labels: readonly string[]
  /** @throws Failure when the recipient cannot be encrypted to right now (a plugin is missing, say) */
  wrapFileKey(fileKey: FileKey): Promise<Stanza[]>
}
