/**
 * `.sops-exposure.yaml`: what people did about values that removed keys could read, where history cannot show it. It stands beside
 * `.sops.yaml`, is meant to be committed, and holds no secret. `ts-age-yk audit rotated` and `audit waive` append to it.
 *
 *     marks:
 *       - file: secrets/app.yaml             # where the value stood, for people
 *         paths: ['["db"]["password"]']      # which values of the version
 *         key: age1…                         # who could read them
 *         state: rotated                     # or waived
 *         reason: new password since Tuesday # waived must have one
 *         version: 3f2a…                     # git's blob: the last version of the file that the key could read
 *         date: 2026-07-01
 *
 * A mark names a version, not a commit, so that it outlives a rebase; and it ends with that version, so that a key which comes back and
 * reads on is not excused by what was said before.
 */
import { Failure, type KeyPath, keyPathText } from "../failure.ts"
import { ConfigReader } from "../sops/config-reader.ts"
import type { YamlNode } from "../sops/yaml/node.ts"
import { parseYaml } from "../sops/yaml/parser.ts"
import { isNull } from "../sops/yaml/view.ts"
import { ExposureMarksInvalid } from "./failures.ts"

export const exposureMarksName = ".sops-exposure.yaml"

export type ExposureMark = Readonly<{
  file: string
  /** Key paths, `["a"][0]`. */
  paths: readonly string[]
  key: string
  state: "rotated" | "waived"
  /** "" where none was given. */
  reason: string
  version: string
  date: string
}>

const fields = ["file", "paths", "key", "state", "reason", "version", "date"] as const

/**
 * Reads the marks. @throws ExposureMarksInvalid with the line
 */
export function parseExposureMarks(text: string): ExposureMark[] {
  try {
    return readMarks(text)
  } catch (failure) {
    if (failure instanceof ExposureMarksInvalid || !(failure instanceof Failure)) throw failure
    throw new ExposureMarksInvalid(failure.message, { where: failure.where, cause: failure })
  }
}

function readMarks(text: string): ExposureMark[] {
  const [document] = parseYaml(text)
  if (document === undefined || isNull(document.root)) return []
  const reader = new ConfigReader()
  const top = reader.onlyFields(document.root, "the file", ["marks"])
  const marks = top.get("marks")
  return marks === undefined ? [] : reader.items(marks).map((node) => readMark(node, reader))
}

function readMark(node: YamlNode, reader: ConfigReader): ExposureMark {
  const line = node.textLine
  const entry = reader.onlyFields(node, "a mark", fields)
  const text = (name: (typeof fields)[number], shape: RegExp, wanted: string): string => {
    const value = reader.text(entry.get(name))
    if (!shape.test(value))
      throw new ExposureMarksInvalid(`${name} of a mark must be ${wanted}`, {
        where: { line: entry.get(name)?.line ?? line },
      })
    return value
  }
  const paths = entry.get("paths")
  const state = text("state", /^(rotated|waived)$/, "rotated or waived") === "waived" ? "waived" : "rotated"
  return {
    file: text("file", /./s, "a path"),
    paths:
      paths === undefined ? [] : reader.items(paths).map((path) => reader.word(path, 'a key path, like ["a"][0],')),
    key: text("key", /./s, "a recipient"),
    state,
    reason: state === "waived" ? text("reason", /\S/, "given where it is waived") : reader.text(entry.get("reason")),
    version: text("version", /^[0-9a-f]{40}([0-9a-f]{24})?$/, "the id of a blob"),
    date: text("date", /^\d{4}-\d\d-\d\d$/, "a day like 2026-07-01"),
  }
}

/** What a mark says of, taken from the ledger. */
type Marked = Readonly<{ file: string; keyPath: KeyPath; key: string; version: string }>

/** The marks that close rows of the ledger: one for each file, key and version. @param date - like 2026-07-01 */
export function marksFor(
  rows: readonly Marked[],
  state: ExposureMark["state"],
  reason: string,
  date: string,
): ExposureMark[] {
  const marks = new Map<string, ExposureMark & { paths: string[] }>()
  for (const { file, keyPath, key, version } of rows) {
    const id = `${file}\0${key}\0${version}`
    const mark = marks.get(id) ?? { file, paths: [], key, state, reason, version, date }
    mark.paths.push(keyPathText(keyPath))
    marks.set(id, mark)
  }
  return [...marks.values()]
}

const heading = `# Values that removed keys could read, and what was done about them. Written by ts-age-yk audit; see its docs/audit.md.
marks:
`

/**
 * Appends marks to the file's text: all that stands there stays.
 * @param text - "" when there is no file yet
 * @throws ExposureMarksInvalid when the file is not one that can be appended to
 */
export function appendExposureMarks(text: string, marks: readonly ExposureMark[]): string {
  const before = parseExposureMarks(text)
  const begun = /^marks:[ \t]*(#.*)?$/m.test(text)
  if (!begun && /^[\s{"']*marks["']?\s*:/m.test(text)) throw noRoom()
  const start = begun ? text : `${text}${heading}`
  const result = `${start.replace(/\n?$/, "\n")}${marks.map(markText).join("")}`
  const after = parseExposureMarks(result)
  if (JSON.stringify(after) !== JSON.stringify([...before, ...marks])) throw noRoom()
  return result
}

function noRoom(): ExposureMarksInvalid {
  return new ExposureMarksInvalid("the list is written in a way that nothing can be appended to", {
    hint: "make marks the last key of the file, with each mark under it on lines of its own",
  })
}

/** YAML takes a JSON text as it is. */
function markText({ file, paths, key, state, reason, version, date }: ExposureMark): string {
  const text = (value: string): string => JSON.stringify(value)
  return [
    `  - file: ${text(file)}`,
    "    paths:",
    ...paths.map((path) => `      - ${text(path)}`),
    `    key: ${text(key)}`,
    `    state: ${state}`,
    ...(reason === "" ? [] : [`    reason: ${text(reason)}`]),
    `    version: ${text(version)}`,
    `    date: ${text(date)}`,
    "",
  ].join("\n")
}
