/** The comments of `.sops.yaml` that belong to a key: right above it, or behind it. */
import { type TextEdit, wholeLine } from "./config-lists.ts"
import { endOfLine, type PlacedNode, startOfLine } from "./config-places.ts"

/** `start` is that of its `#`, which the text includes. */
export type CommentLine = Readonly<{ start: number; text: string }>

/** The comment line right above a list entry, in its column. */
export function commentAbove(text: string, dash: number): CommentLine | null {
  const line = startOfLine(text, dash)
  if (line === 0 || text.slice(line, dash).trim() !== "") return null
  const start = startOfLine(text, line - 1)
  const above = text.slice(start, endOfLine(text, start))
  const comment = above.trimStart()
  const column = above.length - comment.length
  return comment.startsWith("#") && column === dash - line ? { start: start + column, text: comment } : null
}

/** Whether a comment has the name of a key in it, as a word. */
export function isAbout(comment: string, name: string): boolean {
  return new RegExp(`(^|[^A-Za-z0-9_-])${name}([^A-Za-z0-9_-]|$)`).test(comment)
}

/** The comment line, and those above it that name the key too. */
export function ownComments(text: string, comment: CommentLine, name: string): TextEdit[] {
  const above = commentAbove(text, comment.start)
  return [
    ...(above !== null && isAbout(above.text, name) ? ownComments(text, above, name) : []),
    wholeLine(text, comment.start),
  ]
}

/** Whether a comment stands on the line of a node, behind it. */
export function hasCommentBehind(text: string, node: Pick<PlacedNode, "end">): boolean {
  return text.slice(node.end, endOfLine(text, node.end)).includes("#")
}
