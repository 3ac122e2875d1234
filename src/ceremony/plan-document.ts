/** A plan for programs: what `rekey --dry-run --json` prints. */
import type { Forecast } from "./forecast.ts"
import type { Guard } from "./guards.ts"
import { keyLabel } from "./key-names.ts"
import type { RekeyPlan } from "./plan.ts"
import { planWords } from "./plan-words.ts"
import type { Repository } from "./repository.ts"

export function planDocument(
  repository: Repository,
  plan: RekeyPlan,
  guards: readonly Guard[],
  forecast: Forecast,
): Record<string, unknown> {
  const label = (recipient: string): unknown => ({ name: keyLabel(recipient, repository.names), recipient })
  return {
    plan: plan.hash,
    words: planWords(plan.hash),
    config: plan.configSha256,
    files: plan.files.map(({ path, before, change, groups, threshold }) => ({
      path,
      before,
      change: change.kind,
      because: change.kind === "rotate" ? change.because : [],
      why: change.kind === "refuse" ? change.why.message : null,
      threshold,
      groups: groups.map(({ added, removed, kept }) => ({
        added: added.map(label),
        removed: removed.map(label),
        kept: kept.map(label),
      })),
    })),
    guards,
    forecast,
  }
}
