/** docs/commands.md against what each command says of itself: every command, every option, every argument, and nothing else. */
import { readFileSync } from "node:fs"
import { beforeAll, describe, expect, it } from "vitest"
import { pluginByHand } from "../../src/cli/plugin-by-hand.ts"
import { program } from "../../src/cli/program.ts"
import { testWorld } from "./world.ts"

type Program = typeof program
type Command = Readonly<{ usage: string; options: readonly string[]; commands: readonly string[] }>

async function helpOf(run: Program, args: readonly string[]): Promise<Command> {
  const { world, output } = testWorld()
  await run([...args, "--help"], world)
  const text = output().stdout
  const part = (title: string): string => new RegExp(`^${title}:\n((?: .*\n)+)`, "m").exec(text)?.[1] ?? ""
  const names = (lines: string, pattern: RegExp): string[] =>
    Array.from(lines.matchAll(pattern), ([, name = ""]) => name).filter((name) => !/^(--)?help$/.test(name))
  return {
    usage: /^Usage: (.*)$/m.exec(text)?.[1] ?? "",
    options: names(part("Options"), /^ {2}(?:-\w, )?(--[a-z-]+)/gm),
    commands: names(part("Commands"), /^ {2}([a-z][a-z-]*)/gm),
  }
}

const document = readFileSync(new URL("../../docs/commands.md", import.meta.url), "utf8")

/** The sections by title: what stands between a heading and the next. */
const sections = new Map(
  Array.from(document.matchAll(/^#{2,3} (.*)\n([\s\S]*?)(?=^#{2,3} |$(?![\s\S]))/gm), ([, title = "", text = ""]) => [
    title,
    text,
  ]),
)

function documentedOptions(title: string): string[] {
  const text = sections.get(title) ?? ""
  const own = Array.from(text.matchAll(/^\| `(?:-\w, )?(--[a-z-]+)/gm), ([, option = ""]) => option)
  const choosing = text.includes("options that choose YubiKeys](") || /^Those that choose YubiKeys/m.test(text)
  return [
    ...own,
    ...(choosing ? documentedOptions("Options that choose YubiKeys") : []),
    ...(text.includes("options that unlock](") || text.startsWith("\nThose that unlock")
      ? documentedOptions("Options that unlock")
      : []),
    ...(text.includes("options of a ceremony](") ? documentedOptions("Options of a ceremony") : []),
  ]
}

const commands = new Map<string, Command>()

beforeAll(async () => {
  const { world, output } = testWorld()
  await program(["--help"], world)
  const names = Array.from(output().stdout.matchAll(/^ {2}([a-z][a-z-]*)  /gm), ([, name = ""]) => name)
  for (const name of names) {
    // It has no options of its own: all are sops'.
    if (name === "sops") continue
    const command = await helpOf(program, [name])
    commands.set(name, command)
    for (const sub of command.commands) commands.set(`${name} ${sub}`, await helpOf(program, [name, sub]))
  }
})

describe("docs/commands.md", () => {
  it("has each command, and no other", () => {
    const others = [
      "Everywhere",
      "Options that choose YubiKeys",
      "Options that unlock",
      "Options of a ceremony",
      "sops",
      "age-plugin-yubikey",
    ]
    expect([...sections.keys()].filter((title) => !others.includes(title)).toSorted()).toEqual(
      [...commands.keys()].toSorted(),
    )
  })

  it("has the usage line of each", () => {
    const missing = [...commands].filter(([name, { usage }]) => sections.get(name)?.includes(`\`${usage}\``) !== true)
    expect(missing.map(([, { usage }]) => usage)).toEqual([])
  })

  it("has the options of each, and no other", () => {
    const names = [...commands.keys()]
    const documented = names.map((name) => `${name} ${documentedOptions(name).toSorted().join(" ")}`)
    expect(documented).toEqual(names.map((name) => `${name} ${commands.get(name)?.options.toSorted().join(" ") ?? ""}`))
  })

  it("has the options of the plugin by hand", async () => {
    const { options } = await helpOf(pluginByHand, [])
    expect(documentedOptions("age-plugin-yubikey").toSorted()).toEqual(options.toSorted())
  })

  it("links to sections that are there", () => {
    const anchors = [...sections.keys()].map((title) => title.toLowerCase().replaceAll(" ", "-"))
    for (const [, anchor = ""] of document.matchAll(/\]\(#([^)]+)\)/g)) expect(anchors).toContain(anchor)
  })
})
