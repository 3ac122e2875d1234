/** An audit for a person at a terminal: tables that stay readable with many keys, and plain letters that can be searched for. */
import type { Audit } from "../ceremony/audit.ts"
import type { Drift } from "../ceremony/drift.ts"
import type { CommitNote, Exposure } from "../ceremony/exposure.ts"
import { keyLabel, type NamedKey, shortRecipient } from "../ceremony/key-names.ts"
import type { Ledger } from "../ceremony/ledger.ts"
import type { HostNeeds } from "../ceremony/manifest-needs.ts"
import { changeText, guardsText, recipientLines } from "../ceremony/plan-text.ts"
import type { Access, FileAccess, WhoCanDecrypt } from "../ceremony/who-can-decrypt.ts"
import { counted } from "../counted.ts"
import { keyPathText } from "../failure.ts"
import { printable } from "../quote.ts"
import { table } from "./table.ts"

type Names = ReadonlyMap<string, NamedKey>

/** @param names - of keys, of now and of the past */
export function auditText({ drift, access, hosts, ledger }: Audit, names: Names): string {
  const parts = [
    driftText(drift, access, names),
    matrixText(access),
    plainText(access),
    ...hosts.map(hostText),
    ledger === null ? "exposure: unknown, since git has no history here\n" : ledgerText(ledger, names),
  ]
  return parts.filter((part) => part !== "").join("\n")
}

function driftText(drift: Drift, access: WhoCanDecrypt, names: Names): string {
  const lines = [
    drift.files.length === 0
      ? `drift: none, ${counted(access.files.length, "file")} as .sops.yaml says`
      : `drift: ${drift.files.length} of ${counted(access.files.length, "file")} not as .sops.yaml says; ts-age-yk rekey mends it`,
    ...changeLines(drift.files, names),
    ...drift.mistakes.map(
      ({ file, keyPath }) =>
        `  ${printable(file)}: ${keyPathText(keyPath)} stands in plain text, and should be encrypted`,
    ),
    ...drift.unknown.map(
      (key) => `  no rule names ${keyLabel(key, names)} (${printable(key)}), which files are encrypted for`,
    ),
    ...drift.unnamed.map((key) => `  ${printable(key)} has no name: give it an anchor in .sops.yaml`),
  ]
  const guards = guardsText(drift.guards)
  return `${lines.join("\n")}\n${guards === "" ? "" : `\n${guards}`}`
}

/** Files that change in the same way are told together. */
function changeLines(files: Drift["files"], names: Names): string[] {
  const alike = new Map<string, string[]>()
  for (const file of files) {
    const text = [`  ${changeText(file)}`, ...recipientLines(file, names, { kept: false })].join("\n")
    alike.set(text, [...(alike.get(text) ?? []), printable(file.path)])
  }
  return [...alike].flatMap(([text, paths]) => [text, `      ${paths.slice(0, 3).join(", ")}${more(paths.length - 3)}`])
}

function more(number: number): string {
  return number > 0 ? ` and ${counted(number, "more file")}` : ""
}

/** `x` alone, `q` with others; `-` and `+` are what a rekey would take away and give. */
function mark(access: Access | undefined): string {
  if (access === undefined) return "."
  if (access.reach === null) return "+"
  if (!access.wanted) return "-"
  return access.reach === "alone" ? "x" : "q"
}

const legend: Readonly<Record<string, string>> = {
  x: "opens it",
  q: "opens it together with keys of other groups",
  "-": "opens it, and should not",
  "+": "should open it, and does not",
  ".": "does not open it",
}

function matrixText({ keys, files }: WhoCanDecrypt): string {
  if (files.length === 0) return ""
  const keyRows = keys.map(({ key, label, role, configured, files: opened }, index) => [
    String(index + 1),
    label,
    role,
    counted(opened, "file"),
    `${shortRecipient(key)}${configured ? "" : "  in no rule"}`,
  ])
  const rows = files.map((file) => [
    printable(file.path),
    ...keys.map(({ key }) => (file.state === "encrypted" ? mark(file.keys.get(key)) : " ")),
    fileNote(file),
  ])
  const used = new Set(rows.flatMap((row) => row.slice(1, -1)))
  const explained = Object.entries(legend).filter(([letter]) => used.has(letter))
  return [
    "who can decrypt what\n",
    table(["", "key", "role", "opens", ""], keyRows, "  "),
    "\n",
    table(["file", ...keys.map((_, index) => String(index + 1)), ""], rows, "  "),
    "\n",
    ...explained.map(([letter, meaning]) => `  ${letter} ${meaning}\n`),
  ].join("")
}

