/** Any bytes, as one value `data` in a JSON envelope. [sops] stores/json, `BinaryStore`. */
import { ValueUnsupported } from "../failures.ts"
import { decodeText, encodeText } from "../text.ts"
import { branch, type Documents, entry, str, valueOf } from "../tree.ts"
import { jsonStore } from "./json.ts"
import type { Store } from "./store.ts"

const dataKey = "data"

function emitData(documents: Documents): Uint8Array {
  const data = documents.length === 1 ? valueOf(documents[0]!, dataKey) : undefined
  if (data?.type !== "str") {
    throw new ValueUnsupported('there is no text under the key "data" to write as binary', {
      hint: "the file is of another format: name it with --input-type, or what to print with --output-type",
    })
  }
  return encodeText(data.value)
}

export const binaryStore: Store = {
  ...jsonStore,
  format: "binary",
  parse: (bytes) => [branch([entry(dataKey, str(decodeText(bytes)))])],
  emit: emitData,
  emitValue: () => {
    throw new ValueUnsupported("a binary file has no parts that could be extracted")
  },
  // The bytes are one value, whatever they look like.
  holdsMetadata: () => false,
}
