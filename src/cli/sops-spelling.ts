/** sops' flags in our spelling. */
import { printable } from "../quote.ts"
import { formatNamed, formatOfName } from "../sops/format.ts"
import type { Format } from "../sops/stores/store.ts"
import { NoFileNamed, WrongUsage } from "./failures.ts"
import { refuseKeyVariables, type SopsInvocation } from "./sops-arguments.ts"
import type { WishOptions } from "./sops-encrypt.ts"
import type { World } from "./world.ts"

/** @throws NoFileNamed */
export function wanted(file: string | undefined): string {
  if (file === undefined) throw new NoFileNamed()
  return file
}

/** Flags that are called alike. */
export function pass({ flags }: SopsInvocation, names: readonly string[]): string[] {
  return names.flatMap((name) => {
    const value = flags.get(name)
    // sops takes an empty value for none.
    if (value === undefined || value === "") return []
    return value === true ? [`--${name}`] : [`--${name}=${value}`]
  })
}

/** Recipients, with commas between them. */
export function list(value: string | true | undefined): string[] {
  return typeof value !== "string"
    ? []
    : value
        .split(",")
        .map((part) => part.trim())
        .filter((part) => part !== "")
}

/** The value of a flag; undefined where it is empty too. */
export function valueOf({ flags }: SopsInvocation, name: string): string | undefined {
  const value = flags.get(name)
  return typeof value === "string" && value !== "" ? value : undefined
}

/** @throws WrongUsage */
export function numberOf(flag: string, text: string): number {
  if (!/^-?\d{1,9}$/.test(text)) throw new WrongUsage(`--${flag} wants a number, not "${printable(text)}"`)
  return Number(text)
}

/**
 * What is to be read and written: by the flags; else by the name, even where a flag says what is read. A type that sops does not know
 * counts for none, and is warned about.
 */
export function formatsOf(
  invocation: SopsInvocation,
  world: World,
): Readonly<{ name: string | undefined; input: Format | undefined; output: Format | undefined }> {
  const [file] = invocation.operands
  const name = valueOf(invocation, "filename-override") ?? file
  const typed = (flag: string): Format | undefined => {
    const text = valueOf(invocation, flag)
    if (text === undefined) return undefined
    const format = formatNamed(text)
    if (format === null) world.err(`sops: warning: --${flag} ${printable(text)} is no type, so the name tells\n`)
    return format ?? undefined
  }
  const given = typed("input-type")
  const input = given ?? (name === undefined || name === file ? undefined : formatOfName(name))
  const output = typed("output-type") ?? (name === undefined || input === undefined ? undefined : formatOfName(name))
  return { name, input, output }
}

/** Options for what is to be read and written, where they are not as the name has them. */
export function passFormats(invocation: SopsInvocation, world: World): string[] {
  const { input, output } = formatsOf(invocation, world)
  return [
    ...(input === undefined ? [] : [`--input-type=${input}`]),
    ...(output === undefined ? [] : [`--output-type=${output}`]),
  ]
}

const selectors = ["unencrypted-suffix", "encrypted-suffix", "unencrypted-regex", "encrypted-regex"].concat([
  "unencrypted-comment-regex",
  "encrypted-comment-regex",
])

function recipientsOf({ flags }: SopsInvocation, world: World): string[] {
  refuseKeyVariables(world.env)
  return list(flags.get("age") ?? world.env["SOPS_AGE_RECIPIENTS"])
}

/** @throws WrongUsage where keys of other kinds are asked for */
export function encryptArguments(invocation: SopsInvocation, world: World): string[] {
  const [file] = invocation.operands
  return [
    ...recipientsOf(invocation, world).flatMap((text) => ["-r", text]),
    ...passFormats(invocation, world),
    ...pass(invocation, ["config", "filename-override", "mac-only-encrypted", "shamir-secret-sharing-threshold"]),
    ...pass(invocation, ["output", "in-place", "indent", ...selectors]),
    ...(file === undefined ? [] : ["--", file]),
  ]
}

/** What a new file is to be. @throws WrongUsage where keys of other kinds are asked for */
export function wishOptions(invocation: SopsInvocation, world: World): WishOptions {
  const threshold = valueOf(invocation, "shamir-secret-sharing-threshold")
  const config = valueOf(invocation, "config")
  const texts = {
    unencryptedSuffix: valueOf(invocation, "unencrypted-suffix"),
    encryptedSuffix: valueOf(invocation, "encrypted-suffix"),
    unencryptedRegex: valueOf(invocation, "unencrypted-regex"),
    encryptedRegex: valueOf(invocation, "encrypted-regex"),
    unencryptedCommentRegex: valueOf(invocation, "unencrypted-comment-regex"),
    encryptedCommentRegex: valueOf(invocation, "encrypted-comment-regex"),
  }
  return {
    recipient: recipientsOf(invocation, world),
    ...texts,
    ...(config === undefined ? {} : { config }),
    ...(invocation.flags.has("mac-only-encrypted") ? { macOnlyEncrypted: true } : {}),
    ...(threshold === undefined
      ? {}
      : { shamirSecretSharingThreshold: numberOf("shamir-secret-sharing-threshold", threshold) }),
  }
}
