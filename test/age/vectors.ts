/** The vectors of C2SP/CCTV, as the package cctv-age has them. */
import { inflateSync } from "node:zlib"
import * as testkit from "cctv-age"

export type Expectation =
  | "success"
  | "no match"
  | "HMAC failure"
  | "header failure"
  | "payload failure"
  | "armor failure"

export type Vector = Readonly<{
  name: string
  expect: Expectation
  /** SHA-256 of all plaintext that may come out, in hex; null when none may. */
  payload: string | null
  identities: readonly string[]
  passphrases: readonly string[]
  armored: boolean
  file: Uint8Array
}>

const expectations: readonly Expectation[] = [
  "success",
  "no match",
  "HMAC failure",
  "header failure",
  "payload failure",
  "armor failure",
]
const known = new Set(["expect", "payload", "file key", "identity", "passphrase", "armored", "compressed", "comment"])

function parse(name: string, bytes: Uint8Array): Vector {
  const text = Buffer.from(bytes)
  const end = text.indexOf("\n\n")
  const fields = text
    .subarray(0, end)
    .toString()
    .split("\n")
    .map((line) => ({ key: line.slice(0, line.indexOf(": ")), value: line.slice(line.indexOf(": ") + 2) }))
  const all = (key: string): string[] => fields.filter((field) => field.key === key).map((field) => field.value)
  const expectation = expectations.find((one) => one === all("expect")[0])
  if (expectation === undefined || fields.some((field) => !known.has(field.key)))
    throw new TypeError(`vector ${name} has a field that is not known`)
  const body = text.subarray(end + 2)
  return {
    name,
    expect: expectation,
    payload: all("payload")[0] ?? null,
    identities: all("identity"),
    passphrases: all("passphrase"),
    armored: all("armored")[0] === "yes",
    file: new Uint8Array(all("compressed")[0] === "zlib" ? inflateSync(body) : body),
  }
}

/** All of them. */
export const vectors: readonly Vector[] = Object.entries(testkit)
  .filter((entry): entry is [string, Uint8Array] => (entry[1] as unknown) instanceof Uint8Array)
  .map(([name, bytes]) => parse(name, bytes))
