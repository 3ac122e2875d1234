/** Whole age files, binary or armored, from and to bytes or streams. [C2SP age]: C2SP/age.md. */
import { concat } from "../apdu/tlv.ts"
import { decodeArmor, encodeArmor, looksArmored } from "./armor.ts"
import { ByteSource, type Bytes } from "./byte-source.ts"
import { RecipientInvalid } from "./failures.ts"
import { generateFileKey } from "./file-key.ts"
import { encodeHeader, type Header, makeHeader, readHeader, verifyHeader } from "./header.ts"
import type { Recipient } from "./identity.ts"
import { type Opener, wrapFor } from "./open.ts"
import { openPayload, type Pieces, sealPayload } from "./payload.ts"
import type { FileKey } from "./stanza.ts"

/** How the file is encoded. "detect": armored when it begins with a BEGIN line after white space. */
export type Armor = "armored" | "binary" | "detect"

/** White space before armor that is looked through, in bytes. */
const longestLead = 1024

/** Whether bytes are those of an age file, binary or armored. */
export function isAgeFile(bytes: Uint8Array): boolean {
  const lead = bytes.subarray(0, longestLead)
  return Buffer.from(lead).toString("latin1").startsWith("age-encryption.org/") || looksArmored(lead)
}

/** A file whose header was read: it can be looked at, and opened once. */
export type AgeFile = Readonly<{
  header: Header
  armored: boolean
  /**
   * Checks the header against the file key, and decrypts.
   * @returns the plaintext; only the end of the iteration says that nothing is missing
   * @throws HeaderMacMismatch, HeaderMalformed; while it is iterated, PayloadDamaged, ArmorMalformed
   */
  open(fileKey: FileKey): Promise<AsyncIterable<Uint8Array>>
  /** Lets go of the source, when the file is not opened. */
  close(): Promise<void>
}>

/**
 * Reads the header of a file.
 * @throws HeaderMalformed, ArmorMalformed
 */
export async function readAgeFile(bytes: Bytes, armor: Armor = "detect"): Promise<AgeFile> {
  const outer = new ByteSource(bytes)
  const armored = armor === "armored" || (armor === "detect" && looksArmored(await outer.peek(longestLead)))
  const source = armored ? new ByteSource(decodeArmor(piecesOf(outer))) : outer
  try {
    const header = await readHeader(source)
    return {
      header,
      armored,
      open: async (fileKey) => {
        verifyHeader(header, fileKey)
        return openPayload(source, fileKey)
      },
      close: () => source.close(),
    }
  } catch (failure) {
    await source.close()
    throw failure
  }
}

async function* piecesOf(source: ByteSource): AsyncGenerator<Uint8Array> {
  try {
    for (let piece = await source.piece(); piece !== null; piece = await source.piece()) yield piece
  } finally {
    await source.close()
  }
}

/**
 * Decrypts a stream.
 * @param open - `openWith(identities)`, or a session that opens many files
 * @returns the plaintext; what comes out is authentic, but only the end of the iteration says that nothing is missing
 * @throws HeaderMalformed, ArmorMalformed, HeaderMacMismatch, what `open` throws; while it is iterated, PayloadDamaged
 */
export async function decryptStream(
  bytes: Bytes,
  open: Opener,
  armor: Armor = "detect",
): Promise<AsyncIterable<Uint8Array>> {
  const file = await readAgeFile(bytes, armor)
  try {
    using fileKey = await open(file.header.stanzas)
    return await file.open(fileKey)
  } catch (failure) {
    await file.close()
    throw failure
  }
}

/**
 * Decrypts a whole file; nothing comes out of a damaged one.
 * @throws as `decryptStream`
 */
export async function decryptBytes(bytes: Bytes, open: Opener, armor: Armor = "detect"): Promise<Uint8Array> {
  return collect(await decryptStream(bytes, open, armor))
}

/**
 * Encrypts a stream.
 * @param recipients - at least one
 * @throws RecipientInvalid when there is none, RecipientsDoNotMix, what a recipient throws
 */
export async function encryptStream(
  bytes: Bytes,
  recipients: readonly Recipient[],
  armor: "armored" | "binary" = "binary",
  pieces: Pieces = "to keep",
): Promise<AsyncIterable<Uint8Array>> {
  if (recipients.length === 0) throw new RecipientInvalid("no recipient was given", { hint: "name one with -r or -R" })
  using fileKey = generateFileKey()
  const header = encodeHeader(makeHeader(await wrapFor(recipients, fileKey), fileKey))
  const file = join(header, sealPayload(new ByteSource(bytes), fileKey, pieces))
  return armor === "armored" ? encodeArmor(file) : file
}

/** Encrypts to bytes. @throws as `encryptStream` */
export async function encryptBytes(
  bytes: Bytes,
  recipients: readonly Recipient[],
  armor: "armored" | "binary" = "binary",
): Promise<Uint8Array> {
  return collect(await encryptStream(bytes, recipients, armor))
}

async function* join(header: Uint8Array, payload: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield header
  yield* payload
}

async function collect(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for await (const piece of pieces) parts.push(piece)
  return concat(...parts)
}
