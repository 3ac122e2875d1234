/** The exposure ledger on the audit's page: key by key, what is open before what is done with. */
import { counted } from "../counted.ts"
import { keyPathText } from "../failure.ts"
import { type Html, html, join, tableOf } from "./audit-html-parts.ts"
import type { CommitNote, Exposure } from "./exposure.ts"
import { keyLabel, type NamedKey } from "./key-names.ts"
import type { Ledger } from "./ledger.ts"

export function exposureSection(ledger: Ledger | null, names: ReadonlyMap<string, NamedKey>): Html {
  if (ledger === null) return html`<p>Unknown: git has no history here.</p>`
  const { commits, shallow, unread, exposures, plainOnce } = ledger
  const notes = [
    ...(shallow
      ? [html`<li><span class="tag warn">shallow</span> this clone lacks older commits, so there may be more</li>`]
      : []),
    ...(unread > 0 ? [html`<li><span class="tag warn">not read</span> ${counted(unread, "blob")}</li>`] : []),
    ...plainOnce.map(
      ({ file, commit }) =>
        html`<li><span class="tag bad">was plain</span> <code>${file}</code> stood in plain text once, for everybody: ${commitText(commit)}</li>`,
    ),
  ]
  return join([
    html`<p>${counted(commits, "commit")} looked at. A key that was removed could read every version that was encrypted for it, and can in
git's history; such a value is open until it is changed.</p>`,
    notes.length === 0 ? html`` : html`<ul>${join(notes)}</ul>`,
    exposures.length === 0 ? html`<p>No removed key could read anything.</p>` : join(byKey(exposures, names)),
  ])
}

function byKey(exposures: readonly Exposure[], names: ReadonlyMap<string, NamedKey>): Html[] {
  const keys = new Map<string, Exposure[]>()
  for (const row of exposures) keys.set(row.key, [...(keys.get(row.key) ?? []), row])
  const openOf = (rows: readonly Exposure[]): Exposure[] => rows.filter(({ state }) => state.is === "open")
  return [...keys]
    .sort(([, one], [, other]) => openOf(other).length - openOf(one).length)
    .map(([key, rows]) => {
      const open = openOf(rows)
      const sorted = [...open, ...rows.filter(({ state }) => state.is !== "open")]
      const label = keyLabel(key, names)
      const table = tableOf(
        `What ${label} could read`,
        ["File", "Value", "State", "Since"],
        sorted.map((row) => [
          html`<code>${row.file}</code>`,
          html`<code>${keyPathText(row.keyPath)}</code>`,
          stateOf(row),
          html`${commitText(row.since)}`,
        ]),
      )
      const head = html`<summary>${label}: ${open.length} open, ${rows.length - open.length} done with</summary>`
      return open.length > 0
        ? html`<details open>${head}${table}</details>
`
        : html`<details>${head}${table}</details>
`
    })
}

function stateOf(row: Exposure): Html {
  const { state } = row
  if (state.is === "open") {
    const notes = [
      ...(row.readable ? ["the key reads it now: rekey first"] : []),
      ...(row.present ? [] : ["no longer in the repository"]),
      ...(row.alone ? [] : ["together with other keys"]),
    ]
    return html`<span class="tag bad">open</span> ${notes.join("; ")}`
  }
  if (state.is === "waived") return html`<span class="tag some">waived</span> ${state.mark.reason} (${state.mark.date})`
  if (state.mark !== null)
    return html`<span class="tag good">rotated</span> ${state.mark.reason === "" ? "as was said" : state.mark.reason} (${state.mark.date})`
  return html`<span class="tag good">rotated</span> ${state.by === null ? "in a merge" : commitText(state.by)}`
}

function commitText({ id, date, subject }: CommitNote): string {
  return id === "" ? "not committed yet" : `${date.slice(0, 10)} ${id.slice(0, 12)} ${subject}`
}
