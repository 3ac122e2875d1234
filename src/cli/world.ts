/** All that a command touches outside its own values: handed to it, so that tests hand it another. */
import type { Dialogue } from "../age/dialogue.ts"

export type World = Readonly<{
  env: Readonly<Record<string, string | undefined>>
  home: string
  platform: NodeJS.Platform
  /** The host's SSH key, which opens what is encrypted for this host. */
  hostKey: string
  /** Standard output: results. */
  out: (content: string | Uint8Array) => Promise<void>
  /** Standard error: progress, warnings, hints. */
  err: (text: string) => void
  /** Whether standard output and standard error are terminals. */
  outIsTerminal: boolean
  errIsTerminal: boolean
  /** Standard input as it comes. */
  input: () => AsyncIterable<Uint8Array>
  inputIsTerminal: boolean
  /** A person, or null when there is no terminal. */
  terminal: () => Dialogue | null
  /** Reads an inherited descriptor to its end, as text. */
  readDescriptor: (descriptor: number) => Promise<string>
  now: () => Date
}>
