import { execFileSync } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { GitFailed } from "../../src/ceremony/failures.ts"
import { listFiles, readGitState } from "../../src/ceremony/git.ts"
import { recordFolder } from "../../src/ceremony/journal.ts"
import { appendTranscript, transcriptName } from "../../src/ceremony/transcript.ts"

async function inFolder(name: string, work: (folder: string) => Promise<void>): Promise<void> {
  const around = mkdtempSync(join(tmpdir(), "ts-age-yk-git-"))
  const folder = join(around, name)
  mkdirSync(folder)
  try {
    await work(folder)
  } finally {
    rmSync(around, { recursive: true })
  }
}

describe("a folder", () => {
  it("that git does not keep has no state", async () => {
    await inFolder("plain", async (folder) => {
      expect(await readGitState(folder)).toBeNull()
      expect(await listFiles(folder)).toBeNull()
      expect(await recordFolder(folder)).toBe(join(folder, ".ts-age-yk"))
    })
  })

  it("whose name ends in white space is named whole", async () => {
    await inFolder("odd ", async (folder) => {
      execFileSync("git", ["init", "--quiet", folder])
      expect((await readGitState(folder))?.top).toBe(folder)
      expect(await recordFolder(folder)).toBe(join(folder, ".git/ts-age-yk"))
    })
  })

  // As git refuses a folder of another user's: to go on as if it were not kept would take its changes for none, and its journal for none.
  it("that git keeps and refuses is a failure that names it, not a folder without git", async () => {
    await inFolder("refused", async (folder) => {
      execFileSync("git", ["init", "--quiet", folder])
      writeFileSync(join(folder, ".git/config"), "[core\n")
      for (const look of [readGitState, listFiles, recordFolder])
        await expect(look(folder)).rejects.toMatchObject({ code: "git-failed", where: { file: folder } })
      await expect(readGitState(folder)).rejects.toBeInstanceOf(GitFailed)
    })
  })
})

describe("a record that cannot be read", () => {
  it("is not written over", async () => {
    await inFolder("record", async (folder) => {
      mkdirSync(join(folder, transcriptName))
      await expect(appendTranscript(folder, "0123", ["{}"])).rejects.toMatchObject({ code: "read-failed" })
    })
  })
})
