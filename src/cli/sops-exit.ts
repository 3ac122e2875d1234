/** The exit codes of sops, for programs that call it by ours. [sops] cmd/sops/codes/codes.go */
import { basename } from "node:path"
import type { Failure } from "../failure.ts"
import { configName } from "../sops/find-config.ts"
import type { SopsCommand } from "./sops-arguments.ts"

const codes: Readonly<Record<string, number>> = {
  "no-file-named": 100,
  "read-failed": 100,
  "write-failed": 3,
  "sops-syntax-invalid": 1,
  "sops-value-unsupported": 4,
  "sops-not-encrypted": 1,
  "sops-already-encrypted": 203,
  "sops-metadata-invalid": 1,
  "sops-value-damaged": 25,
  "sops-mac-mismatch": 51,
  "sops-data-key-unavailable": 128,
  "sops-data-key-invalid": 128,
  "sops-shares-invalid": 128,
  "sops-key-path-invalid": 91,
  "sops-selection-invalid": 8,
  "editor-failed": 201,
}

/** Messages that callers of sops look for, word for word. */
const messages: Readonly<Record<string, string>> = {
  "sops-key-group-empty": "Could not generate data key: [empty key group provided]",
}

/** What sops says of a failure, where its words matter; null where ours will do. */
export function sopsMessage(failure: Failure): string | null {
  return messages[failure.code] ?? null
}

/** Where a command has a code of its own for a failure. */
const codesOf: Readonly<Partial<Record<SopsCommand, Readonly<Record<string, number>>>>> = {
  encrypt: { "wrong-usage": 8, "sops-syntax-invalid": 2 },
  decrypt: { "wrong-usage": 8 },
  edit: { "command-not-started": 201 },
  set: { "read-failed": 2, "sops-key-path-invalid": 7, "sops-set-value-invalid": 7 },
  unset: { "read-failed": 2, "sops-key-path-invalid": 7 },
  rotate: { "read-failed": 2, "wrong-usage": 8 },
  groups: { "read-failed": 2, "no-file-named": 2 },
  updatekeys: { "read-failed": 1 },
  filestatus: { "read-failed": 1 },
  "exec-env": { "read-failed": 2, "no-file-named": 1, "sops-value-unsupported": 1 },
  "exec-file": { "read-failed": 2, "no-file-named": 1 },
}

/**
 * What sops would exit with; 1 where it has no code of its own.
 * @param command - null where the arguments did not say which
 */
export function sopsExitCode(failure: Failure, command: SopsCommand | null): number {
  const { file } = failure.where
  if (failure.code === "sops-syntax-invalid" && file !== undefined && basename(file) === configName) return 1
  return (command === null ? undefined : codesOf[command]?.[failure.code]) ?? codes[failure.code] ?? 1
}

/** `edit` and `set` that change nothing. */
export const unchangedCode = 200
