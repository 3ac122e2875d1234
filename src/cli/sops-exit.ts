/** The exit codes of sops, for programs that call it by ours. [sops] cmd/sops/codes/codes.go */
import type { Failure } from "../failure.ts"

const codes: Readonly<Record<string, number>> = {
  "no-file-named": 100,
  "read-failed": 100,
  "write-failed": 3,
  "sops-syntax-invalid": 2,
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

/** What sops would exit with; 1 where it has no code of its own. */
export function sopsExitCode(failure: Failure): number {
  return codes[failure.code] ?? 1
}

/** `edit` and `set` that change nothing. */
export const unchangedCode = 200