function fileNote({ state, groups, needed }: FileAccess): string {
  if (state === "plain") return "in plain text"
  if (state === "broken") return "cannot be read"
  return groups > 1 ? `${needed} of ${groups} groups` : ""
}

function plainText({ files }: WhoCanDecrypt): string {
  const rows = files.flatMap(({ path, plain }) => {
    const meant = plain.filter(({ mistake }) => !mistake)
    return meant.length === 0 ? [] : [[printable(path), meant.map(({ keyPath }) => keyPathText(keyPath)).join(", ")]]
  })
  return rows.length === 0
    ? ""
    : `in plain text by their files' rules, for everybody\n${table(["file", "values"], rows, "  ")}`
}

function hostText({ host, key, secrets, files, excess, lacking }: HostNeeds): string {
  const values = excess.reduce((sum, one) => sum + one.values.length, 0)
  const head =
    key === null
      ? `host ${printable(host)}: no key of .sops.yaml is called so`
      : `host ${printable(host)}: needs ${counted(secrets, "secret")} in ${counted(files.length, "file")}, and can read ${counted(values, "value")} in ${counted(excess.length, "file")} besides`
  const lines = [
    ...lacking.map(({ name, file, why }) => `  LACKS ${printable(name)} (${printable(file)}): ${why}`),
    ...excess.map(
      ({ file, whole, values: unneeded }) =>
        `  ${printable(file)}: ${whole ? `all of it, ${counted(unneeded.length, "value")}` : unneeded.join(", ")}`,
    ),
  ]
  return [head, ...lines].map((line) => `${line}\n`).join("")
}

/** A commit in a few words. */
function commitText({ id, date, subject }: CommitNote): string {
  return id === "" ? "what is not committed yet" : `${date.slice(0, 10)}, ${id.slice(0, 12)} ${printable(subject)}`
}

function ledgerText(ledger: Ledger, names: Names): string {
  const { exposures, commits, shallow, unread, plainOnce } = ledger
  const states = (is: Exposure["state"]["is"]): number => exposures.filter(({ state }) => state.is === is).length
  const lines = [
    `exposure: ${states("open")} open, ${states("rotated")} rotated, ${states("waived")} waived; ${counted(commits, "commit")} looked at`,
    ...(shallow ? ["  the clone is shallow, so there may be more: git fetch --unshallow"] : []),
    ...(unread > 0 ? [`  ${counted(unread, "blob")} could not be looked into`] : []),
    ...openLines(exposures, names),
    ...plainOnce.map(
      ({ file, commit }) => `  ${printable(file)} stood in plain text once, for everybody: ${commitText(commit)}`,
    ),
  ]
  return lines.map((line) => `${line}\n`).join("")
}

/** By key, then by file: what is open, and what makes it special. */
function openLines(exposures: readonly Exposure[], names: Names): string[] {
  const lines: string[] = []
  for (const [key, rows] of byKey(exposures)) {
    const since = rows.reduce((first, { since: other }) => (other.date < first.date ? other : first), rows[0]!.since)
    lines.push(
      `  ${keyLabel(key, names)} could read ${counted(rows.length, "value")} that ${rows.length === 1 ? "was" : "were"} not changed since (from ${commitText(since)})`,
    )
    for (const file of new Set(rows.map((row) => row.file))) {
      const own = rows.filter((row) => row.file === file)
      const notes = new Set(own.map(noteText))
      const [only = ""] = notes
      const shared = notes.size === 1 ? only : ""
      const values = own.map((row) => `${keyPathText(row.keyPath)}${shared === "" ? noteText(row) : ""}`)
      lines.push(`    ${printable(file)}${shared}: ${values.join(", ")}`)
    }
  }
  return lines
}

function noteText({ readable, present, alone }: Exposure): string {
  const notes = [...(readable ? ["reads it now"] : []), ...(present ? [] : ["gone"]), ...(alone ? [] : ["with others"])]
  return notes.length === 0 ? "" : ` (${notes.join(", ")})`
}

function byKey(exposures: readonly Exposure[]): Map<string, Exposure[]> {
  const rows = new Map<string, Exposure[]>()
  for (const row of exposures) if (row.state.is === "open") rows.set(row.key, [...(rows.get(row.key) ?? []), row])
  return rows
}

/** The ledger in a line a key, until it is empty. */
export function exposureSummary({ exposures }: Ledger, names: Names): string {
  return [...byKey(exposures)]
    .map(([key, rows]) => {
      const files = new Set(rows.map(({ file }) => file)).size
      return `exposure: ${keyLabel(key, names)} could read ${counted(rows.length, "value")} in ${counted(files, "file")} that ${rows.length === 1 ? "was" : "were"} not changed since; ts-age-yk audit lists them\n`
    })
    .join("")
}
