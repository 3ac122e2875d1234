/** What git says of the repository. Nothing here changes anything. */
import { execFile } from "node:child_process"
import { folderWith } from "../folder-above.ts"
import { GitFailed } from "./failures.ts"

/** Largest output of git that is taken, in bytes. */
const outputLimit = 1 << 28

/** Runs git in a folder. @throws GitFailed */
export function git(folder: string, ...args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(
      "git",
      // Without optional locks, git reads only: it writes no index, even where it could make it fresher.
      ["--no-optional-locks", "-C", folder, ...args],
      { maxBuffer: outputLimit, encoding: "utf8" },
      (failure, stdout, stderr) => {
        if (failure === null) resolve(stdout)
        else reject(new GitFailed(folder, args[0] ?? "", stderr === "" ? failure.message : stderr, failure))
      },
    )
  })
}

/** The one line that git answers with, as it is: names of folders may end in white space. @throws GitFailed */
export async function gitLine(folder: string, ...args: readonly string[]): Promise<string> {
  return (await git(folder, ...args)).replace(/\n$/, "")
}

/**
 * The same, for folders that git need not keep.
 * @returns null when it does not
 * @throws GitFailed when it does and refuses, as it refuses other people's folders to root: then nothing may be taken for unchanged
 */
export async function gitLineIfKept(folder: string, ...args: readonly string[]): Promise<string | null> {
  try {
    return await gitLine(folder, ...args)
  } catch (failure) {
    // [gitrepository-layout(5)]: what git keeps of a work tree.
    if (folderWith(".git", folder) !== null) throw failure
    return null
  }
}

/** What is not as it was committed: path by path, with git's two letters. */
export type GitState = Readonly<{
  top: string
  /** The commit that is checked out, or null before the first. */
  head: string | null
  branch: string | null
  /** Commits that the upstream has and this branch lacks; null without upstream. */
  behind: number | null
  /** Paths that differ from the commit, relative to `top`, and untracked ones. */
  changed: ReadonlySet<string>
}>

/** The state of the work tree that a folder is in, or null when it is in none. @throws GitFailed */
export async function readGitState(folder: string): Promise<GitState | null> {
  const top = await gitLineIfKept(folder, "rev-parse", "--show-toplevel")
  if (top === null) return null
  const status = await git(folder, "status", "--porcelain=v2", "--branch", "--untracked-files=all", "-z")
  return { top, ...parseStatus(status) }
}

/** [git-status(1)], "Porcelain Format Version 2", with -z. */
export function parseStatus(text: string): Omit<GitState, "top"> {
  const changed = new Set<string>()
  let head: string | null = null
  let branch: string | null = null
  let behind: number | null = null
  const entries = text.split("\0")
  for (let index = 0; index < entries.length; index++) {
    const entry = entries[index] ?? ""
    const [kind = "", ...fields] = entry.split(" ")
    if (entry.startsWith("# branch.oid ")) head = fields[1] === "(initial)" ? null : (fields[1] ?? null)
    else if (entry.startsWith("# branch.head ")) branch = fields[1] === "(detached)" ? null : fields.slice(1).join(" ")
    else if (entry.startsWith("# branch.ab ")) behind = Number(fields[2]?.slice(1))
    else if (kind === "1" || kind === "u") changed.add(fields.slice(kind === "1" ? 7 : 9).join(" "))
    else if (kind === "2") {
      changed.add(fields.slice(8).join(" "))
      // The old path of a rename follows as an entry of its own.
      changed.add(entries[++index] ?? "")
    } else if (kind === "?") changed.add(fields.join(" "))
  }
  return { head, branch, behind, changed }
}

/** Tracked and untracked files that are not ignored, relative to the folder; null without git. */
export async function listFiles(folder: string): Promise<string[] | null> {
  const listed = await gitLineIfKept(folder, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
  return listed === null ? null : [...new Set(listed.split("\0").filter((path) => path !== ""))].sort()
}
