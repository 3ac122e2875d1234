/** The names of plugins, as recipients and identities carry them. [C2SP age-plugin]: "Mapping recipients and identities to plugin binaries". */
import { decodeBech32, encodeBech32 } from "./bech32.ts"

/** A recipient or identity that a plugin understands: the plugin's name in lower case, and the data behind it. */
export type PluginText = Readonly<{ name: string; text: string; data: Uint8Array }>

/** What a name is made of, so that it can be a part of a program's name and never a path. */
const namePattern = /^[a-z0-9+._-]+$/

/** Whether a plugin may have this name, in lower case. */
export function isPluginName(name: string): boolean {
  return namePattern.test(name)
}

/** @returns null when the text is no `age1name1…` recipient */
export function parsePluginRecipient(text: string): PluginText | null {
  const decoded = decodeBech32(text)
  if (!decoded?.hrp.startsWith("age1")) return null
  const name = decoded.hrp.slice("age1".length)
  return isPluginName(name) ? { name, text, data: decoded.bytes } : null
}

/** @returns null when the text is no `AGE-PLUGIN-NAME-1…` identity */
export function parsePluginIdentity(text: string): PluginText | null {
  const decoded = decodeBech32(text)
  const name = /^AGE-PLUGIN-(.+)-$/.exec(decoded?.hrp ?? "")?.[1]?.toLowerCase()
  return decoded === null || name === undefined || !isPluginName(name) ? null : { name, text, data: decoded.bytes }
}

/** `age1name1…` */
export function encodePluginRecipient(name: string, data: Uint8Array): string {
  return encodeBech32(`age1${name.toLowerCase()}`, data)
}

/** `AGE-PLUGIN-NAME-1…`; without data it means whatever key the plugin finds. */
export function encodePluginIdentity(name: string, data: Uint8Array = new Uint8Array(0)): string {
  return encodeBech32(`AGE-PLUGIN-${name.toUpperCase()}-`, data)
}
