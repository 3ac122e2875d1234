/** `ts-age-yk yubikey verify`: whether evidence holds, and whether it is about the recipients of `.sops.yaml`. */
import { Command } from "commander"
import { readEvidence, readEvidenceText } from "../../../ceremony/attestation-evidence.ts"
import { keyLabel, type NamedKey } from "../../../ceremony/key-names.ts"
import { evidenceFolder } from "../../../ceremony/own-files.ts"
import { readRepository } from "../../../ceremony/repository.ts"
import { EXIT, explain, Failure } from "../../../failure.ts"
import type { Slot } from "../../../piv/slots.ts"
import { printable } from "../../../quote.ts"
import { readText } from "../../../read-file.ts"
import { type Attestation, type Expected, type TrustedRoots, verifyAttestation } from "../../../yubikey/attestation.ts"
import { AttestationRefused } from "../../../yubikey/failures.ts"
import { YubiKeyRecipient } from "../../../yubikey/recipient.ts"
import { attestationDocument, attestationText } from "../../attestation-text.ts"
import { attestationRoots } from "../../evidence.ts"
import { WrongUsage } from "../../failures.ts"
import { collect, parseNumber, parseSlotOption } from "../../options.ts"
import type { World } from "../../world.ts"

type Options = Readonly<{ recipient?: string; serial?: number; slot?: Slot; root?: string[]; json?: true }>

/** What one file is worth. */
type Verdict = Readonly<{ file: string }> &
  (
    | Readonly<{ holds: true; attestation: Attestation; names: readonly string[] }>
    | Readonly<{ holds: false; why: Failure }>
  )

export function verifyCommand(world: World, done: (status: number) => void): Command {
  return new Command("verify")
    .description("check attestations: by Yubico's roots, and against recipients; needs no YubiKey and no network")
    .argument("[FILE...]", "evidence in PEM; all that is filed beside .sops.yaml unless given")
    .option("--recipient <RECIPIENT>", "it must be about this one")
    .option("--serial <N>", "it must be about this YubiKey", parseNumber)
    .option("--slot <SLOT>", "it must be about this slot", parseSlotOption)
    .option("--root <PEM>", "trust this root instead of Yubico's (repeatable)", collect(String))
    .option("--json", "one JSON document")
    .action(async (files: string[], options: Options) => {
      const roots = await attestationRoots(options.root)
      const expected: Expected = {
        ...(options.recipient === undefined ? {} : { recipient: YubiKeyRecipient.parse(options.recipient) }),
        ...(options.serial === undefined ? {} : { serial: options.serial }),
        ...(options.slot === undefined ? {} : { slot: options.slot }),
      }
      if (files.length === 0 && Object.keys(expected).length > 0)
        throw new WrongUsage("which file is that about?", {
          hint: "name it; all filed evidence is held against .sops.yaml",
        })
      const verdicts =
        files.length === 0 ? await verifyFiled(roots, world) : await verifyFiles(files, roots, expected, world)
      await report(verdicts, options.json === true, world)
      done(verdicts.every(({ holds }) => holds) ? 0 : EXIT.failed)
    })
}

/** Filed evidence must be about a recipient of `.sops.yaml`: that of another key says nothing of ours. */
async function verifyFiled(roots: TrustedRoots, world: World): Promise<Verdict[]> {
  const { root, names } = await readRepository(".")
  const evidence = await readEvidence(root, roots, world.now())
  if (evidence.length === 0)
    throw new AttestationRefused("there is no evidence on file", {
      where: { file: evidenceFolder },
      hint: "with each YubiKey: ts-age-yk yubikey attest --file",
    })
  return evidence.map((one): Verdict => {
    if (!one.holds) return one
    const found = namesOf(one.attestation, names)
    if (found.length > 0) return { ...one, names: found }
    const why = new AttestationRefused(
      `it holds, and is about ${one.attestation.recipient.text}, which is no recipient of .sops.yaml`,
      { where: { file: one.file } },
    )
    return { file: one.file, holds: false, why }
  })
}

/** The names that `.sops.yaml` has for the attested key, under either recipient. */
function namesOf({ recipient }: Attestation, names: ReadonlyMap<string, NamedKey>): string[] {
  return (["piv-p256", "p256tag"] as const)
    .map((kind) => recipient.as(kind).text)
    .filter((text) => names.has(text))
    .map((text) => keyLabel(text, names))
}

async function verifyFiles(
  files: readonly string[],
  roots: TrustedRoots,
  expected: Expected,
  world: World,
): Promise<Verdict[]> {
  const texts = await Promise.all(files.map(readText))
  // Attestation and attestation key may come in files of their own.
  const { attestations, others } = readEvidenceText(texts)
  const names = await readRepository(".").then(
    (repository) => repository.names,
    () => new Map<string, NamedKey>(),
  )
  const file = files.join(" ")
  return attestations.map((certificate): Verdict => {
    try {
      const attestation = verifyAttestation(certificate, others, roots, world.now(), expected)
      return { file, holds: true, attestation, names: namesOf(attestation, names) }
    } catch (why) {
      if (!(why instanceof Failure)) throw why
      return { file, holds: false, why: why.within({ file }) }
    }
  })
}

async function report(verdicts: readonly Verdict[], json: boolean, world: World): Promise<void> {
  if (json) {
    const evidence = verdicts.map((one) =>
      one.holds
        ? { file: one.file, holds: true, names: one.names, ...attestationDocument(one.attestation) }
        : { file: one.file, holds: false, why: one.why.message },
    )
    await world.out(`${JSON.stringify({ evidence }, null, 2)}\n`)
    return
  }
  for (const one of verdicts) {
    if (one.holds) {
      const named =
        one.names.length === 0
          ? "no recipient of .sops.yaml has that key"
          : `in .sops.yaml: ${one.names.map(printable).join(", ")}`
      await world.out(`${attestationText(one.attestation)}  ${named}\n`)
    } else await world.out(`REFUSED ${explain(one.why).text}\n`)
  }
}
