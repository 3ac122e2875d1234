/** The one way in which a file is written: beside the old one, flushed, and renamed over it. */

import { randomBytes } from "node:crypto"
import { constants, lstatSync, readlinkSync, realpathSync, renameSync, type Stats, statSync } from "node:fs"
import { type FileHandle, open, unlink } from "node:fs/promises"
import { constants as osConstants } from "node:os"
import { basename, dirname, join, resolve } from "node:path"
import { EXIT, Failure } from "./failure.ts"

/** A file could not be written; what stood there is as it was. */
export class WriteFailed extends Failure {
  override readonly code = "write-failed"
  override readonly exit = EXIT.failed
  constructor(file: string, cause: unknown) {
    const hint = ["what stands there is as it was", wayOut(cause)].filter((part) => part !== undefined).join("; ")
    super(`cannot be written: ${systemReason(cause)}`, { where: { file }, hint, cause })
  }
}

/** A file was replaced, but the disk did not say that it has it. */
export class FlushFailed extends Failure {
  override readonly code = "flush-failed"
  override readonly exit = EXIT.failed
  constructor(file: string, cause: unknown) {
    super(`was replaced, but may not outlive a power cut: ${systemReason(cause)}`, {
      where: { file },
      hint: wayOut(cause) ?? disk,
      cause,
    })
  }
}

/** A file could not be read. */
export class ReadFailed extends Failure {
  override readonly code = "read-failed"
  override readonly exit = EXIT.failed
  constructor(file: string, cause: unknown) {
    super(`cannot be read: ${systemReason(cause)}`, { where: { file }, hint: wayOut(cause), cause })
  }
}

const permissions = "look at the permissions of the file and its folder"
const room = "make room"
const disk = "look whether the disk is well"

/** What the operating system says, in words, and what can be done where the words do not say it. */
const reasons: Readonly<Record<string, readonly [reason: string, wayOut?: string]>> = {
  EACCES: ["permission denied", permissions],
  EDQUOT: ["no space left in your quota", room],
  EIO: ["input/output error", disk],
  EISDIR: ["it is a directory", "name a file in it"],
  ELOOP: ["too many symbolic links"],
  EMFILE: ["too many open files", "raise the limit with ulimit -n"],
  ENAMETOOLONG: ["its name is too long"],
  ENOENT: ["no such file or directory"],
  ENOSPC: ["no space left on the device", room],
  ENOTDIR: ["a part of the path is not a directory"],
  EPERM: ["operation not permitted", permissions],
  EROFS: ["the file system is read-only", "mount it to be written, or work on a copy"],
}

function systemCode(cause: unknown): string {
  // Node has no name for this one.
  if (cause instanceof Error && "errno" in cause && cause.errno === -osConstants.errno.EDQUOT) return "EDQUOT"
  return cause instanceof Error && "code" in cause ? String(cause.code) : ""
}

/** What the operating system said, in words; never a path or content. */
export function systemReason(cause: unknown): string {
  const code = systemCode(cause)
  return reasons[code]?.[0] ?? (code === "" ? "unknown cause" : code)
}

/** What a person can do about it. */
export function wayOut(cause: unknown): string | undefined {
  return reasons[systemCode(cause)]?.[1]
}

/** Flushes that are under way, by folder, and the one that begins when they end. */
type Flush = { running: Promise<void>; next: Promise<void> | null }
const flushes = new Map<string, Flush>()

/**
 * Flushes a directory, so that a rename in it survives a power cut. Windows cannot, and does not need to.
 * @throws FlushFailed
 */
export function flushDirectory(folder: string): Promise<void> {
  const under = flushes.get(folder)
  // One that has begun may not see what was renamed since. All who come meanwhile share the next.
  if (under !== undefined) {
    under.next ??= under.running.catch(() => undefined).then(() => beginFlush(folder))
    return under.next
  }
  return beginFlush(folder)
}

function beginFlush(folder: string): Promise<void> {
  const flush: Flush = { running: flushNow(folder), next: null }
  flushes.set(folder, flush)
  return flush.running.finally(() => {
    if (flushes.get(folder) === flush && flush.next === null) flushes.delete(folder)
  })
}

async function flushNow(folder: string): Promise<void> {
  let handle: FileHandle | undefined
  try {
    handle = await open(folder, constants.O_RDONLY)
    await handle.sync()
  } catch (cause) {
    if (!["EISDIR", "EPERM", "EINVAL", "EACCES"].includes(systemCode(cause))) throw new FlushFailed(folder, cause)
  } finally {
    await handle?.close()
  }
}

