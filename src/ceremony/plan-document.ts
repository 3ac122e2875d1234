/** A plan for programs: what `rekey --dry-run --json` prints. */
import { keyLabel } from "./key-names.ts"
import { planWords } from "./plan-words.ts"
import type { Prepared } from "./prepare.ts"

/** @returns the plan as `planText` tells it, for `JSON.stringify` */
export function planDocument({ repository, plan, guards, forecast }: Prepared): Record<string, unknown> {
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
