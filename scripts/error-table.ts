/** Writes the table of docs/errors.md anew: `npm run docs:errors`. */
import { readFileSync, writeFileSync } from "node:fs"
import { EXIT } from "../src/failure.ts"
import { declaredFailures } from "./declared-failures.ts"

const path = "docs/errors.md"
const heading = "## Failures by code"
const above = readFileSync(path, "utf8").split(heading)[0] ?? ""
const rows = declaredFailures()
  .toSorted((a, b) => a.code.localeCompare(b.code))
  .map(
    ({ code, exit, purpose }) =>
      `| \`${code}\` | ${EXIT[exit as keyof typeof EXIT]} | ${purpose.replaceAll("|", "\\|")} |`,
  )
writeFileSync(path, `${above}${heading}\n\n| code | exit | when |\n| --- | --- | --- |\n${rows.join("\n")}\n`)
