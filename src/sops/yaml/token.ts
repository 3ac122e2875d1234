/** What YAML text falls into before it becomes nodes. The names are those of [YAML 1.1] and of libyaml. */
import type { Mark } from "./cursor.ts"

export type ScalarStyle = "plain" | "single" | "double" | "literal" | "folded"

export type Token = Readonly<
  { start: Mark } & (
    | {
        type:
          | "stream-start"
          | "stream-end"
          | "document-start"
          | "document-end"
          | "block-sequence-start"
          | "block-mapping-start"
          | "block-end"
          | "flow-sequence-start"
          | "flow-sequence-end"
          | "flow-mapping-start"
          | "flow-mapping-end"
          | "block-entry"
          | "flow-entry"
          | "key"
          | "value"
      }
    | { type: "version-directive"; version: string }
    | { type: "tag-directive"; handle: string; prefix: string }
    | { type: "alias" | "anchor"; name: string }
    | { type: "tag"; handle: string; suffix: string }
    | { type: "scalar"; value: string; style: ScalarStyle }
  )
>
