/**
 * Data objects and certificates. [800-73-4]: NIST SP 800-73-4 part 2, 3.1.2 and 3.3.2; part 1, appendix A for the certificate's
 * container. [yubico]: gzip as ykman writes it.
 */
import { type Exchange, send } from "../apdu/exchange.ts"
import { StatusFailure, SW } from "../apdu/status.ts"
import { concat, decodeTlvs, encodeTlv, findTlv, unwrapTlv } from "../apdu/tlv.ts"
import { ObjectMalformed } from "./failures.ts"
import { certificateObject, type Slot } from "./slots.ts"

/** A certificate is never longer than this, in bytes, however well it was compressed. */
const certificateLimit = 0x10000

function objectTag(object: number): Uint8Array {
  return encodeTlv(0x5c, Uint8Array.of(object >> 16, (object >> 8) & 0xff, object & 0xff))
}

/**
 * Reads an object.
 * @param object - its tag, 0x5fc102 for the CHUID
 * @returns its content without the outer `53 L`, or null when there is none
 * @see [800-73-4] part 2, 3.1.2 GET DATA
 */
export async function getObject(exchange: Exchange, object: number): Promise<Uint8Array | null> {
  const { data, sw } = await exchange({ ins: 0xcb, p1: 0x3f, p2: 0xff, data: objectTag(object) })
  if (sw === SW.notFound || sw === SW.referenceNotFound) return null
  if (sw !== SW.ok) throw new StatusFailure("GET DATA", sw)
  const content = unwrapTlv(data, 0x53)
  return content.length === 0 ? null : content
}

/**
 * Writes an object; null deletes it. Wants the management key.
 * @see [800-73-4] part 2, 3.3.2 PUT DATA
 */
export async function putObject(exchange: Exchange, object: number, content: Uint8Array | null): Promise<void> {
  const data = concat(objectTag(object), encodeTlv(0x53, content ?? new Uint8Array()))
  await send(exchange, "PUT DATA", { ins: 0xdb, p1: 0x3f, p2: 0xff, data })
}

/**
 * Reads the certificate of a slot, however it is stored: plain, gzip (CertInfo 01), or Net iD's zlib with a length.
 * @returns DER, or null when the slot has none
 * @throws ObjectMalformed
 */
export async function getCertificate(exchange: Exchange, slot: Slot): Promise<Uint8Array | null> {
  const content = await getObject(exchange, certificateObject(slot))
  if (content === null) return null
  const objects = decodeTlvs(content)
  const certificate = findTlv(objects, 0x70)
  if (certificate === null || certificate.length === 0) return null
  const info = findTlv(objects, 0x71)?.[0] ?? 0
  return uncompressed(certificate, info, slot)
}

async function uncompressed(certificate: Uint8Array, info: number, slot: Slot): Promise<Uint8Array> {
  // Net iD: 01 00, the length in two bytes with the low one first, then a zlib stream; a certificate starts with 30.
  const netId = certificate[0] === 0x01 && certificate[1] === 0x00
  if (!netId && (info & 0x03) !== 0x01) return certificate
  // Loaded here: few certificates are compressed, and every start would take a third of a millisecond longer.
  const { gunzipSync, inflateSync } = await import("node:zlib")
  try {
    return netId
      ? inflateSync(certificate.subarray(4), { maxOutputLength: certificateLimit })
      : gunzipSync(certificate, { maxOutputLength: certificateLimit })
  } catch (cause) {
    throw new ObjectMalformed("the compressed certificate", { where: { slot }, cause })
  }
}

/** Writes a certificate (DER, plain) into a slot; null deletes it. Wants the management key. */
export async function putCertificate(exchange: Exchange, slot: Slot, der: Uint8Array | null): Promise<void> {
  const content =
    der === null
      ? null
      : concat(encodeTlv(0x70, der), encodeTlv(0x71, Uint8Array.of(0)), encodeTlv(0xfe, new Uint8Array()))
  await putObject(exchange, certificateObject(slot), content)
}
