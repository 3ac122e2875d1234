/** Repositories of small SOPS files, for the benchmarks of the ceremony. */
import { execFileSync } from "node:child_process"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { encryptNew } from "../src/sops/encrypt.ts"
import { storeOf } from "../src/sops/format.ts"
import { recipientWrapper } from "../src/sops/recipient-wrapper.ts"

/** Makes a repository with `.sops.yaml` and so many files `secrets/file0.yaml` …, all committed. */
export async function makeRepository(root: string, count: number, recipients: readonly string[]): Promise<void> {
  mkdirSync(join(root, "secrets"), { recursive: true })
  const store = await storeOf("yaml")
  const wrap = recipientWrapper({ env: {}, dialogue: null })
  const groups = [recipients.map((recipient) => ({ type: "age" as const, recipient, enc: "" }))]
  const wish = { groups, shamirThreshold: 0, selection: null, macOnlyEncrypted: false }
  for (const [index, path] of secretFiles(count).entries()) {
    const text = `user: person${index}\npassword: secret-${index}-${"x".repeat(20)}\nport: ${index}\n`
    const bytes = await encryptNew(store.parse(Buffer.from(text)), { store, input: store }, wish, wrap, new Date())
    writeFileSync(join(root, path), bytes)
  }
  writeConfig(root, recipients)
  for (const args of [
    ["init", "--quiet"],
    ["add", "--all"],
    ["-c", "user.name=B", "-c", "user.email=b@example.org", "commit", "--quiet", "--message", "begin"],
  ])
    execFileSync("git", ["-C", root, ...args])
}

/** The files of such a repository, from its root. */
export function secretFiles(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `secrets/file${index}.yaml`)
}

export function writeConfig(root: string, recipients: readonly string[]): void {
  writeFileSync(
    join(root, ".sops.yaml"),
    `creation_rules:\n  - path_regex: secrets/.*\n    age:\n${recipients.map((recipient) => `      - ${recipient}\n`).join("")}`,
  )
}
