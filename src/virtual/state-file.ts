/** The file that keeps a virtual YubiKey: one card as JSON, its fields those of CardState, described in docs/virtual.md. */
import { readText } from "../read-file.ts"
import { replaceFile } from "../replace-file.ts"
import { VirtualCard, type VirtualOptions } from "./card.ts"
import {
  type CardState,
  isKeySlot,
  type PinPolicy,
  type Reference,
  type SlotKey,
  type TouchPolicy,
} from "./card-state.ts"
import { CardFileInvalid } from "./failures.ts"
import { firmwareProfile, firmwareProfiles } from "./firmware-profiles.ts"
import {
  type KeyAlgorithm,
  keyAlgorithmReferences,
  keyKinds,
  type ManagementKeyAlgorithm,
  managementKeyAlgorithms,
} from "./key-algorithms.ts"

type Path = readonly (string | number)[]

function invalid(what: string, keyPath: Path): CardFileInvalid {
  return new CardFileInvalid(what, { keyPath })
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}

/** An object with exactly these fields. */
function record(value: unknown, path: Path, fields?: readonly string[]): Record<string, unknown> {
  if (!isRecord(value)) throw invalid("expected an object", path)
  for (const field of fields ?? []) if (!Object.hasOwn(value, field)) throw invalid("is missing", [...path, field])
  const strange = fields && Object.keys(value).find((field) => !fields.includes(field))
  if (strange !== undefined) throw invalid("is not a field of a card", [...path, strange])
  return value
}

function text(value: unknown, path: Path, pattern: RegExp, expected: string): string {
  if (typeof value !== "string" || !pattern.test(value)) throw invalid(`expected ${expected}`, path)
  return value
}

function hexText(value: unknown, path: Path): string {
  return text(value, path, /^(?:[0-9a-f]{2})+$/, "bytes in lower-case hex")
}

function integer(value: unknown, path: Path, lowest: number, highest: number): number {
  if (typeof value !== "number" || !Number.isInteger(value) || value < lowest || value > highest)
    throw invalid(`expected a whole number from ${lowest} to ${highest}`, path)
  return value
}

function boolean(value: unknown, path: Path): boolean {
  if (typeof value !== "boolean") throw invalid("expected true or false", path)
  return value
}

function oneOf<T extends string>(value: unknown, path: Path, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === value)
  if (found === undefined) throw invalid(`expected one of ${choices.join(", ")}`, path)
  return found
}

function names<T extends string>(table: Readonly<Record<T, unknown>>): T[] {
  const known: T[] = []
  for (const name in table) known.push(name)
  return known
}

/** The policies by the words that state files, vectors and the command line use. */
export function parsePinPolicy(value: unknown, path: Path): PinPolicy {
  return oneOf(value, path, ["never", "once", "always"])
}

/** See parsePinPolicy. */
export function parseTouchPolicy(value: unknown, path: Path): TouchPolicy {
  return oneOf(value, path, ["never", "always", "cached"])
}

function reference(value: unknown, path: Path): Reference {
  const fields = record(value, path, ["value", "tries", "triesLeft"])
  const tries = integer(fields["tries"], [...path, "tries"], 1, 255)
  return {
    value: text(fields["value"], [...path, "value"], /^[\0-\xfe]{6,8}$/, "six to eight characters below U+00FF"),
    tries,
    triesLeft: integer(fields["triesLeft"], [...path, "triesLeft"], 0, tries),
  }
}

function managementKey(
  value: unknown,
  path: Path,
  allowed: readonly ManagementKeyAlgorithm[],
): CardState["managementKey"] {
  const fields = record(value, path, ["algorithm", "key", "touch"])
  const algorithm = oneOf(fields["algorithm"], [...path, "algorithm"], allowed)
  const key = hexText(fields["key"], [...path, "key"])
  const length = managementKeyAlgorithms[algorithm].keyLength
  if (key.length !== 2 * length) throw invalid(`expected ${length} bytes`, [...path, "key"])
  return { algorithm, key, touch: boolean(fields["touch"], [...path, "touch"]) }
}

