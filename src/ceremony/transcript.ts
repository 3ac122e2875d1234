/**
 * The record of ceremonies: JSON lines in `.sops-ceremonies.jsonl` beside `.sops.yaml`, append-only. Each line ends with the SHA-256 of
 * all that stands before it in the line, the previous line's included, so that a byte that is changed anywhere is found. It holds names, recipients, serials and hashes, and no secret; it is meant to be committed and reviewed.
 */
import { createHash } from "node:crypto"
import { join } from "node:path"
import { readTextIfThere } from "../read-file.ts"
import { replaceFile } from "../replace-file.ts"
import { RecordDamaged } from "./failures.ts"

export const transcriptName = ".sops-ceremonies.jsonl"

/** The chain's beginning: what stands for the line before the first. */
const genesis = "0".repeat(64)

/** One thing that happened. `event` says what; the other fields are documented in docs/ceremony.md. */
export type TranscriptEvent = Readonly<Record<string, unknown> & { event: string }>

/** A line, as it is written: the event, its time, the ceremony, the previous line's hash, and its own. */
export type TranscriptLine = TranscriptEvent &
  Readonly<{ time: string; ceremony: string; previous: string; hash: string }>

/** What a line ends with. */
const seal = /,"hash":"([0-9a-f]{64})"\}$/

function hashOf(body: string): string {
  return createHash("sha256").update(body).digest("hex")
}

/**
 * Makes the lines of a ceremony, chained to what is there.
 * @param last - the last line of the record, or null before the first ceremony
 */
export function chainEvents(
  events: readonly TranscriptEvent[],
  ceremony: string,
  time: string,
  last: string | null,
): string[] {
  let previous = last === null ? genesis : (seal.exec(last)?.[1] ?? hashOf(last))
  return events.map((event) => {
    const body = JSON.stringify({ ...event, time, ceremony, previous }).slice(0, -1)
    previous = hashOf(body)
    return `${body},"hash":"${previous}"}`
  })
}

/** The lines of the record; none when there is no record. @throws ReadFailed */
export async function readTranscript(root: string): Promise<string[]> {
  const text = (await readTextIfThere(join(root, transcriptName))) ?? ""
  return text.split("\n").filter((line) => line !== "")
}

/** Appends the lines of a ceremony, unless they are there already: a ceremony that is resumed writes them once. */
export async function appendTranscript(root: string, ceremony: string, lines: readonly string[]): Promise<void> {
  if (lines.length === 0) return
  const present = await readTranscript(root)
  if (present.some((line) => line.includes(`"ceremony":"${ceremony}"`))) return
  await writeLines(root, [...present, ...lines])
}

/** Appends lines that are no ceremony's: signatures. */
export async function appendLines(root: string, lines: readonly string[]): Promise<void> {
  await writeLines(root, [...(await readTranscript(root)), ...lines])
}

async function writeLines(root: string, lines: readonly string[]): Promise<void> {
  await replaceFile(join(root, transcriptName), Buffer.from(lines.map((line) => `${line}\n`).join("")), 0o644)
}

/** A break in the record: the line, counted from 1, and what is wrong with it. */
export type Break = Readonly<{ line: number; what: string }>

/**
 * Verifies the chain, offline.
 * @returns the breaks; none when every line is as it was written
 */
export function verifyChain(lines: readonly string[]): Break[] {
  const breaks: Break[] = []
  let previous = genesis
  for (const [index, text] of lines.entries()) {
    const line = index + 1
    const hash = seal.exec(text)?.[1]
    if (hash === undefined || hashOf(text.replace(seal, "")) !== hash)
      breaks.push({ line, what: "it is not as it was written" })
    else if (parseLine(text).previous !== previous)
      breaks.push({
        line,
        what: line === 1 ? "it is not the first line of the record" : "a line before it is missing or was changed",
      })
    previous = hash ?? previous
  }
  return breaks
}

/** Reads all lines. @throws RecordDamaged with the line */
export function parseTranscript(lines: readonly string[]): TranscriptLine[] {
  return lines.map((text, index) => {
    try {
      return parseLine(text)
    } catch (failure) {
      throw failure instanceof RecordDamaged ? failure.within({ file: transcriptName, line: index + 1 }) : failure
    }
  })
}

/** @throws RecordDamaged */
export function parseLine(text: string): TranscriptLine {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    throw new RecordDamaged("it is not JSON")
  }
  if (typeof parsed !== "object" || parsed === null) throw new RecordDamaged("it is no object")
  const { event, time, ceremony, previous, hash } = parsed as Record<string, unknown>
  if (typeof event !== "string" || typeof time !== "string" || typeof ceremony !== "string")
    throw new RecordDamaged("it lacks event, time or ceremony")
  if (typeof previous !== "string" || typeof hash !== "string") throw new RecordDamaged("it lacks previous or hash")
  return { ...parsed, event, time, ceremony, previous, hash }
}
