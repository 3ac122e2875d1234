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

/**
 * Whether the comments before a value bear the mark that a rule looks for, for each collection around it: the last comment, and any
 * before it.
 */
export type MarkStack = readonly Readonly<{ last: boolean; earlier: boolean }>[]

/** A selection that can be asked. */
export type Selector = Readonly<{
  /** Whether a comment bears the mark of the rule, if it has one; asked once a comment. */
  marks(comment: string): boolean
  /** @param keys - the map keys on the way; @param isComment - whether the value is itself a comment, then the last of the stack */
  encrypts(keys: readonly string[], comments: MarkStack, isComment: boolean): boolean
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
  const { rule } = selection
  const isRegex = rule !== "everything" && rule.endsWith("_regex")
  return selectorOf(selection, isRegex ? await compileRegex(selection.text, { where: { option: rule } }) : never)
}

/**
 * The same for a selection that a file was encrypted by: to sops, an expression that it cannot read matches nothing, and it says
 * nothing about it.
 */
export async function compileWritten(selection: Selection): Promise<Selector> {
  try {
    return await compileSelection(selection)
  } catch (failure) {
    if (failure instanceof SelectionInvalid) return selectorOf(selection, never)
    throw failure
  }
}

function selectorOf(selection: Selection, matches: (text: string) => boolean): Selector {
  const plain = { marks: never, mistakes: never }
  if (selection.rule === "everything") return { ...plain, encrypts: () => true }
  const { rule, text } = selection
  const ends = (key: string): boolean => key.endsWith(text)
  switch (rule) {
    case "unencrypted_suffix":
      return { ...plain, encrypts: (keys) => !keys.some(ends) }
    case "encrypted_suffix":
      return { ...plain, encrypts: (keys) => keys.some(ends) }
    case "unencrypted_regex":
      return { ...plain, encrypts: (keys) => !keys.some(matches) }
    case "encrypted_regex":
      return { ...plain, encrypts: (keys) => keys.some(matches) }
    case "unencrypted_comment_regex":
      return {
        marks: matches,
        mistakes: matches,
        encrypts: (_, comments) => !comments.some(({ last, earlier }) => last || earlier),
      }
    case "encrypted_comment_regex":
      return {
        marks: matches,
        mistakes: never,
        // The comment that turns encryption on stays readable itself.
        encrypts: (_, comments, isComment) =>
          comments.some(
            ({ last, earlier }, depth) => earlier || (last && !(isComment && depth === comments.length - 1)),
          ),
      }
  }
}
