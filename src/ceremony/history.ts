/**
 * What git's history holds, read by two processes however long it is: `git log` for what each commit changed, `git cat-file` for what
 * files were. Nothing is checked out, and nothing here changes anything.
 */
import { spawn } from "node:child_process"
import { ByteSource } from "../age/byte-source.ts"
import { GitFailed, RevisionUnknown } from "./failures.ts"
import { git, gitLine } from "./git.ts"

/** A file in one commit. `before`: its blobs in the commit's parents, where they had it; `after`: null where it was deleted. */
export type Change = Readonly<{ path: string; before: readonly string[]; after: string | null }>

/** A commit, after all its parents. `date`: ISO 8601; `subject`: its first line. Paths are relative to the top of the work tree. */
export type Commit = Readonly<{ id: string; date: string; subject: string; changes: readonly Change[] }>

/** The content of a blob; null for one that is larger than was wanted, or that this clone does not have. */
export type Blob = Readonly<{ id: string; bytes: Uint8Array | null }>

/** Only files have a content: links and submodules do not. [git-diff(1)] "Raw output format" */
const fileMode = "100"

/** The full id of the commit that a name stands for. @throws RevisionUnknown */
export async function resolveCommit(folder: string, revision: string): Promise<string> {
  // What looks like an option must not become one.
  if (revision.startsWith("-")) throw new RevisionUnknown(revision)
  try {
    return await gitLine(folder, "rev-parse", "--verify", "--quiet", `${revision}^{commit}`)
  } catch (cause) {
    throw new RevisionUnknown(revision, cause)
  }
}

/** Whether the clone was made without the older commits, so that what it shows of the past is not all. */
export async function isShallow(folder: string): Promise<boolean> {
  return (await gitLine(folder, "rev-parse", "--is-shallow-repository")) === "true"
}

/** The files of a commit: path, relative to the top, to blob. */
export async function listTree(folder: string, commit: string): Promise<Map<string, string>> {
  return parseTree(await git(folder, "ls-tree", "-r", "-z", "--full-tree", commit))
}

/** What `git ls-tree -z` printed. [git-ls-tree(1)] "Output format" */
export function parseTree(listed: string): Map<string, string> {
  const files = new Map<string, string>()
  for (const line of listed.split("\0")) {
    const [, mode, blob, path] = /^(\d+) blob ([0-9a-f]+)\t(.*)$/s.exec(line) ?? []
    if (mode !== undefined && mode.startsWith(fileMode) && blob !== undefined && path !== undefined)
      files.set(path, blob)
  }
  return files
}

/**
 * Every commit that a commit stands on, itself included, oldest first. Of merges, what differs from all parents: the rest is as one of
 * them left it.
 * @throws GitFailed
 */
export function readCommits(folder: string, commit: string): AsyncGenerator<Commit> {
  return parseLog(
    run(folder, [
      "log",
      "-z",
      "--raw",
      "-c",
      "--no-abbrev",
      "--no-renames",
      "--topo-order",
      "--reverse",
      "--no-color",
      "--no-notes",
      "--no-show-signature",
      "--no-mailmap",
      "--format=%x01%H %cI %s",
      commit,
      "--",
    ]),
  )
}

