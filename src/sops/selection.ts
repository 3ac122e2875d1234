/** Which values of a file are encrypted. [sops] sops.go, `shouldBeEncrypted`. */
import type { FailureDetails } from "../failure.ts"
import { quote } from "../quote.ts"
import { SelectionInvalid } from "./failures.ts"

/** The six rules, by their names in metadata and `.sops.yaml`, in the order that sops tells them in. */
export const selectionRules = [
  "unencrypted_suffix",
  "encrypted_suffix",
  "unencrypted_regex",
  "encrypted_regex",
  "unencrypted_comment_regex",
  "encrypted_comment_regex",
] as const

export type SelectionRule = (typeof selectionRules)[number]

/** One rule, or "everything": the binary format, which has a single value. Regular expressions are Go's (RE2). */
export type Selection = Readonly<{ rule: SelectionRule; text: string } | { rule: "everything" }>

/** The rule that holds where none is given. */
export const defaultSelection: Selection & { rule: SelectionRule } = {
  rule: "unencrypted_suffix",
  text: "_unencrypted",
}

/** Comment lines that stand before a value, one list for each collection around it. */
export type CommentStack = readonly (readonly string[])[]

/** A selection that can be asked. */
export type Selector = Readonly<{
  /** @param keys - the map keys on the way; @param isComment - whether the value is itself a comment, then the last of the stack */
  encrypts(keys: readonly string[], comments: CommentStack, isComment: boolean): boolean
  /** Whether an encrypted comment could be taken for the mark of `unencrypted_comment_regex`, which would lock its value in. */
  mistakes(encryptedComment: string): boolean
}>

/**
 * Compiles a regular expression of Go's dialect, which takes linear time on any text.
 * @throws SelectionInvalid
 */
export async function compileRegex(pattern: string, details: FailureDetails = {}): Promise<(text: string) => boolean> {
  const { RE2JS, RE2JSSyntaxException } = await import("re2js")
  try {
    const compiled = RE2JS.compile(pattern)
    return (text) => compiled.matcher(text).find()
  } catch (cause) {
    if (!(cause instanceof RE2JSSyntaxException)) throw cause
    throw new SelectionInvalid(`${quote(pattern)} is no regular expression that Go, and so sops, can read`, {
      ...details,
      cause,
    })
  }
}

const never = (): boolean => false

/**
 * Makes a selection ready; regular expressions are loaded only where one is used.
 * @throws SelectionInvalid when its regular expression cannot be read
 */
export async function compileSelection(selection: Selection): Promise<Selector> {
  if (selection.rule === "everything") return { encrypts: () => true, mistakes: never }
  const { rule, text } = selection
  const ends = (key: string): boolean => key.endsWith(text)
  const matches = rule.endsWith("_regex") ? await compileRegex(text) : never
  switch (rule) {
    case "unencrypted_suffix":
      return { encrypts: (keys) => !keys.some(ends), mistakes: never }
    case "encrypted_suffix":
      return { encrypts: (keys) => keys.some(ends), mistakes: never }
    case "unencrypted_regex":
      return { encrypts: (keys) => !keys.some(matches), mistakes: never }
    case "encrypted_regex":
      return { encrypts: (keys) => keys.some(matches), mistakes: never }
    case "unencrypted_comment_regex":
      return { encrypts: (_, comments) => !comments.some((lines) => lines.some(matches)), mistakes: matches }
    case "encrypted_comment_regex":
      return {
        encrypts: (_, comments, isComment) =>
          comments.some((lines, depth) =>
            lines.some((line, index) => {
              // The comment that turns encryption on stays readable itself.
              const own = isComment && depth === comments.length - 1 && index === lines.length - 1
              return !own && matches(line)
            }),
          ),
        mistakes: never,
      }
  }
}
