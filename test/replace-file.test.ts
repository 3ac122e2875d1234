import { execFileSync, spawn } from "node:child_process"
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { PinNeeded } from "../src/piv/failures.ts"
import { FlushFailed, flushDirectory, replaceFile, WriteFailed } from "../src/replace-file.ts"

let folder = ""
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ts-age-yk-replace-"))
})
afterEach(() => {
  rmSync(folder, { recursive: true })
})

const text = (path: string): string => readFileSync(path, "utf8")
const bytes = (content: string): Uint8Array => new TextEncoder().encode(content)

describe("replacing a file", () => {
  it("keeps its mode, and leaves nothing beside it", async () => {
    const path = join(folder, "a")
    writeFileSync(path, "old")
    chmodSync(path, 0o640)
    await replaceFile(path, bytes("new"))
    expect(text(path)).toBe("new")
    expect(statSync(path).mode & 0o777).toBe(0o640)
    expect(readdirSync(folder)).toEqual(["a"])
  })

  it("makes a new one for its owner alone", async () => {
    const path = join(folder, "b")
    await replaceFile(path, bytes("new"))
    expect(statSync(path).mode & 0o777).toBe(0o600)
  })

  it("replaces what a link points to, and leaves the link", async () => {
    writeFileSync(join(folder, "target"), "old")
    symlinkSync("target", join(folder, "link"))
    await replaceFile(join(folder, "link"), bytes("new"))
    expect(lstatSync(join(folder, "link")).isSymbolicLink()).toBe(true)
    expect(text(join(folder, "target"))).toBe("new")
  })

  it("makes what a link points to where it is not there yet", async () => {
    symlinkSync("next", join(folder, "link"))
    symlinkSync(join(folder, "target"), join(folder, "next"))
    await replaceFile(join(folder, "link"), bytes("new"))
    expect(text(join(folder, "target"))).toBe("new")
    expect(lstatSync(join(folder, "link")).isSymbolicLink()).toBe(true)
  })

  it("leaves links that lead to each other", async () => {
    symlinkSync("b", join(folder, "a"))
    symlinkSync("a", join(folder, "b"))
    await expect(replaceFile(join(folder, "a"), bytes("new"))).rejects.toThrow("too many symbolic links")
    expect(readdirSync(folder)).toEqual(["a", "b"])
  })

  it("leaves the old file when the content fails half way, and says what failed", async () => {
    const path = join(folder, "a")
    writeFileSync(path, "old")
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield await Promise.resolve(bytes("half"))
      throw new PinNeeded()
    }
    await expect(replaceFile(path, failing())).rejects.toBeInstanceOf(PinNeeded)
    expect(text(path)).toBe("old")
    expect(readdirSync(folder)).toEqual(["a"])
  })

  it("names a folder that is not there", async () => {
    const path = join(folder, "missing", "a")
    const failure = await replaceFile(path, bytes("new")).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(WriteFailed)
    expect(failure).toMatchObject({ where: { file: path }, message: "cannot be written: no such file or directory" })
    expect(existsSync(path)).toBe(false)
  })

  it.skipIf(process.platform === "win32")("writes to what is no file, and leaves it there", async () => {
    const path = join(folder, "pipe")
    execFileSync("mkfifo", [path])
    const reader = spawn("cat", [path])
    const got: Buffer[] = []
    reader.stdout.on("data", (chunk: Buffer) => got.push(chunk))
    const closed = new Promise((resolve) => reader.on("close", resolve))
    await replaceFile(path, bytes("new"))
    await closed
    expect(Buffer.concat(got).toString()).toBe("new")
    expect(lstatSync(path).isFIFO()).toBe(true)
    expect(readdirSync(folder)).toEqual(["pipe"])
  })

  it("leaves a directory in its place", async () => {
    await expect(replaceFile(folder, bytes("new"))).rejects.toBeInstanceOf(WriteFailed)
    expect(statSync(folder).isDirectory()).toBe(true)
  })
})

describe("flushing a folder", () => {
  it("is shared by all who ask meanwhile, and so is its failure", async () => {
    await Promise.all(Array.from({ length: 100 }, () => flushDirectory(tmpdir())))
    const missing = join(tmpdir(), "no-such-folder-to-flush")
    const outcomes = await Promise.allSettled(Array.from({ length: 5 }, () => flushDirectory(missing)))
    expect(outcomes.map((outcome) => outcome.status === "rejected" && outcome.reason instanceof FlushFailed)).toEqual(
      Array.from({ length: 5 }, () => true),
    )
    await expect(flushDirectory(missing)).rejects.toThrow(FlushFailed)
  })
})
