/** What people call the keys: the anchors and comments of `.sops.yaml`, and the policy's names. Never a bare key alone. */
import { printable } from "../quote.ts"

/** A key by its recipient. `comment`: what the configuration says of it, above it or behind it. */
export type NamedKey = Readonly<{ recipient: string; names: readonly string[]; comment: string | null; line: number }>

/** An anchor before a recipient: `- &lena age1… # comment`. Recipients have no white space but those of SSH, which may be quoted. */
const anchored = /^\s*(?:-\s*)?&([A-Za-z0-9_.+-]+)\s+(?:"([^"]+)"|'([^']+)'|(ssh-\S+ \S+)|(\S+))\s*(?:#\s*(.*))?$/
const commentLine = /^\s*#\s?(.*)$/

/**
 * Reads the names that a configuration gives its keys.
 * @param text - of `.sops.yaml`
 */
export function readKeyNames(text: string): Map<string, NamedKey> {
  const keys = new Map<string, NamedKey>()
  let above: string | null = null
  for (const [index, line] of text.split("\n").entries()) {
    const match = anchored.exec(line)
    if (match !== null) {
      const [, name = "", double, single, ssh, bare, behind] = match
      const recipient = double ?? single ?? ssh ?? bare ?? ""
      const known = keys.get(recipient)
      keys.set(recipient, {
        recipient,
        names: [...(known?.names ?? []), name],
        comment: known?.comment ?? behind ?? above,
        line: known?.line ?? index + 1,
      })
    }
    above = commentLine.exec(line)?.[1] ?? null
  }
  return keys
}

/** The key that somebody calls by one of its names, or by its recipient. */
export function keyNamed(text: string, names: ReadonlyMap<string, NamedKey>): NamedKey | undefined {
  return [...names.values()].find((key) => key.names.includes(text) || key.recipient === text)
}

/** How a key is shown: by its names, with the beginning of the key where it has none. */
export function keyLabel(recipient: string, names: ReadonlyMap<string, NamedKey>): string {
  const known = names.get(recipient)
  if (known !== undefined) return known.names.map(printable).join(" = ")
  return `unnamed ${shortRecipient(recipient)}`
}

/** Enough of a recipient to tell it from others by eye: its kind, and both ends. */
export function shortRecipient(recipient: string): string {
  // Where a secret key stands instead, it is masked before a part of it would no longer look like one.
  const text = printable(recipient)
  return text.length <= 30 ? text : `${text.slice(0, 18)}…${text.slice(-6)}`
}