/** What `git log` printed, as it comes. [git-diff(1)] "Raw output format" */
export async function* parseLog(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Commit> {
  const fields = splitFields(pieces)
  let open: (Commit & { changes: Change[] }) | null = null
  for await (const field of fields) {
    const text = field.replace(/^\n/, "")
    if (text.startsWith("\u0001")) {
      if (open !== null) yield open
      const [id = "", date = "", ...subject] = text.slice(1).trimEnd().split(" ")
      open = { id, date, subject: subject.join(" "), changes: [] }
    } else if (text.startsWith(":")) {
      const next = await fields.next()
      const change = next.done === true ? null : parseChange(text, next.value)
      if (change !== null) open?.changes.push(change)
    }
  }
  if (open !== null) yield open
}

/** `:100644 100644 BEFORE AFTER M`; of merges with a colon, a mode and a blob for each parent. */
function parseChange(meta: string, path: string): Change | null {
  const parents = /^:+/.exec(meta)?.[0].length ?? 0
  const words = meta.slice(parents).split(" ")
  const blobs = Array.from({ length: parents + 1 }, (_, index) => {
    const mode = words[index] ?? ""
    return mode.startsWith(fileMode) ? (words[parents + 1 + index] ?? null) : null
  })
  const after = blobs.pop() ?? null
  const before = [...new Set(blobs.filter((blob) => blob !== null))]
  return after === null && before.length === 0 ? null : { path, before, after }
}

/**
 * The contents of blobs, in order.
 * @param limit - in bytes; larger ones are passed over without being kept
 * @throws GitFailed
 */
export async function* readBlobs(folder: string, ids: readonly string[], limit: number): AsyncGenerator<Blob> {
  if (ids.length === 0) return
  const printed = run(folder, ["cat-file", "--batch", "--buffer"], `${ids.join("\n")}\n`)
  yield* parseBatch(printed, ids, limit, folder)
}

/** What `git cat-file --batch` printed for these ids, as it comes. [git-cat-file(1)] "Batch output". @throws GitFailed */
export async function* parseBatch(
  pieces: AsyncIterable<Uint8Array>,
  ids: readonly string[],
  limit: number,
  folder: string,
): AsyncGenerator<Blob> {
  const source = new ByteSource(pieces)
  const take = async (length: number): Promise<Uint8Array> => {
    const taken = await source.take(length)
    if (taken.length < length) throw new GitFailed(folder, "cat-file", "it ended early")
    return taken
  }
  for (const id of ids) {
    // "ID blob SIZE", or "ID missing".
    const header = await source.line(1000)
    const size = header === null || header === "too long" ? null : / blob (\d+)$/.exec(header.text)?.[1]
    if (size === undefined) {
      yield { id, bytes: null }
      continue
    }
    if (size === null) throw new GitFailed(folder, "cat-file", "it ended early")
    let left = Number(size)
    if (left <= limit) yield { id, bytes: await take(left) }
    else {
      for (; left > 0; left -= 1 << 16) await take(Math.min(left, 1 << 16))
      yield { id, bytes: null }
    }
    await take(1)
  }
  await source.ended()
}

/** git would map whole packs into memory, which it reads but once here. [git-config(1)] */
const frugal = [
  "-c",
  "core.packedGitWindowSize=8m",
  "-c",
  "core.packedGitLimit=32m",
  "-c",
  "core.deltaBaseCacheLimit=16m",
]

/** Runs git, and gives what it prints as it comes. @throws GitFailed at the end, when it says so */
async function* run(folder: string, args: readonly string[], input = ""): AsyncGenerator<Uint8Array> {
  const child = spawn("git", ["-C", folder, ...frugal, ...args], { stdio: ["pipe", "pipe", "pipe"] })
  const ended = new Promise<{ code: number | null; cause?: unknown }>((resolve) => {
    child.on("error", (cause) => resolve({ code: null, cause }))
    child.on("close", (code) => resolve({ code }))
  })
  let said = ""
  child.stderr.on("data", (piece: Buffer) => {
    if (said.length < 1000) said += piece.toString("utf8")
  })
  // git may be gone before it has read all: its exit status tells.
  child.stdin.on("error", () => undefined)
  child.stdin.end(input)
  try {
    for await (const piece of child.stdout) if (piece instanceof Uint8Array) yield piece
    const { code, cause } = await ended
    if (code !== 0) throw new GitFailed(folder, args[0] ?? "", said === "" ? "it cannot be run" : said, cause)
  } finally {
    child.kill()
  }
}

/** Text between NULs. */
async function* splitFields(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest = ""
  for await (const piece of pieces) {
    const fields = (rest + decoder.decode(piece, { stream: true })).split("\0")
    rest = fields.pop() ?? ""
    yield* fields
  }
  if (rest !== "") yield rest
}
