/** A plan for a person to read: file by file, by the names that people gave the keys. */
import { counted } from "../counted.ts"
import { explain } from "../failure.ts"
import { printable } from "../quote.ts"
import type { Forecast, KeyForecast } from "./forecast.ts"
import type { Guard } from "./guards.ts"
import { keyLabel, type NamedKey } from "./key-names.ts"
import { changedFiles, type PlannedFile } from "./plan.ts"
import { planWords } from "./plan-words.ts"
import type { Prepared } from "./prepare.ts"

/** What happens to a file, in a few words. */
export function changeText({ change }: PlannedFile): string {
  switch (change.kind) {
    case "keep":
      return "stays as it is"
    case "rewrap":
      return "new recipients, the data key stays"
    case "rotate":
      return `new data key (${change.because.join(", ")})`
    case "refuse":
      return `cannot be rekeyed: ${explain(change.why).text}`
  }
}

/** Who comes and who goes, a line each, group by group. @param kept - whether those who stay are told too */
export function recipientLines(
  file: PlannedFile,
  names: ReadonlyMap<string, NamedKey>,
  { kept: withKept }: Readonly<{ kept: boolean }>,
): string[] {
  const label = (key: string): string => keyLabel(key, names)
  const lines: string[] = []
  const { from, to } = file.threshold
  if (from !== to) lines.push(`    groups needed: ${from === 0 ? "all" : from} -> ${to === 0 ? "all" : to}`)
  for (const [index, { added, removed, kept }] of file.groups.entries()) {
    if (added.length + removed.length === 0) continue
    const group = file.groups.length > 1 ? `group ${index + 1}: ` : ""
    for (const key of removed) lines.push(`    - ${group}${label(key)}`)
    for (const key of added) lines.push(`    + ${group}${label(key)}`)
    if (withKept && kept.length > 0) lines.push(`    = ${group}${kept.map(label).join(", ")}`)
  }
  return lines
}

function keyForecastText({ serial, pins, touches, agreements }: KeyForecast): string {
  const name = serial === null ? "a YubiKey without serial number" : `YubiKey ${serial}`
  return `  ${name}: ${counted(pins, "PIN")}, ${counted(touches, "touch", "touches")}, ${counted(agreements, "key agreement")}`
}

/** Who opens what, how often people are asked, and how long it takes. */
export function forecastText(forecast: Forecast): string {
  const lines: string[] = []
  if (forecast.software > 0) lines.push(`  software keys: ${counted(forecast.software, "opening")}`)
  lines.push(...forecast.yubiKeys.map(keyForecastText))
  if (forecast.yubiKeys.length > 0)
    lines.push(`  about ${Math.max(1, Math.round(forecast.seconds))} s of the YubiKeys' time`)
  if (forecast.unopened.length > 0)
    lines.push(
      `  nothing at hand opens ${counted(forecast.unopened.length, "file")}: ${forecast.unopened.slice(0, 3).map(printable).join(", ")}${forecast.unopened.length > 3 ? ", …" : ""}`,
    )
  return lines.length === 0 ? "" : `unlock:\n${lines.join("\n")}\n`
}

/** The guards: what stops first. */
export function guardsText(guards: readonly Guard[]): string {
  const sorted = [...guards].sort((a, b) => Number(b.stops) - Number(a.stops))
  return sorted
    .flatMap(({ stops, name, text, files }) => [
      `${stops ? "STOPS " : "note  "} ${name}: ${text}`,
      ...files.slice(0, 5).map((file) => `         ${printable(file)}`),
      ...(files.length > 5 ? [`         and ${files.length - 5} more`] : []),
    ])
    .map((line) => `${line}\n`)
    .join("")
}

/** The whole plan, as `rekey --dry-run` prints it. */
export function planText({ repository, plan, guards, forecast }: Prepared): string {
  const changed = changedFiles(plan)
  const refused = plan.files.filter(({ change }) => change.kind === "refuse")
  const kept = plan.files.length - changed.length - refused.length
  const files = [...refused, ...changed].flatMap((file) => [
    `${printable(file.path)}: ${changeText(file)}`,
    ...recipientLines(file, repository.names, { kept: true }),
  ])
  const parts = [
    files.map((line) => `${line}\n`).join(""),
    `${counted(changed.length, "file")} to change, ${counted(kept, "file")} as they are\n`,
    guardsText(guards),
    changed.length === 0 ? "" : forecastText(forecast),
    `plan ${plan.hash.slice(0, 16)}: ${planWords(plan.hash)}\n`,
  ]
  return parts.filter((part) => part !== "").join("\n")
}
