/** `KEY=value` lines. No quotes, no trimming; a line feed in a value is written `\n`. [sops] stores/dotenv. */
import { quote } from "../../quote.ts"
import { AlreadyEncrypted, NotEncrypted, SyntaxInvalid, ValueUnsupported } from "../failures.ts"
import { flatten, unflatten } from "../flatten.ts"
import { metadataKey } from "../metadata.ts"
import { decodeText, encodeText } from "../text.ts"
import { branch, type Comment, comment, type Documents, type Entry, entry, str, type Value } from "../tree.ts"
import { untypedText } from "../value.ts"
import type { Envelope, Store } from "./store.ts"

const metadataPrefix = `${metadataKey}_`

export function parseDotenv(bytes: Uint8Array): Documents {
  const items: (Entry | Comment)[] = []
  decodeText(bytes)
    .split("\n")
    .forEach((line, index) => {
      if (line === "") return
      if (line.startsWith("#")) {
        items.push(comment(line.slice(1)))
        return
      }
      const equals = line.indexOf("=")
      if (equals < 0) throw new SyntaxInvalid("dotenv", "a line without an equals sign", index + 1)
      items.push(entry(line.slice(0, equals), str(line.slice(equals + 1).replaceAll("\\n", "\n"))))
    })
  return [branch(items)]
}

export function emitDotenv(documents: Documents): Uint8Array {
  const lines = (documents[0]?.items ?? []).map((item) => {
    if (item.type === "comment") return `#${item.value}\n`
    const key = typeof item.key === "string" ? item.key : ""
    return `${key}=${lineValue(item.value, key)}\n`
  })
  return encodeText(lines.join(""))
}

function lineValue(value: Value, key: string): string {
  if (value.type === "map" || value.type === "list") {
    throw new ValueUnsupported("dotenv has no maps and lists", { where: { keyPath: [key] } })
  }
  return value.type === "str" ? value.value.replaceAll("\n", "\\n") : untypedText(value)
}

function isMetadata(item: Entry | Comment): item is Entry & { key: string } {
  return item.type === "entry" && typeof item.key === "string" && item.key.startsWith(metadataPrefix)
}

function takeMetadata(documents: Documents): Envelope {
  const items = documents[0]?.items ?? []
  const flat = items.filter(isMetadata).map(({ key, value }) => entry(key.slice(metadataPrefix.length), value))
  if (flat.length === 0) throw new NotEncrypted()
  return { documents: [branch(items.filter((item) => !isMetadata(item)))], metadata: unflatten(flat) }
}

function putMetadata({ documents, metadata }: Envelope): Documents {
  const items = documents[0]?.items ?? []
  const reserved = items.find(isMetadata)
  if (reserved !== undefined) throw new AlreadyEncrypted(reserved.key)
  return [branch([...items, ...flatten(metadata, metadataPrefix)])]
}

export const dotenvStore: Store = {
  format: "dotenv",
  parse: parseDotenv,
  emit: emitDotenv,
  parseEncrypted: (bytes) => takeMetadata(parseDotenv(bytes)),
  emitEncrypted: (envelope) => emitDotenv(putMetadata(envelope)),
  emitValue: (value) => {
    if (value.type !== "str") throw new ValueUnsupported(`dotenv has texts only, this is ${quote(value.type)}`)
    return encodeText(value.value)
  },
  holdsMetadata: (documents) => documents[0]?.items.some(isMetadata) ?? false,
}
