/** Who will open what: asked of the identities at hand without a PIN, a touch or a passphrase. */
import { readAgeFile } from "../age/file.ts"
import type { UnlockSession } from "../keyring/unlock-session.ts"
import { type AgeKey, groupsNeeded } from "../sops/metadata.ts"
import { YubiKeyRecipient } from "../yubikey/recipient.ts"
import { type Forecast, forecastOf, type Opening } from "./forecast.ts"
import { changedFiles, type RekeyPlan } from "./plan.ts"
import type { Repository } from "./repository.ts"

/** Forecasts the unlocking of a plan, and the proofs after it. */
export async function previewUnlock(
  repository: Repository,
  plan: RekeyPlan,
  session: UnlockSession,
): Promise<Forecast> {
  const byPath = new Map(repository.files.map((file) => [file.path, file]))
  const openings: Opening[] = []
  const unopened: string[] = []
  for (const { path, change } of changedFiles(plan)) {
    const content = byPath.get(path)?.content
    if (content?.state !== "encrypted") continue
    const { metadata } = content.file
    const byGroup: Opening[] = []
    for (const group of metadata.groups) {
      const opening = await cheapest(
        group.filter((key) => key.type === "age"),
        session,
      )
      // Where the data key is new, whoever opened the old one proves the new one too.
      if (opening !== null) byGroup.push({ by: opening, times: change.kind === "rotate" ? 2 : 1 })
    }
    byGroup.sort((a, b) => Number(a.by.kind === "yubikey") - Number(b.by.kind === "yubikey"))
    const needed = groupsNeeded(metadata)
    if (byGroup.length < needed) unopened.push(path)
    else openings.push(...byGroup.slice(0, needed))
  }
  return forecastOf(openings, unopened)
}

async function cheapest(keys: readonly AgeKey[], session: UnlockSession): Promise<Opening["by"] | null> {
  for (const { recipient } of keys) {
    const [owner] = session.ownersOf(recipient)
    if (owner !== undefined) return { kind: "software", label: owner.label }
  }
  if (session.yubiKeys === null) return null
  for (const key of keys) {
    if (!YubiKeyRecipient.isText(key.recipient)) continue
    const file = await readAgeFile(Buffer.from(key.enc))
    await file.close()
    const preview = await session.yubiKeys.preview(file.header.stanzas)
    if (preview !== null) return { kind: "yubikey", ...preview }
  }
  return null
}
