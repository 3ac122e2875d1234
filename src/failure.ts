/** What can go wrong for a reason outside this code: typed, with its place and its way out, and rendered in one way. */
import { printable } from "./quote.ts"

/** The exit codes of `ts-age-yk`, a contract with scripts (docs/commands.md). */
export const EXIT = {
  failed: 1,
  usage: 2,
  changesDue: 3,
  noIdentity: 4,
  card: 5,
  pin: 6,
  damaged: 7,
  halfDone: 8,
  interrupted: 130,
} as const

/** A key path in a document: map keys as text, list positions as numbers. */
export type KeyPath = readonly (string | number)[]

/** Where it went wrong, as far as it is known; each floor fills in what the one below could not know. */
export type Where = Readonly<{
  file?: string | undefined
  line?: number | undefined
  keyPath?: KeyPath | undefined
  reader?: string | undefined
  serial?: number | undefined
  /** PIV key reference, 0x82 for the first retired slot. */
  slot?: number | undefined
  option?: string | undefined
}>

/** What a failure carries besides its text. */
export type FailureDetails = Readonly<{ where?: Where; hint?: string | undefined; cause?: unknown }>

/**
 * The base of everything that may be reported to a person. Its text is lower case, has no final period and no secret; the way
 * out is the hint, apart from it. Misuse by our own code is a TypeError or RangeError instead, and is never caught.
 */
export abstract class Failure extends Error {
  /** Stable, kebab-case, a heading in docs/errors.md. */
  abstract readonly code: string
  abstract readonly exit: (typeof EXIT)[keyof typeof EXIT]
  readonly hint: string | undefined
  where: Where

  constructor(what: string, details: FailureDetails = {}) {
    super(what, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = new.target.name
    this.hint = details.hint
    this.where = details.where ?? {}
  }

  /** Fills in the places that are still unknown, on the way up. Class, code, text and cause stay. */
  within(where: Where): this {
    this.where = { ...where, ...known(this.where) }
    return this
  }
}

function known(where: Where): Where {
  return Object.fromEntries(Object.entries(where).filter(([, value]) => value !== undefined))
}

/** A key path in sops' own spelling: `["a"]["b"][0]`. */
export function keyPathText(path: KeyPath): string {
  return path.map((step) => (typeof step === "number" ? `[${step}]` : `["${printable(step)}"]`)).join("")
}

/** A PIV slot as people write it: `82`, `9a`. */
export function slotText(slot: number): string {
  return slot.toString(16).padStart(2, "0")
}

function place(where: Where): string {
  const parts: string[] = []
  if (where.file !== undefined) parts.push(printable(where.file))
  if (where.line !== undefined) parts.push(`line ${where.line}`)
  if (where.keyPath !== undefined && where.keyPath.length > 0) parts.push(keyPathText(where.keyPath))
  if (where.serial !== undefined) parts.push(`YubiKey ${where.serial}`)
  else if (where.reader !== undefined) parts.push(`reader ${printable(where.reader)}`)
  if (where.slot !== undefined) parts.push(`slot ${slotText(where.slot)}`)
  if (where.option !== undefined) parts.push(printable(where.option))
  return parts.join(", ")
}

/**
 * Renders a failure for a person; nothing else does.
 * @returns `text`: "place: what went wrong" (one line, or one line an attempt); `hint`: the way out, without a prefix
 */
export function explain(failure: Failure): { text: string; hint?: string } {
  const where = place(failure.where)
  const text = where === "" ? failure.message : `${where}: ${failure.message}`
  return failure.hint === undefined ? { text } : { text, hint: failure.hint }
}

/** The same for machines: one JSON document, keys as in docs/errors.md. */
export function failureDocument(failure: Failure): Record<string, unknown> {
  return { code: failure.code, exit: failure.exit, where: failure.where, ...explain(failure) }
}
