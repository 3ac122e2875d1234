/** `ts-age-yk yubikey attest`: the evidence that a key was made in a YubiKey, and cannot leave it. */
import { Command } from "commander"
import { evidencePem, fileEvidence, readEvidenceText } from "../../../ceremony/attestation-evidence.ts"
import { findRepository } from "../../../ceremony/repository.ts"
import { explain, Failure, slotText } from "../../../failure.ts"
import type { Slot } from "../../../piv/slots.ts"
import { replaceFile } from "../../../replace-file.ts"
import { type Attestation, verifyAttestation } from "../../../yubikey/attestation.ts"
import type { YubiKeyCard } from "../../../yubikey/card.ts"
import { AttestationRefused } from "../../../yubikey/failures.ts"
import { takeInventory } from "../../../yubikey/inventory.ts"
import { attestationText } from "../../attestation-text.ts"
import { withOneCard } from "../../cards.ts"
import { attestationRoots } from "../../evidence.ts"
import { WrongUsage } from "../../failures.ts"
import { collect, declareReaders, parseSlotOption, type ReaderOptions } from "../../options.ts"
import type { World } from "../../world.ts"

type Options = ReaderOptions & Readonly<{ slot?: Slot; output?: string; file?: true; root?: string[] }>

/** The slot of the attestation key. */
const attestationSlot: Slot = 0xf9

export function attestCommand(world: World, done: (status: number) => void): Command {
  return declareReaders(new Command("attest"))
    .description("the YubiKey's own word, signed by Yubico, that a key was made in it; needs no PIN")
    .option("--slot <SLOT>", "the key's slot; the only identity unless given", parseSlotOption)
    .option("-o, --output <FILE>", "write the evidence there")
    .option("--file", "file it beside .sops.yaml, where ceremonies look for it; only when it verifies")
    .option("--root <PEM>", "trust this root instead of Yubico's (repeatable)", collect(String))
    .action(async (options: Options) => {
      const roots = await attestationRoots(options.root)
      const certificates = await withOneCard(options, world, async ({ card, serial }) =>
        attestOn(card, serial, options.slot ?? (await onlySlot(card))),
      )
      const pem = evidencePem(certificates)
      const { attestations, others } = readEvidenceText([pem])
      const verdict = verdictOf(() => {
        const [attestation] = attestations
        if (attestation === undefined) throw new AttestationRefused("the card gave no attestation")
        return verifyAttestation(attestation, others, roots, world.now())
      })
      if (options.file === true) {
        if (verdict instanceof Failure) throw verdict
        const file = await fileEvidence(await findRepository("."), verdict, pem)
        await world.out(`${file}\n`)
      } else if (options.output !== undefined) await replaceFile(options.output, Buffer.from(pem), 0o644)
      else await world.out(pem)
      world.err(
        verdict instanceof Failure
          ? `ts-age-yk: warning: it does not verify: ${explain(verdict).text}\n`
          : attestationText(verdict),
      )
      done(0)
    })
}

function verdictOf(verify: () => Attestation): Attestation | Failure {
  try {
    return verify()
  } catch (failure) {
    if (failure instanceof Failure) return failure
    throw failure
  }
}

/** The slot's attestation and the certificate of the attestation key. */
async function attestOn(card: YubiKeyCard, serial: number | null, slot: Slot): Promise<Uint8Array[]> {
  const where = { slot, ...(serial === null ? {} : { serial }) }
  return card.use(async (session) => {
    if (!(await session.capabilities()).attestation)
      throw new AttestationRefused("this card makes no attestations", {
        where,
        hint: "YubiKeys do from firmware 4.3 on",
      })
    const attestation = await session.attestKey(slot)
    if (attestation === null)
      throw new AttestationRefused("there is no key in the slot, or one that was not made in it", {
        where,
        hint: "an imported key may have copies; make one on the YubiKey: ts-age-yk yubikey generate",
      })
    const device = await session.getCertificate(attestationSlot)
    if (device === null)
      throw new AttestationRefused("the attestation key's certificate is gone from slot f9, and cannot be restored", {
        where,
      })
    return [attestation, device]
  })
}

async function onlySlot(card: YubiKeyCard): Promise<Slot> {
  const { slots } = await takeInventory(card)
  const usable = slots.filter(({ use }) => use !== "unusable")
  const [only] = usable
  if (only === undefined || usable.length > 1)
    throw new WrongUsage(
      usable.length === 0
        ? "there is no age identity on the YubiKey"
        : `there are identities in slots ${usable.map(({ slot }) => slotText(slot)).join(", ")}`,
      { hint: "name a slot with --slot" },
    )
  return only.slot
}
