/** The failure classes that src/ declares, read from the source, so that none can be forgotten. */
import { readdirSync, readFileSync } from "node:fs"

const root = `${process.cwd()}/`

export type Declared = Readonly<{ name: string; code: string; exit: string; file: string; purpose: string }>

/** Failure classes as they are declared in src/, so that none can be forgotten here. */
export function declaredFailures(): Declared[] {
  const files = readdirSync(`${root}src`, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"))
  return files.flatMap((file) => {
    const source = readFileSync(`${root}src/${file}`, "utf8")
    const bases = new Map(
      [...source.matchAll(/abstract class (\w+) extends Failure \{\s+override readonly exit = EXIT\.(\w+)/g)].map(
        (match) => [match[1] ?? "", match[2] ?? ""],
      ),
    )
    return [
      ...source.matchAll(/((?:\/\*\*(?:(?!\*\/)[\s\S])*\*\/\s*)?)export class (\w+) extends (\w+) \{([\s\S]*?)\n\}/g),
    ].flatMap((match): Declared[] => {
      const [, comment = "", name = "", base = "", body = ""] = match
      const code = /override readonly code = "([^"]+)"/.exec(body)?.[1]
      if (code === undefined) return []
      const exit = /override readonly exit(?:: [^=]+)? = EXIT\.(\w+)/.exec(body)?.[1] ?? bases.get(base) ?? ""
      const purpose =
        comment
          .replaceAll(/^\s*\/?\*+\/?/gm, "")
          .replaceAll(/\s+/g, " ")
          .trim()
          .replace(/ ?\*?\/?$/, "")
          .split(" @")[0]
          ?.trim() ?? ""
      return [{ name, code, exit, file, purpose }]
    })
  })
}
