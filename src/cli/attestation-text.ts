/** What a verified attestation says, for people and for programs. */
import { slotText } from "../failure.ts"
import { firmwareText } from "../piv/firmware.ts"
import { printable } from "../quote.ts"
import type { Attestation } from "../yubikey/attestation.ts"

/** Lines for a person. */
export function attestationText(said: Attestation): string {
  const kind = [said.formFactor, said.fips ? "FIPS" : null, said.cspn ? "CSPN" : null].filter((part) => part !== null)
  return [
    `YubiKey ${said.serial}, slot ${slotText(said.slot)}, firmware ${firmwareText(said.firmware)}${kind.length === 0 ? "" : `, ${kind.join(", ")}`}`,
    `  the key was made in it; PIN ${said.pinPolicy}, touch ${said.touchPolicy}`,
    `  recipient: ${said.recipient.text}`,
    `  signed by: ${said.chain.map(printable).join(" <- ")}`,
    ...said.advisories.map(({ id, text, remedy }) => `  ${id}: ${text}; ${remedy}`),
  ]
    .map((line) => `${line}\n`)
    .join("")
}

/** The same for programs. */
export function attestationDocument(said: Attestation): Record<string, unknown> {
  return {
    serial: said.serial,
    slot: slotText(said.slot),
    firmware: firmwareText(said.firmware),
    pinPolicy: said.pinPolicy,
    touchPolicy: said.touchPolicy,
    formFactor: said.formFactor,
    fips: said.fips,
    cspn: said.cspn,
    recipient: said.recipient.text,
    tagRecipient: said.recipient.as("p256tag").text,
    fingerprint: said.fingerprint,
    chain: said.chain,
    advisories: said.advisories,
  }
}
