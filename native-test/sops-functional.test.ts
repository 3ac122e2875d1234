/** sops' own functional tests, with age keys in the place of its PGP keys, against the real sops and against ours in its place. */
import { cpSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { beforeAll, expect, it } from "vitest"
import { peers, run, scratch } from "./harness.ts"

const root = new URL("..", import.meta.url).pathname
const folder = scratch()
/** The PGP keys of sops' `.sops.yaml`; nobody has the last. */
const pgpKeys = ["FBC7B9E2A4F9289AC0C1D4843D16CEE4A27381B4", "D7229043384BCC60326C6FB9D8720D957C3D3074"].concat(
  "B611A2F9F11D0FF82568805119F9B5DAEA91FF86",
)

beforeAll(async () => {
  cpSync(join(peers, "sops-functional"), folder, { recursive: true })
  let config = readFileSync(join(folder, ".sops.yaml"), "utf8").replaceAll("pgp:", "age:")
  for (const [index, fingerprint] of pgpKeys.entries()) {
    const { stdout: key } = await run("age-keygen", [])
    config = config.replaceAll(fingerprint, /age1\S+/.exec(key)?.[0] ?? "")
    if (index < 2) writeFileSync(join(folder, "keys.txt"), key, { flag: "a" })
  }
  writeFileSync(join(folder, ".sops.yaml"), config)
})

/** The names of the tests that pass with what `./sops` is. */
async function passing(): Promise<string[]> {
  const env = { SOPS_AGE_KEY_FILE: join(folder, "keys.txt") }
  const { stdout } = await run(join(folder, "functional-tests"), [], { cwd: folder, env, seconds: 200 })
  return [...stdout.matchAll(/^test (\S+) \.\.\. ok$/gm)].map((match) => match[1] ?? "")
}

it("each test that the real sops passes with age keys, ours passes too", { timeout: 400_000 }, async () => {
  const sops = join(folder, "sops")
  symlinkSync(join(peers, "bin", "sops"), sops)
  const theirs = await passing()
  // The others want PGP's secret keys or a Vault server.
  expect(theirs).toHaveLength(30)
  rmSync(sops)
  writeFileSync(sops, `#!/bin/sh\nexec ${process.execPath} ${join(root, "dist/cli.js")} sops "$@"\n`, { mode: 0o755 })
  const ours = await passing()
  expect(theirs.filter((name) => !ours.includes(name))).toEqual([])
})