function slotKey(value: unknown, path: Path): SlotKey {
  const fields = record(value, path, ["algorithm", "privateKey", "pinPolicy", "touchPolicy", "origin"])
  const algorithm: KeyAlgorithm = oneOf(fields["algorithm"], [...path, "algorithm"], names(keyAlgorithmReferences))
  const privateKey = hexText(fields["privateKey"], [...path, "privateKey"])
  try {
    keyKinds[algorithm].publicKey(Buffer.from(privateKey, "hex"))
  } catch {
    // The cause is left out: it may quote the key.
    throw invalid(`not a private key for ${algorithm}`, [...path, "privateKey"])
  }
  return {
    algorithm,
    privateKey,
    pinPolicy: parsePinPolicy(fields["pinPolicy"], [...path, "pinPolicy"]),
    touchPolicy: parseTouchPolicy(fields["touchPolicy"], [...path, "touchPolicy"]),
    origin: oneOf(fields["origin"], [...path, "origin"], ["generated", "imported"]),
  }
}

function keys(value: unknown, path: Path): CardState["keys"] {
  return Object.fromEntries(
    Object.entries(record(value, path)).map(([slot, key]) => {
      if (!/^[89f][0-9a-f]$/.test(slot) || !isKeySlot(Number.parseInt(slot, 16)))
        throw invalid("is not a slot that holds a key", [...path, slot])
      return [slot, slotKey(key, [...path, slot])]
    }),
  )
}

function objects(value: unknown, path: Path): CardState["objects"] {
  return Object.fromEntries(
    Object.entries(record(value, path)).map(([id, content]) => {
      if (!/^5f[0-9a-f]{4}$/.test(id)) throw invalid("is not the name of a data object", [...path, id])
      return [id, hexText(content, [...path, id])]
    }),
  )
}

/**
 * Reads a card from parsed JSON, strictly: each field must be there, in its form, and no other.
 * @throws CardFileInvalid with the path of the value
 */
export function parseCard(json: unknown): CardState {
  const fields = record(
    json,
    [],
    [
      "kind",
      "version",
      "firmware",
      "serial",
      "pivEnabled",
      "pinComplexity",
      "pin",
      "puk",
      "managementKey",
      "keys",
      "objects",
    ],
  )
  const kind = oneOf(fields["kind"], ["kind"], ["virtual YubiKey"])
  if (fields["version"] !== 1) throw invalid("expected version 1", ["version"])
  const firmware = oneOf(
    fields["firmware"],
    ["firmware"],
    firmwareProfiles.map((profile) => profile.firmware),
  )
  return {
    kind,
    version: 1,
    firmware,
    serial: integer(fields["serial"], ["serial"], 0, 0xffffffff),
    pivEnabled: boolean(fields["pivEnabled"], ["pivEnabled"]),
    pinComplexity: boolean(fields["pinComplexity"], ["pinComplexity"]),
    pin: reference(fields["pin"], ["pin"]),
    puk: reference(fields["puk"], ["puk"]),
    managementKey: managementKey(
      fields["managementKey"],
      ["managementKey"],
      firmwareProfile(firmware).managementKeyAlgorithms,
    ),
    keys: keys(fields["keys"], ["keys"]),
    objects: objects(fields["objects"], ["objects"]),
  }
}

/** Reads a JSON document; what it holds is for the caller to check. @throws ReadFailed, CardFileInvalid */
export async function readJson(path: string): Promise<unknown> {
  const content = await readText(path)
  try {
    const document: unknown = JSON.parse(content)
    return document
  } catch {
    // The parser's message quotes the text, which holds keys.
    throw new CardFileInvalid("it is not JSON", { file: path })
  }
}

/** Reads a card's file. @throws ReadFailed, CardFileInvalid */
export async function readCardFile(path: string): Promise<CardState> {
  const json = await readJson(path)
  try {
    return parseCard(json)
  } catch (cause) {
    if (cause instanceof CardFileInvalid) throw cause.within({ file: path })
    throw cause
  }
}

/** Writes a card's file, whole or not at all, readable by its owner alone. @throws WriteFailed */
export async function writeCardFile(path: string, state: CardState): Promise<void> {
  await replaceFile(path, new TextEncoder().encode(`${JSON.stringify(state, null, 2)}\n`))
}

/** A card that lives in a file: every change is in it before the card answers. @throws ReadFailed, CardFileInvalid */
export async function openCardFile(path: string, options: VirtualOptions = {}): Promise<VirtualCard> {
  const onChange = async (state: CardState): Promise<void> => {
    await writeCardFile(path, state)
    await options.onChange?.(state)
  }
  return new VirtualCard(await readCardFile(path), { ...options, onChange })
}
