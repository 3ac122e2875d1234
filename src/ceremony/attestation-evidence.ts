/**
 * Attestations on file: `.sops-attestations/SERIAL-SLOT.pem` beside `.sops.yaml`, each the slot's attestation and, behind it, the
 * attestation key's certificate. They are public, meant to be committed, and proven again whenever they are read.
 */
import { mkdir } from "node:fs/promises"
import { join } from "node:path"
import { Failure, slotText } from "../failure.ts"
import { firmwareText } from "../piv/firmware.ts"
import { parseSlot, type Slot } from "../piv/slots.ts"
import { printable } from "../quote.ts"
import { listIfThere, readText } from "../read-file.ts"
import { replaceFile } from "../replace-file.ts"
import {
  type Attestation,
  type Expected,
  isSlotAttestation,
  type TrustedRoots,
  verifyAttestation,
} from "../yubikey/attestation.ts"
import { AttestationRefused } from "../yubikey/failures.ts"
import { type Certificate, certificatePem, pemCertificates, readCertificate } from "../yubikey/x509.ts"
import { keyLabel, type NamedKey } from "./key-names.ts"
import { evidenceFolder } from "./own-files.ts"
import { groupsAfter, type RekeyPlan } from "./plan.ts"
import type { TranscriptEvent } from "./transcript.ts"

/** A file of the folder, and what it is worth. `file` is relative to the repository. */
export type Evidence = Readonly<{ file: string }> &
  (Readonly<{ holds: true; attestation: Attestation }> | Readonly<{ holds: false; why: Failure }>)

/** The name of a key's evidence. */
export function evidenceName(serial: number, slot: Slot): string {
  return `${serial}-${slotText(slot)}.pem`
}

/** What a name promises; null for names that promise nothing. */
function promised(name: string): Expected | null {
  const [, serial, slotName = ""] = /^(\d{1,10})-([0-9a-f]{2})\.pem$/.exec(name) ?? []
  const slot = parseSlot(`0x${slotName}`)
  return serial === undefined || slot === null ? null : { serial: Number(serial), slot }
}

/** The evidence as a file: certificates in DER, the slot's attestation first. */
export function evidencePem(certificates: readonly Uint8Array[]): string {
  return certificates.map(certificatePem).join("")
}

/**
 * Reads certificates, from as many files as they came in.
 * @returns the attestations of slots among them, and all others
 * @throws AttestationRefused when there is none to verify; CertificateMalformed
 */
export function readEvidenceText(texts: readonly string[]): { attestations: Certificate[]; others: Certificate[] } {
  const certificates = texts.flatMap(pemCertificates).map(readCertificate)
  const attestations = certificates.filter(isSlotAttestation)
  const [only] = certificates
  if (only === undefined) throw new AttestationRefused("there is no certificate in it", { hint: "PEM is expected" })
  // A lone certificate of another kind is to be told what it is, not passed over.
  if (attestations.length === 0) return { attestations: [only], others: certificates.slice(1) }
  return { attestations, others: certificates.filter((certificate) => !attestations.includes(certificate)) }
}

/** Verifies all evidence of a repository, in the order of names; a repository without has none. */
export async function readEvidence(root: string, trusted: TrustedRoots, now: Date): Promise<Evidence[]> {
  const names = await listIfThere(join(root, evidenceFolder))
  const evidence: Evidence[] = []
  for (const name of names.filter((entry) => entry.endsWith(".pem")).sort()) {
    const file = `${evidenceFolder}/${name}`
    try {
      evidence.push({ file, holds: true, attestation: await verifyFile(root, name, trusted, now) })
    } catch (failure) {
      if (!(failure instanceof Failure)) throw failure
      evidence.push({ file, holds: false, why: failure.within({ file }) })
    }
  }
  return evidence
}

async function verifyFile(root: string, name: string, trusted: TrustedRoots, now: Date): Promise<Attestation> {
  const expected = promised(name)
  if (expected === null)
    throw new AttestationRefused(`${printable(name)} is no name of evidence`, { hint: "it is SERIAL-SLOT.pem" })
  const { attestations, others } = readEvidenceText([await readText(join(root, evidenceFolder, name))])
  const [attestation] = attestations
  if (attestation === undefined || attestations.length > 1)
    throw new AttestationRefused(`${attestations.length} attestations stand in it, where one is expected`)
  return verifyAttestation(attestation, others, trusted, now, expected)
}

/** The recipients that evidence stands behind, under both names that a key has. */
export function attestedRecipients(evidence: readonly Evidence[]): Set<string> {
  return new Set(
    evidence.flatMap((one) =>
      one.holds ? [one.attestation.recipient.as("piv-p256").text, one.attestation.recipient.as("p256tag").text] : [],
    ),
  )
}

/** What the record says of the evidence for those who will read the files: none where there is none. */
export function attestedEvents(
  evidence: readonly Evidence[],
  plan: RekeyPlan,
  names: ReadonlyMap<string, NamedKey>,
): TranscriptEvent[] {
  const readers = new Set(plan.files.flatMap(groupsAfter).flat())
  const keys = evidence.flatMap((one) => {
    if (!one.holds) return []
    const { attestation } = one
    const recipient = [...attestedRecipients([one])].find((text) => readers.has(text))
    if (recipient === undefined) return []
    const { serial, slot, firmware, fingerprint, chain } = attestation
    const key = keyLabel(recipient, names)
    return [
      {
        key,
        recipient,
        serial,
        slot: slotText(slot),
        firmware: firmwareText(firmware),
        fingerprint,
        root: chain.at(-1),
      },
    ]
  })
  return keys.length === 0 ? [] : [{ event: "attested", keys }]
}

/**
 * Files evidence that was verified.
 * @returns its path, relative to the repository
 * @throws WriteFailed
 */
export async function fileEvidence(root: string, { serial, slot }: Attestation, pem: string): Promise<string> {
  const file = join(evidenceFolder, evidenceName(serial, slot))
  await mkdir(join(root, evidenceFolder), { recursive: true })
  await replaceFile(join(root, file), Buffer.from(pem), 0o644)
  return file
}
