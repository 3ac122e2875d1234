/** An audit with everything in it that a page or text may have to show, of any size. */
import type { Audit } from "../../src/ceremony/audit.ts"
import type { CommitNote, Exposure } from "../../src/ceremony/exposure.ts"
import { keyLabel, type NamedKey } from "../../src/ceremony/key-names.ts"
import type { PlannedFile } from "../../src/ceremony/plan.ts"
import type { Access, AuditedKey, FileAccess } from "../../src/ceremony/who-can-decrypt.ts"
import { quote } from "../../src/quote.ts"

const commit = (index: number): CommitNote => ({
  id: String(index).padStart(40, "a1b2c3d4"),
  date: `2026-0${1 + (index % 6)}-0${1 + (index % 9)}T12:00:00Z`,
  subject: `Change number ${index}`,
})

function accessOf(file: number, key: number): Access | undefined {
  if (key === 0) return { reach: "alone", wanted: true }
  if (file % 7 === 6) return { reach: "with others", wanted: true }
  if (file === 1 && key === 1) return { reach: null, wanted: true }
  if (file % 3 === 0 && key === 2) return { reach: "alone", wanted: false }
  return (file * 5 + key * 3) % 4 === 0 ? undefined : { reach: "alone", wanted: true }
}

/** @param odd - stands in names, paths and texts */
export function sampleAudit(
  keyCount: number,
  fileCount: number,
  odd = "",
): { audit: Audit; names: ReadonlyMap<string, NamedKey> } {
  const recipients = Array.from({ length: keyCount }, (_, index) => `age1sample${String(index).padStart(48, "q")}`)
  const names = new Map<string, NamedKey>(
    recipients.map((recipient, index) => [
      recipient,
      {
        recipient,
        names: [`key-${index}${index === 4 ? "-of-the-person-with-a-long-name" : ""}${odd}`],
        comment: null,
        line: index + 1,
      },
    ]),
  )
  const path = (index: number): string =>
    `secrets/group-${Math.floor(index / 6)}/${index % 11 === 3 ? "a-file-with-a-rather-long-name-in-it-" : ""}file-${index}.yaml${odd}`
  const files = Array.from({ length: fileCount }, (_, index): FileAccess => {
    const quorum = index % 7 === 6
    const keys = recipients.flatMap((recipient, key) => {
      const access = accessOf(index, key)
      return access === undefined ? [] : [[recipient, access] as const]
    })
    return {
      path: path(index),
      state: index === 4 ? "broken" : "encrypted",
      groups: quorum ? 3 : 1,
      needed: quorum ? 2 : 1,
      keys: new Map(keys),
      sealed: [["password"], ["db", "password"]],
      plain: index % 5 === 0 ? [{ keyPath: [`port_unencrypted${odd}`], mistake: index === 0 }] : [],
    }
  })
  const keys = recipients.map(
    (key, index): AuditedKey => ({
      key,
      label: keyLabel(key, names),
      names: names.get(key)?.names ?? [],
      role: index < 2 ? "backup" : "host",
      configured: index !== 2,
      files: files.filter((file) => file.keys.has(key)).length,
    }),
  )
  const drifting = files.slice(0, Math.ceil(fileCount / 10)).map(
    (file): PlannedFile => ({
      path: file.path,
      before: "0".repeat(64),
      change: {
        kind: "rotate",
        keys: { groups: [], threshold: { from: 0, to: 0 }, changes: true, resplit: false },
        because: ["recipient removed"],
      },
      groups: [{ added: recipients.slice(1, 2), removed: recipients.slice(2, 3), kept: recipients.slice(0, 1) }],
      threshold: { from: 0, to: 0 },
    }),
  )
  const exposures = files.flatMap((file, index): Exposure[] => {
    const mark = { file: file.path, paths: [], key: "", reason: `not in use${odd}`, version: "", date: "2026-07-01" }
    const row: Exposure = {
      file: file.path,
      keyPath: ["db", `password${odd}`],
      key: recipients[index % 2 === 0 ? 2 : 1] ?? "",
      alone: index % 7 !== 6,
      since: commit(index),
      last: commit(index),
      version: "0".repeat(40),
      values: 1,
      present: index % 4 !== 1,
      readable: index % 3 === 0,
      state: { is: "open" },
    }
    const states: Exposure["state"][] = [
      { is: "open" },
      { is: "rotated", by: commit(index + 1), mark: null },
      { is: "rotated", by: null, mark: { ...mark, state: "rotated" } },
      { is: "waived", mark: { ...mark, state: "waived" } },
      { is: "rotated", by: { id: "", date: "", subject: "" }, mark: null },
    ]
    return [row, { ...row, keyPath: ["token"], state: states[index % states.length] ?? row.state }]
  })
  const audit: Audit = {
    at: null,
    drift: {
      files: drifting,
      guards: [
        { name: "idle-rule", stops: false, text: `.sops.yaml, line 9: no file fits ${quote(odd)}`, files: [] },
        { name: "few-backups", stops: true, text: "2 files with fewer than 2 backup keys", files: [] },
      ],
      mistakes: [{ file: path(0), keyPath: ["port_unencrypted"] }],
      unknown: recipients.slice(2, 3),
      unnamed: [],
      due: true,
    },
    access: { keys, files },
    hosts: [
      {
        host: `key-1${odd}`,
        key: recipients[1] ?? null,
        secrets: 3,
        files: [path(1)],
        excess: [
          { file: path(0), whole: true, values: ['["a"]', '["b"]'] },
          { file: path(1), whole: false, values: ['["db"]["password"]'] },
        ],
        lacking: [{ name: "wifi", file: path(2), why: "the host is no recipient of the file" }],
      },
    ],
    ledger: {
      exposures,
      plainOnce: [{ file: path(3), commit: commit(3) }],
      commits: 120,
      shallow: true,
      unread: 1,
      names,
    },
  }
  return { audit, names }
}
