/**
 * An audit as one page: no network, no script, readable on screens in light and dark, on paper, by keyboard and by ear. Each table has
 * a caption and heads with their scope; what a colour says, a sign and a word say too.
 */

import { createHash } from "node:crypto"
import { counted } from "../counted.ts"
import { explain, keyPathText } from "../failure.ts"
import { printable } from "../quote.ts"
import { version } from "../version.ts"
import type { Audit } from "./audit.ts"
import { exposureSection } from "./audit-html-exposure.ts"
import { escape, type Html, html, join, region, tableOf } from "./audit-html-parts.ts"
import { auditStyle } from "./audit-style.ts"
import type { Drift } from "./drift.ts"
import { keyLabel, type NamedKey } from "./key-names.ts"
import type { HostNeeds } from "./manifest-needs.ts"
import type { PlannedFile } from "./plan.ts"
import type { Access, AuditedKey, FileAccess, WhoCanDecrypt } from "./who-can-decrypt.ts"

type Names = ReadonlyMap<string, NamedKey>

export type PageFacts = Readonly<{ root: string; now: Date }>

/** @param names - of keys, of now and of the past */
export function auditPage(audit: Audit, names: Names, { root, now }: PageFacts): string {
  const { drift, access, hosts, ledger } = audit
  const policy = `default-src 'none'; style-src 'sha256-${createHash("sha256").update(auditStyle).digest("base64")}'`
  const name = printable(root.split(/[\\/]/).at(-1) ?? root)
  const when = `${now.toISOString().slice(0, 16).replace("T", " ")} UTC`
  const what = audit.at === null ? "the work tree" : `commit ${audit.at.slice(0, 12)}`
  const sections: [string, string, Html][] = [
    ["drift", "Drift", driftSection(drift, access, names)],
    ["matrix", "Who can decrypt what", matrixSection(access)],
    ["keys", "Keys", keysSection(access)],
    ["plain", "Values in plain text", plainSection(access)],
    ...(hosts.length === 0 ? [] : [["hosts", "Hosts", hostsSection(hosts)] satisfies [string, string, Html]]),
    ["exposure", "Exposure", exposureSection(ledger, names)],
  ]
  const open = ledger?.exposures.filter(({ state }) => state.is === "open").length ?? 0
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Audit of ${escape(name)}, ${escape(when)}</title>
<style>${auditStyle}</style>
</head>
<body>
<a class="skip" href="#main">To the findings</a>
<header>
<h1>Audit of secrets: ${escape(name)}</h1>
<p class="quiet">As ${escape(what)} has it, ${escape(when)}. No key was needed for it, and it holds no secret.</p>
<nav aria-label="Sections"><ul>${sections.map(([id, title]) => `<li><a href="#${id}">${title}</a></li>`).join("")}</ul></nav>
<dl class="sums">
${sum("Files", String(access.files.length))}
${sum("Keys", String(access.keys.length))}
${sum("Files that drift", String(drift.files.length), drift.due ? "bad" : "good")}
${sum("Values open to removed keys", ledger === null ? "unknown" : String(open), open > 0 || ledger === null ? "bad" : "good")}
</dl>
</header>
<main id="main" tabindex="-1">
${sections.map(([id, title, body]) => `<section aria-labelledby="${id}"><h2 id="${id}">${title}</h2>\n${body.html}</section>`).join("\n")}
</main>
<footer><p>Made by ts-age-yk ${escape(version)}: <code>ts-age-yk audit --html</code></p></footer>
</body>
</html>
`
}

function sum(term: string, value: string, looks = ""): string {
  return `<div${looks === "" ? "" : ` class="${looks}"`}><dt>${term}</dt><dd>${escape(value)}</dd></div>`
}

function driftSection(drift: Drift, access: WhoCanDecrypt, names: Names): Html {
  const label = (key: string): string => keyLabel(key, names)
  const notes = [
    ...drift.mistakes.map(
      ({ file, keyPath }) =>
        html`<li><span class="tag bad">plain text</span> <code>${file}</code>: <code>${keyPathText(keyPath)}</code> should be encrypted</li>`,
    ),
    ...drift.unknown.map(
      (key) =>
        html`<li><span class="tag warn">in no rule</span> ${label(key)} <code>${key}</code>: files are encrypted for it</li>`,
    ),
    ...drift.unnamed.map(
      (key) =>
        html`<li><span class="tag warn">unnamed</span> <code>${key}</code>: give it an anchor in .sops.yaml</li>`,
    ),
    ...drift.guards.map(
      ({ stops, text }) =>
        html`<li><span class="tag ${stops ? "bad" : "some"}">${stops ? "stops a rekey" : "note"}</span> ${text}</li>`,
    ),
  ]
  const files =
    drift.files.length === 0
      ? html`<p>None: ${counted(access.files.length, "file")} as <code>.sops.yaml</code> says.</p>`
      : tableOf(
          "What ts-age-yk rekey would do, so that the files are as .sops.yaml says",
          ["File", "Change", "Keys taken away", "Keys given"],
          drift.files.map((file) => driftRow(file, label)),
        )
  return join([files, notes.length === 0 ? html`` : html`<ul>${join(notes)}</ul>`])
}

function driftRow({ path, change, groups, threshold }: PlannedFile, label: (key: string) => string): Html[] {
  const list = (keys: readonly string[]): Html => html`${[...new Set(keys)].map(label).join(", ") || "none"}`
  const words: Readonly<Record<PlannedFile["change"]["kind"], string>> = {
    keep: "none",
    rewrap: "new recipients, same data key",
    rotate: "new data key",
    refuse: "cannot be rekeyed",
  }
  const why = change.kind === "refuse" ? `: ${explain(change.why).text}` : ""
  const quorum = threshold.from === threshold.to ? "" : `, groups needed ${threshold.from} → ${threshold.to}`
  return [
    html`<code>${path}</code>`,
    html`${words[change.kind]}${why}${quorum}`,
    list(groups.flatMap(({ removed }) => removed)),
    list(groups.flatMap(({ added }) => added)),
  ]
}

/** What a cell says: its class, its sign, and its words. */
type Cell = Readonly<{ looks: string; sign: string; words: string }>

const cells = {
  alone: { looks: "alone", sign: "●", words: "opens it" },
  others: { looks: "others", sign: "◐", words: "opens it together with keys of other groups" },
  extra: { looks: "extra", sign: "−", words: "opens it, and should not" },
  lacks: { looks: "lacks", sign: "+", words: "should open it, and does not" },
  none: { looks: "none", sign: "·", words: "does not open it" },
} as const satisfies Readonly<Record<string, Cell>>

function cellOf(access: Access | undefined): Cell {
  if (access === undefined) return cells.none
  if (access.reach === null) return cells.lacks
  if (!access.wanted) return cells.extra
  return access.reach === "alone" ? cells.alone : cells.others
}

function matrixSection({ keys, files }: WhoCanDecrypt): Html {
  if (files.length === 0) return html`<p>There are no files.</p>`
  const head = keys.map(
    ({ label, key }) => html`<th scope="col" class="key"><span title="${label}, ${key}">${label}</span></th>`,
  )
  const rows = files.map((file) => matrixRow(file, keys))
  const table = html`<table>
<caption><span>${counted(files.length, "file")}, ${counted(keys.length, "key")}; each cell says whether the key opens the file</span></caption>
<thead><tr><th scope="col">File</th>${join(head)}<th scope="col">Note</th></tr></thead>
<tbody>${join(rows)}</tbody>
</table>`
  const legend = Object.values(cells).map(
    ({ looks, sign, words }) => html`<li><b class="${looks}" aria-hidden="true">${sign}</b>${words}</li>`,
  )
  return html`<ul class="legend">${join(legend)}</ul>
<div class="matrix">${region("Who can decrypt what", table, "tall")}</div>`
}

function matrixRow(file: FileAccess, keys: readonly AuditedKey[]): Html {
  const known = file.state === "encrypted"
  const row = keys.map(({ key }) => {
    const { looks, sign, words } = known ? cellOf(file.keys.get(key)) : { looks: "none", sign: "", words: "unknown" }
    return html`<td class="cell ${looks}"><span aria-hidden="true">${sign}</span><span class="unseen">${words}</span></td>`
  })
  return html`<tr><th scope="row"><code>${file.path}</code></th>${join(row)}<td>${noteOf(file)}</td></tr>
`
}

function noteOf({ state, groups, needed, plain }: FileAccess): string {
  if (state === "plain") return "in plain text"
  if (state === "broken") return "cannot be read"
  const notes = [
    ...(groups > 1 ? [`${needed} of ${groups} groups`] : []),
    ...(plain.length > 0 ? [`${counted(plain.length, "value")} in plain text`] : []),
  ]
  return notes.join(", ")
}

function keysSection({ keys }: WhoCanDecrypt): Html {
  return tableOf(
    "Keys that files are encrypted for, or that .sops.yaml names",
    ["Key", "Role", "Opens", "Recipient"],
    keys.map(({ key, label, role, configured, files }) => [
      configured ? html`${label}` : html`${label} <span class="tag warn">in no rule</span>`,
      html`${role}`,
      html`${counted(files, "file")}`,
      html`<code>${key}</code>`,
    ]),
  )
}

function plainSection({ files }: WhoCanDecrypt): Html {
  const rows = files.flatMap(({ path, plain }) =>
    plain.map(({ keyPath, mistake }) => [
      html`<code>${path}</code>`,
      html`<code>${keyPathText(keyPath)}</code>`,
      mistake ? html`<span class="tag bad">no: it should be encrypted</span>` : html`by the file's rule`,
    ]),
  )
  if (rows.length === 0) return html`<p>None: all values are encrypted.</p>`
  return tableOf("Values that everybody who has the files can read", ["File", "Value", "Meant"], rows)
}

function hostsSection(hosts: readonly HostNeeds[]): Html {
  return join(
    hosts.map(({ host, key, secrets, files, excess, lacking }) => {
      const values = excess.reduce((total, one) => total + one.values.length, 0)
      const head =
        key === null
          ? html`<summary>${host}: no key of .sops.yaml is called so</summary>`
          : html`<summary>${host} needs ${counted(secrets, "secret")} in ${counted(files.length, "file")}, and can read ${counted(values, "value")} besides</summary>`
      const lacks = lacking.map(
        ({ name, file, why }) =>
          html`<li><span class="tag bad">lacks</span> ${name} (<code>${file}</code>): ${why}</li>`,
      )
      const table = tableOf(
        `What ${host} can read and does not need`,
        ["File", "Values"],
        excess.map(({ file, whole, values: unneeded }) => [
          html`<code>${file}</code>`,
          html`${whole ? `all of it, ${counted(unneeded.length, "value")}` : unneeded.join(", ")}`,
        ]),
      )
      return html`<details open>${head}${lacks.length === 0 ? html`` : html`<ul>${join(lacks)}</ul>`}${excess.length === 0 ? html`` : table}</details>
`
    }),
  )
}
