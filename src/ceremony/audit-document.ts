/** An audit as a JSON document; docs/audit.md describes it. */
import { explain, keyPathText } from "../failure.ts"
import type { Audit } from "./audit.ts"
import type { CommitNote, Exposure } from "./exposure.ts"
import { keyLabel, type NamedKey } from "./key-names.ts"
import type { Ledger } from "./ledger.ts"

/** @param names - of keys, of now and of the past */
export function auditDocument(audit: Audit, names: ReadonlyMap<string, NamedKey>): Record<string, unknown> {
  const { at, drift, access, hosts, ledger } = audit
  const label = (key: string): string => keyLabel(key, names)
  return {
    at,
    due: drift.due,
    drift: {
      files: drift.files.map(({ path, change, groups, threshold }) => ({
        path,
        change: change.kind,
        because: change.kind === "rotate" ? change.because : [],
        why: change.kind === "refuse" ? explain(change.why).text : null,
        threshold,
        groups,
      })),
      guards: drift.guards,
      plainByMistake: drift.mistakes.map(({ file, keyPath }) => ({ file, path: keyPathText(keyPath) })),
      unknownKeys: drift.unknown,
      unnamedKeys: drift.unnamed,
    },
    keys: access.keys,
    files: access.files.map(({ path, state, groups, needed, keys, sealed, plain }) => ({
      path,
      state,
      groups,
      needed,
      keys: [...keys].map(([key, one]) => ({ key, ...one })),
      encrypted: sealed.length,
      plain: plain.map(({ keyPath, mistake }) => ({ path: keyPathText(keyPath), mistake })),
    })),
    hosts,
    ledger: ledger === null ? null : ledgerDocument(ledger, label),
  }
}

function ledgerDocument(ledger: Ledger, label: (key: string) => string): Record<string, unknown> {
  const { commits, shallow, unread, exposures, plainOnce } = ledger
  return {
    commits,
    shallow,
    unread,
    open: exposures.filter(({ state }) => state.is === "open").length,
    exposures: exposures.map((row) => exposureDocument(row, label)),
    plainOnce: plainOnce.map(({ file, commit }) => ({ file, commit: commitDocument(commit) })),
  }
}

function exposureDocument(row: Exposure, label: (key: string) => string): Record<string, unknown> {
  const { file, keyPath, key, alone, since, last, version, values, present, readable, state } = row
  const mark = state.is === "open" ? null : state.mark
  return {
    file,
    path: keyPathText(keyPath),
    key,
    label: label(key),
    alone,
    since: commitDocument(since),
    last: commitDocument(last),
    version,
    values,
    present,
    readable,
    state: state.is,
    by: state.is === "rotated" && state.by !== null ? commitDocument(state.by) : null,
    mark: mark === null ? null : { reason: mark.reason, date: mark.date },
  }
}

/** The work tree has no id, date or subject. */
function commitDocument({ id, date, subject }: CommitNote): Record<string, unknown> {
  return id === "" ? { id: null, date: null, subject: null } : { id, date, subject }
}
