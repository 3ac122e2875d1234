/** The files of a repository that are the ceremonies' own: no rule is about them, however wide it is. */
import { basename } from "node:path/posix"
import { configName } from "../sops/find-config.ts"
import { exposureMarksName } from "./exposure-marks.ts"
import { policyName } from "./policy.ts"
import { transcriptName } from "./transcript.ts"

/** Where attestations are filed. */
export const evidenceFolder = ".sops-attestations"

/** Where the journal is, in a repository without git. */
export const plainRecordFolder = ".ts-age-yk"

const files: ReadonlySet<string> = new Set([configName, policyName, transcriptName, exposureMarksName])
const folders = [evidenceFolder, plainRecordFolder].map((folder) => `${folder}/`)

/** What a process that died left beside the file that it was about to replace. */
const leftBeside = /(^|\/)\.[^/]+\.([0-9a-f]{12}\.tmp|[0-9a-f]{12}\.rekey-(new|old))$/

/** Whether a path, relative to the repository, with `/`, is one of them. */
export function isOwnFile(path: string): boolean {
  return files.has(basename(path)) || folders.some((folder) => path.startsWith(folder)) || leftBeside.test(path)
}
