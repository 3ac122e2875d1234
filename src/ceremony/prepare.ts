/** All that is known of a rekey before anybody is asked for anything: what would change, what stands in its way, and who would open what. */
import type { UnlockSession } from "../keyring/unlock-session.ts"
import type { Forecast } from "./forecast.ts"
import { type AttestedRecipients, type Guard, guardsOf } from "./guards.ts"
import { planRekey, type RekeyPlan, type RekeyWish } from "./plan.ts"
import { previewUnlock } from "./preview.ts"
import type { Repository } from "./repository.ts"

/** What `rekey` carries out, and `planText` shows. */
export type Prepared = Readonly<{
  repository: Repository
  plan: RekeyPlan
  guards: readonly Guard[]
  forecast: Forecast
}>

/**
 * Plans a rekey. Needs no PIN, touch or passphrase, and changes nothing.
 * @param session - whose identities are at hand
 * @param attested - YubiKey recipients of which an attestation is on file
 * @throws failures of cards and readers; a file that cannot be changed is no failure but a part of the plan
 */
export async function prepareRekey(
  repository: Repository,
  session: UnlockSession,
  wish: RekeyWish = { rotateAll: false },
  attested: AttestedRecipients = new Set(),
): Promise<Prepared> {
  const plan = planRekey(repository, wish)
  const guards = guardsOf(repository, plan, attested)
  return { repository, plan, guards, forecast: await previewUnlock(repository, plan, session) }
}
