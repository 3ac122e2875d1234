/** `ts-age-yk git install`: tells git of the two, in this repository. */
import { join } from "node:path"
import { Command } from "commander"
import { git, gitLine } from "../../../ceremony/git.ts"
import { printable, quote } from "../../../quote.ts"
import { readTextIfThere } from "../../../read-file.ts"
import { replaceFile } from "../../../replace-file.ts"
import { WrongUsage } from "../../failures.ts"
import type { World } from "../../world.ts"

/** The name that both drivers have in git's configuration and in .gitattributes. */
const driver = "sops"

const settings = [
  [`diff.${driver}.textconv`, "ts-age-yk git textconv"],
  [`merge.${driver}.name`, "SOPS files, value by value"],
  [`merge.${driver}.driver`, "ts-age-yk git merge --marker-size %L %O %A %B %P"],
] as const

export function installCommand(world: World, done: (status: number) => void): Command {
  return new Command("install")
    .description("set both up in this repository's configuration, and the files they are for in .gitattributes")
    .argument("[PATTERN...]", "files, as .gitattributes names them: 'secrets/**'")
    .action(async (patterns: string[]) => {
      await install(patterns, world)
      done(0)
    })
}

async function install(patterns: readonly string[], world: World): Promise<void> {
  await refuseCache()
  for (const [key, value] of settings) await git(".", "config", "--local", key, value)
  const path = join(await gitLine(".", "rev-parse", "--show-toplevel"), ".gitattributes")
  const before = (await readTextIfThere(path)) ?? ""
  const known = before.split(/\r?\n/)
  const lines = patterns.map(attributeLine).filter((line) => !known.includes(line))
  if (lines.length > 0) {
    const start = before === "" || before.endsWith("\n") ? before : `${before}\n`
    await replaceFile(path, Buffer.from(`${start}${lines.join("\n")}\n`), 0o666)
    for (const line of lines) world.err(`.gitattributes: ${printable(line)}\n`)
  } else if (patterns.length === 0 && !before.includes(`merge=${driver}`)) {
    world.err(`ts-age-yk: hint: name the files too: ts-age-yk git install 'secrets/**'\n`)
  }
}

/** Git would keep the plaintext of all that it shows in refs/notes, in the repository, for good. */
async function refuseCache(): Promise<void> {
  const key = `diff.${driver}.cachetextconv`
  if ((await gitLine(".", "config", "--type=bool", "--default=false", "--get", key)) !== "true") return
  throw new WrongUsage(`${key} is set, so git would keep the plaintext in refs/notes/textconv/${driver}`, {
    hint: `git config --unset ${key}, and git update-ref -d refs/notes/textconv/${driver} if that is there`,
  })
}

/** [gitattributes(5)]: a pattern with spaces stands in double quotes, in C style. */
function attributeLine(pattern: string): string {
  if (pattern === "" || /[\n\r\0]/.test(pattern)) throw new WrongUsage("a pattern is a part of a line")
  if (pattern.startsWith("!"))
    throw new WrongUsage(`git takes no patterns that begin with !, such as ${quote(pattern)}`, {
      hint: "name the files that are meant; what is plain among them is shown and merged as git does it",
    })
  const written =
    /[\s"\\]/.test(pattern) || pattern.startsWith("#") ? `"${pattern.replace(/["\\]/g, "\\$&")}"` : pattern
  return `${written} diff=${driver} merge=${driver}`
}
