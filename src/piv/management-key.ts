/**
 * The management key, which guards what is written to the card. [800-73-4]: NIST SP 800-73-4 part 2, 3.2.4 and appendix A.2
 * (mutual authentication). [yubico]: SET MANAGEMENT KEY; AES from firmware 5.4, AES-192 by default from 5.7.
 */
import { createCipheriv, createDecipheriv, randomBytes, timingSafeEqual } from "node:crypto"
import { type Exchange, send } from "../apdu/exchange.ts"
import { AnswerMalformed } from "../apdu/failures.ts"
import { StatusFailure, SW } from "../apdu/status.ts"
import { concat, decodeTlvs, encodeTlv, findTlv, unwrapTlv } from "../apdu/tlv.ts"
import type { Secret } from "../secret.ts"
import { ManagementKeyRejected } from "./failures.ts"
import { managementKeyMetadata } from "./metadata.ts"

/** Algorithms of the management key, as ykman names them. */
export type ManagementAlgorithm = "TDES" | "AES128" | "AES192" | "AES256"
/** 16, 24 or 32 bytes. */
export type ManagementKey = Secret<"management key">

type Properties = Readonly<{ byte: number; cipher: string; keyLength: number; blockLength: number }>

const algorithms: Readonly<Record<ManagementAlgorithm, Properties>> = {
  TDES: { byte: 0x03, cipher: "des-ede3", keyLength: 24, blockLength: 8 },
  AES128: { byte: 0x08, cipher: "aes-128-ecb", keyLength: 16, blockLength: 16 },
  AES192: { byte: 0x0a, cipher: "aes-192-ecb", keyLength: 24, blockLength: 16 },
  AES256: { byte: 0x0c, cipher: "aes-256-ecb", keyLength: 32, blockLength: 16 },
}

/** The names of all algorithms, in the order in which cards came to have them. */
export const MANAGEMENT_ALGORITHMS: readonly ManagementAlgorithm[] = ["TDES", "AES128", "AES192", "AES256"]

/** The length of a key in bytes. */
export function managementKeyLength(algorithm: ManagementAlgorithm): number {
  return algorithms[algorithm].keyLength
}

/** The factory's key, for TDES and AES-192 alike. */
export function factoryManagementKey(): Uint8Array {
  return Uint8Array.from({ length: 24 }, (_, index) => (index % 8) + 1)
}

/** The algorithm that the card says its key has, or null where it does not say. */
export async function managementAlgorithm(exchange: Exchange): Promise<ManagementAlgorithm | null> {
  const metadata = await managementKeyMetadata(exchange)
  if (metadata === "unsupported") return null
  return MANAGEMENT_ALGORITHMS.find((name) => algorithms[name].byte === metadata.algorithm) ?? null
}

/**
 * Shows that we have the management key, and has the card show it too.
 * The algorithm is found, not assumed: from the metadata, or by asking for a witness with each that fits the key's length.
 * @throws ManagementKeyRejected when the key or its length does not fit
 * @see [800-73-4] part 2, appendix A.2
 */
export async function authenticateManagement(exchange: Exchange, key: ManagementKey): Promise<ManagementAlgorithm> {
  const known = await managementAlgorithm(exchange)
  const candidates = MANAGEMENT_ALGORITHMS.filter(
    (name) => algorithms[name].keyLength === key.length && (known === null || name === known),
  )
  for (const algorithm of candidates) {
    const witness = await askForWitness(exchange, algorithm)
    if (witness === null) continue
    await answerWitness(exchange, algorithm, key, witness)
    return algorithm
  }
  throw new ManagementKeyRejected()
}

const dynamicAuthentication = 0x7c
const tags = { witness: 0x80, challenge: 0x81, response: 0x82 } as const
const managementReference = 0x9b

/** @returns null when the card's key is of another algorithm */
async function askForWitness(exchange: Exchange, algorithm: ManagementAlgorithm): Promise<Uint8Array | null> {
  const { byte, blockLength } = algorithms[algorithm]
  const data = encodeTlv(dynamicAuthentication, encodeTlv(tags.witness))
  const response = await exchange({ ins: 0x87, p1: byte, p2: managementReference, data })
  if ([SW.wrongData, SW.wrongParameters, SW.notSupported, SW.referenceNotFound].some((sw) => sw === response.sw))
    return null
  if (response.sw !== SW.ok) throw new StatusFailure("GENERAL AUTHENTICATE", response.sw)
  const witness = findTlv(decodeTlvs(unwrapTlv(response.data, dynamicAuthentication)), tags.witness)
  if (witness?.length !== blockLength) throw new AnswerMalformed("the witness has a wrong length")
  return witness
}

async function answerWitness(
  exchange: Exchange,
  algorithm: ManagementAlgorithm,
  key: ManagementKey,
  witness: Uint8Array,
): Promise<void> {
  const { byte, cipher, blockLength } = algorithms[algorithm]
  const challenge = randomBytes(blockLength)
  const { decrypted, expected } = key.use((bytes) => {
    const decipher = createDecipheriv(cipher, bytes, null).setAutoPadding(false)
    const encipher = createCipheriv(cipher, bytes, null).setAutoPadding(false)
    return { decrypted: decipher.update(witness), expected: encipher.update(challenge) }
  })
  const data = encodeTlv(
    dynamicAuthentication,
    concat(encodeTlv(tags.witness, decrypted), encodeTlv(tags.challenge, challenge)),
  )
  const { data: answer, sw } = await exchange({ ins: 0x87, p1: byte, p2: managementReference, data })
  if (sw !== SW.ok) throw new ManagementKeyRejected({ cause: new StatusFailure("GENERAL AUTHENTICATE", sw) })
  const shown = findTlv(decodeTlvs(unwrapTlv(answer, dynamicAuthentication)), tags.response)
  if (shown?.length !== expected.length || !timingSafeEqual(shown, expected)) throw new ManagementKeyRejected()
}

/**
 * Sets the management key. Wants the present one.
 * @param touch - whether each use shall want a touch
 * @see [yubico] SET MANAGEMENT KEY
 */
export async function setManagementKey(
  exchange: Exchange,
  algorithm: ManagementAlgorithm,
  key: ManagementKey,
  touch = false,
): Promise<void> {
  const { byte, keyLength } = algorithms[algorithm]
  if (key.length !== keyLength) throw new RangeError(`"key" expected ${keyLength} bytes, got ${key.length}`)
  const data = key.use((bytes) => concat(Uint8Array.of(byte), encodeTlv(managementReference, bytes)))
  try {
    await send(exchange, "SET MANAGEMENT KEY", { ins: 0xff, p1: 0xff, p2: touch ? 0xfe : 0xff, data })
  } finally {
    data.fill(0)
  }
}
