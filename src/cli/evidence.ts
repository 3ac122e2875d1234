/** The attestations on file, judged by the roots that the options name. */
import { attestedRecipients, type Evidence, readEvidence } from "../ceremony/attestation-evidence.ts"
import type { Repository } from "../ceremony/repository.ts"
import { explain } from "../failure.ts"
import { readText } from "../read-file.ts"
import { type TrustedRoots, trustedRoots, yubicoRoots } from "../yubikey/attestation.ts"
import type { World } from "./world.ts"

type RootOptions = Readonly<{ attestationRoot?: string[] }>

/** The roots that attestations are judged by: Yubico's, or those that were named instead. */
export async function attestationRoots(files: readonly string[] | undefined): Promise<TrustedRoots> {
  if (files === undefined) return yubicoRoots()
  return trustedRoots((await Promise.all(files.map(readText))).join("\n"))
}

/** The evidence on file; what of it does not hold is told. */
export async function trustedEvidence({ root }: Repository, options: RootOptions, world: World): Promise<Evidence[]> {
  const evidence = await readEvidence(root, await attestationRoots(options.attestationRoot), world.now())
  for (const one of evidence) if (!one.holds) world.err(`ts-age-yk: warning: ${explain(one.why).text}\n`)
  return evidence
}

/** The recipients whose attestation is on file and holds. */
export async function attested(repository: Repository, options: RootOptions, world: World): Promise<Set<string>> {
  return attestedRecipients(await trustedEvidence(repository, options, world))
}
