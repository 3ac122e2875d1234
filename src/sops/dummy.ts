/** Documents as they are in an encrypted file, with a dummy in the place of each encrypted value: of its type, and a text of its length. */
import { type EncFields, encFields } from "./cipher.ts"
import type { Branch, Comment, Documents, Entry, Leaf, Value } from "./tree.ts"

/** @param documents - of an encrypted file; what is not encrypted stays */
export function dummyDocuments(documents: Documents): Documents {
  return documents.map(dummyBranch)
}

function dummyBranch(map: Branch): Branch {
  return { ...map, items: map.items.map((item): Entry | Comment => dummyItem(item)) }
}

function dummyItem(item: Entry | Comment): Entry | Comment {
  return item.type === "comment" ? dummyComment(item) : { ...item, value: dummyValue(item.value) }
}

function dummyComment(comment: Comment): Comment {
  const fields = encFields(comment.value)
  return fields === null ? comment : { ...comment, value: dummyText(fields) }
}

function dummyValue(value: Value): Value {
  switch (value.type) {
    case "map":
      return dummyBranch(value)
    case "list":
      return {
        ...value,
        items: value.items.map((item) => (item.type === "comment" ? dummyComment(item) : dummyValue(item))),
      }
    case "str":
    case "time":
      return dummyLeaf(value)
    case "int":
    case "float":
    case "bool":
    case "null":
      return value
  }
}

function dummyLeaf(leaf: Leaf & { type: "str" | "time" }): Leaf {
  const fields = encFields(leaf.value)
  if (fields === null) return leaf
  switch (fields.type) {
    case "int":
      return { type: "int", value: 1n }
    case "float":
      return { type: "float", value: 1.5 }
    case "bool":
      return { type: "bool", value: true }
    case "time":
      return { type: "time", value: "2020-01-01T00:00:00Z" }
    default:
      return { type: "str", value: dummyText(fields) }
  }
}

function dummyText({ data }: EncFields): string {
  return "d".repeat(Buffer.byteLength(data, "base64"))
}