/**
 * Writes a file atomically and durably: at every moment there is the old file or the new one, whole.
 * Mode, owner and group of an existing file stay, but for the owner where only root could keep it; a symbolic link stays, its target is replaced. What is no file (`/dev/null`, a named pipe) is
 * written to, since a file in its place would be of no use to anybody.
 * @param content - whole, or piece by piece; a failure of its own leaves the old file too
 * @param mode - permission bits for a file that does not exist yet, less the process's umask
 * @param check - called when only the renaming is left to do; what it throws leaves the old file
 * @throws WriteFailed with the old file untouched; FlushFailed when it is replaced
 */
export async function replaceFile(
  path: string,
  content: Uint8Array | AsyncIterable<Uint8Array>,
  mode = 0o600,
  check: () => void = () => undefined,
): Promise<void> {
  let beside: string | undefined
  try {
    const target = isLink(path) ? finalTarget(path) : path
    const old = statOrNull(target)
    if (old !== null && !old.isFile()) {
      await writeThrough(target, content)
      return
    }
    beside = join(dirname(target), `.${basename(target)}.${randomBytes(6).toString("hex")}.tmp`)
    await writeBeside(target, beside, content, mode)
    check()
    renameSync(beside, target)
    beside = undefined
    await flushDirectory(dirname(target))
  } catch (cause) {
    if (beside !== undefined) await unlink(beside).catch(() => undefined)
    if (cause instanceof FlushFailed) throw new FlushFailed(path, cause.cause)
    if (cause instanceof Failure) throw cause
    throw new WriteFailed(path, cause)
  }
}

/** @throws EISDIR and the like, as the operating system has them */
async function writeThrough(path: string, content: Uint8Array | AsyncIterable<Uint8Array>): Promise<void> {
  const handle = await open(path, constants.O_WRONLY)
  try {
    await (content instanceof Uint8Array ? handle.writeFile(content) : writePieces(handle, content))
  } finally {
    await handle.close()
  }
}

/**
 * Writes what is to replace a file later, flushed, with the mode and owner that the file has.
 * @param beside - on the same file system; must not exist
 * @param mode - permission bits where the file does not exist yet, less the process's umask
 */
export async function writeBeside(
  target: string,
  beside: string,
  content: Uint8Array | AsyncIterable<Uint8Array>,
  mode = 0o600,
): Promise<void> {
  const old = statOrNull(target)
  const handle = await open(beside, "wx", old === null ? mode : 0o600)
  try {
    await (content instanceof Uint8Array ? handle.writeFile(content) : writePieces(handle, content))
    await keepOwner(handle, old)
    if (old !== null) await handle.chmod(old.mode & 0o7777)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** So many bytes are written at once, while the next are made. */
const batchLength = 1 << 20
const nothing = new Uint8Array(0)

async function writePieces(handle: FileHandle, pieces: AsyncIterable<Uint8Array>): Promise<void> {
  let batch: Uint8Array[] = []
  let length = 0
  let behind: Promise<void> = Promise.resolve()
  try {
    for await (const piece of pieces) {
      batch.push(piece)
      length += piece.length
      if (length < batchLength) continue
      await behind
      behind = writeAll(handle, batch)
      // Whether it failed is looked at before the next batch, and at the end.
      behind.catch(() => undefined)
      batch = []
      length = 0
    }
  } finally {
    await behind
  }
  await writeAll(handle, batch)
}

async function writeAll(handle: FileHandle, batch: readonly Uint8Array[]): Promise<void> {
  if (batch.length === 0) return
  const { bytesWritten } = await handle.writev(batch)
  const length = batch.reduce((total, piece) => total + piece.length, 0)
  let rest = bytesWritten === length ? nothing : Buffer.concat(batch).subarray(bytesWritten)
  while (rest.length > 0) rest = rest.subarray((await handle.write(rest)).bytesWritten)
}

// At once: a turn through the thread pool costs ten times what these cost.

function isLink(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true
}

/**
 * Where a path leads, through every link on the way; what it leads to need not be there.
 * @throws the operating system's error
 */
export function finalTarget(path: string): string {
  try {
    return realpathSync.native(path)
  } catch (cause) {
    if (systemCode(cause) !== "ENOENT") throw cause
    if (!isLink(path)) return join(realpathSync.native(dirname(path)), basename(path))
    return finalTarget(resolve(dirname(path), readlinkSync(path)))
  }
}

function statOrNull(path: string): Stats | null {
  return statSync(path, { throwIfNoEntry: false }) ?? null
}

async function keepOwner(handle: FileHandle, old: Stats | null): Promise<void> {
  if (old === null || process.platform === "win32") return
  const made = await handle.stat()
  if (made.uid === old.uid && made.gid === old.gid) return
  await handle.chown(old.uid, old.gid).catch((cause: unknown) => {
    if (systemCode(cause) !== "EPERM") throw cause
    // Only root gives files away. Who shares a file by its group takes it over, and leaves it to the group.
    return handle.chown(made.uid, old.gid)
  })
}
